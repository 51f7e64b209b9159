"""The real kernel-install of two systemd versions with our hooks: images come and go, and no old one is lost.

Fedora's GRUB layout is that of Debian's kernel-install with a plugin that does what Fedora's does.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.installation import (
    BOOKWORM,
    COMMAND,
    MACHINE_ID,
    TRIXIE,
    Done,
    Installation,
    Suite,
    installation,
    make_project,
    make_wheel,
    with_few_modules,
)
from tests.lab.kernels import Kernel, debian_kernel

SUITES = (BOOKWORM, TRIXIE)
MODULES = ("e1000", "ext4", "aoe")
BOOT = "/redirected"
FEDORA_PLUGIN = Path(__file__).parents[1] / "lab/fedora_grub.sh"
IMAGES = {"bls": f"{BOOT}/{MACHINE_ID}/{{}}/initrd", "other": f"{BOOT}/initrd.img-{{}}"}
ENTRY = f"{BOOT}/loader/entries/{MACHINE_ID}-{{}}.conf"
UKI = f"{BOOT}/EFI/Linux/{MACHINE_ID}-{{}}.efi"
MIB = 1 << 20


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kernel]:
    """The kernel of each suite, with what an image needs of its modules."""
    folder = tmp_path_factory.mktemp("kernels")
    return {
        suite.name: with_few_modules(debian_kernel(suite.name), folder / suite.name, MODULES)
        for suite in SUITES
    }


@pytest.fixture(scope="session")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """The project installed for the Python of each suite, from its wheel."""
    folder = tmp_path_factory.mktemp("projects")
    wheel = make_wheel(folder)
    made = {suite.name: make_project(folder / suite.name, wheel, suite) for suite in SUITES}
    yield made
    shutil.rmtree(folder)


@pytest.fixture(params=SUITES, ids=lambda suite: suite.name)
def system(
    request: pytest.FixtureRequest, projects: dict[str, Path], kernels: dict[str, Kernel]
) -> Iterator[Installation]:
    """A system whose hooks are installed; neither its /boot nor the machine's own may change."""
    suite: Suite = request.param
    machines_own = tree(Path("/boot"))
    with installation(suite, projects[suite.name], kernels[suite.name]) as made:
        made.run(COMMAND, "hooks", "install", "--yes")
        made.file(BOOT).mkdir()
        yield made
    assert tree(Path("/boot")) == machines_own


def tree(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Everything below a folder: mode, size, and the sum of its content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        if path.is_symlink():
            content = os.fsencode(path.readlink())
        found[str(path.relative_to(folder))] = (
            status.st_mode,
            len(content),
            hashlib.sha256(content).hexdigest(),
        )
    return found


def set_layout(system: Installation, layout: str) -> None:
    with system.file("/etc/kernel/install.conf").open("a") as file:
        file.write(f"layout={layout}\n")


def kernel_install(system: Installation, command: str) -> Done:
    """Add or remove the kernel, with the boot root redirected; first it must be known that it is."""
    kernel = [system.vmlinuz] if command == "add" else []
    inspected = system.run("kernel-install", "inspect", system.release, system.vmlinuz, BOOT_ROOT=BOOT)
    assert re.search(rf"(KERNEL_INSTALL_BOOT_ROOT: |Boot Root: ){BOOT}\n", inspected)
    return system.attempt("kernel-install", command, system.release, *kernel, BOOT_ROOT=BOOT)


def add(system: Installation) -> None:
    done = kernel_install(system, "add")
    assert done.code == 0, done.said


def expected(system: Installation) -> bytes:
    """The image that `aoeinit build` makes in the same system: the same inputs give the same bytes."""
    system.run(COMMAND, "build", "--kernel", system.release, "--output", "/root/expected")
    return system.file("/root/expected").read_bytes()


def check_image(system: Installation, path: str) -> None:
    image = system.file(path)
    assert image.stat().st_mode & 0o7777 == 0o600
    assert image.read_bytes() == expected(system)


def initrds(entry: Path) -> list[str]:
    return re.findall(r"^initrd\s+(.*)$", entry.read_text(), re.MULTILINE)


@pytest.mark.parametrize("layout", ["bls", "other"])
def test_an_image_comes_and_goes_with_its_kernel(system: Installation, layout: str) -> None:
    foreign = system.file(f"/boot/initrd.img-{system.release}")
    foreign.write_text("another generator's image")
    before = tree(system.file("/boot"))
    set_layout(system, layout)
    image = IMAGES[layout].format(system.release)
    add(system)
    check_image(system, image)
    entry = system.file(ENTRY.format(system.release))
    if layout == "bls":
        assert initrds(entry) == [image]
        assert sorted(path.name for path in system.file(image).parent.iterdir()) == ["initrd", "linux"]
    else:
        assert list(tree(system.file(BOOT))) == [Path(image).name]
    assert kernel_install(system, "remove").code == 0
    left = [path for path in system.file(BOOT).rglob("*") if system.release in path.name]
    assert left == []
    assert tree(system.file("/boot")) == before


@pytest.mark.parametrize("system", [TRIXIE], ids=["trixie"], indirect=True)
def test_an_image_comes_inside_a_unified_kernel_image(system: Installation) -> None:
    set_layout(system, "uki")
    add(system)
    unified = system.file(UKI.format(system.release))
    assert unified.stat().st_mode & 0o7777 == 0o600
    assert expected(system) in unified.read_bytes()
    assert not system.file(f"{BOOT}/loader").exists()
    assert kernel_install(system, "remove").code == 0
    assert list(unified.parent.iterdir()) == []
    assert tree(system.file("/boot")) == {}


BREAKAGES = {
    "busybox": ("/usr/bin/busybox", r"busybox"),
    "aoe": ("/usr/lib/modules/{}/kernel/drivers/block/aoe", r"\baoe\b"),
}


def break_builds(system: Installation, what: str) -> str:
    """Take away what no image can do without; gives what the message must say."""
    path, message = BREAKAGES[what]
    system.run("rm", "-r", path.format(system.release))
    return message


@pytest.mark.parametrize("what", BREAKAGES)
@pytest.mark.parametrize("layout", ["bls", "other"])
def test_a_failure_fails_the_installation_and_leaves_no_entry(
    system: Installation, layout: str, what: str
) -> None:
    set_layout(system, layout)
    message = break_builds(system, what)
    done = kernel_install(system, "add")
    assert done.code != 0
    assert re.search(message, done.said)
    assert not [path for path in tree(system.file(BOOT)) if "initrd" in path or path.endswith(".conf")]
    assert tree(system.file("/boot")) == {}


@pytest.mark.parametrize("layout", ["bls", "other", "uki"])
def test_a_failure_keeps_what_was_there(system: Installation, layout: str) -> None:
    if layout == "uki" and not system.file("/usr/lib/kernel/install.d/60-ukify.install").exists():
        layout = "grub"  # systemd 252 knows no unified kernel images: any name is another layout to it
    set_layout(system, layout)
    add(system)
    before = tree(system.file(BOOT))
    assert before
    break_builds(system, "busybox")
    assert kernel_install(system, "add").code != 0
    assert tree(system.file(BOOT)) == before


@pytest.mark.parametrize("layout", ["bls", "other"])
def test_a_boot_that_is_too_small_gets_nothing(system: Installation, layout: str) -> None:
    set_layout(system, layout)
    kernel = system.file(system.vmlinuz).stat().st_size if layout == "bls" else 0
    system.mount("-t", "tmpfs", "-o", f"size={kernel + MIB}", "small", f"{system.folder}{BOOT}")
    done = kernel_install(system, "add")
    assert done.code != 0
    assert re.search(r"No space left on device|would take \d+ bytes, and there are \d+ in", done.said)
    assert not [path for path in system.file(BOOT).rglob("*") if path.is_file()]


@pytest.mark.parametrize("layout", ["bls", "other", "uki"])
def test_a_full_boot_keeps_what_was_there(system: Installation, layout: str) -> None:
    if layout == "uki" and not system.file("/usr/lib/kernel/install.d/60-ukify.install").exists():
        layout = "grub"
    set_layout(system, layout)
    system.mount("-t", "tmpfs", "-o", f"size={64 * MIB}", "boot", f"{system.folder}{BOOT}")
    add(system)
    before = tree(system.file(BOOT))
    # The next image is larger by megabytes, and there is not one left.
    system.file("/root/bulk").write_bytes(os.urandom(4 * MIB))
    with system.file("/etc/aoeinit.toml").open("a") as file:
        file.write('file = "/root/bulk"\n')
    status = os.statvfs(system.file(BOOT))
    system.file(f"{BOOT}/filler").write_bytes(bytes(status.f_bavail * status.f_frsize - MIB // 4))
    done = kernel_install(system, "add")
    assert done.code != 0, done.said
    system.file(f"{BOOT}/filler").unlink()
    assert tree(system.file(BOOT)) == before
    add(system)
    assert tree(system.file(BOOT)) != before


class TestFedorasGrub:
    """A boot entry stands in /boot before any image is made, under a layout that copies no staging area."""

    @pytest.fixture(autouse=True)
    def _fedora(self, system: Installation) -> None:
        set_layout(system, "other")
        system.file("/etc/os-release").unlink()
        system.file("/etc/os-release").write_text("ID=fedora\n")
        shutil.copy(FEDORA_PLUGIN, system.file("/etc/kernel/install.d/20-grub.install"))

    def call(self, system: Installation, command: str) -> Done:
        kernel = [system.vmlinuz] if command == "add" else []
        return system.attempt("kernel-install", command, system.release, *kernel)

    def test_an_image_comes_and_goes_with_its_entry(self, system: Installation) -> None:
        done = self.call(system, "add")
        assert done.code == 0, done.said
        check_image(system, f"/boot/initramfs-{system.release}.img")
        assert initrds(self.entry(system)) == [f"/initramfs-{system.release}.img"]
        assert self.call(system, "remove").code == 0
        assert [path for path in tree(system.file("/boot")) if system.release in path] == []

    def test_an_entry_that_could_not_boot_goes(self, system: Installation) -> None:
        break_builds(system, "busybox")
        done = self.call(system, "add")
        assert done.code != 0
        assert f"kernel {system.release} has no image" in done.said
        assert not self.entry(system).exists()

    def test_an_entry_with_an_old_image_stays_and_so_does_the_image(self, system: Installation) -> None:
        assert self.call(system, "add").code == 0
        before = tree(system.file("/boot"))
        break_builds(system, "aoe")
        assert self.call(system, "add").code != 0
        assert tree(system.file("/boot")) == before

    def entry(self, system: Installation) -> Path:
        return system.file(ENTRY.format(system.release).replace(BOOT, "/boot"))


def test_debians_kernel_packages_make_ours_and_initramfs_tools_leaves_it(system: Installation) -> None:
    image = f"/boot/initrd.img-{system.release}"
    shutil.copy(system.file(system.vmlinuz), system.file(f"/boot/vmlinuz-{system.release}"))

    def packages_run(event: str, parameters: str) -> str:
        arguments = [f"--arg={system.release}", f"--arg=/boot/vmlinuz-{system.release}"]
        folder = f"/etc/kernel/{event}.d"
        return system.run(
            "run-parts", "--verbose", "--exit-on-error", *arguments, folder, DEB_MAINT_PARAMS=parameters
        )

    system.run("depmod", system.release)  # as the package itself does
    ran = packages_run("postinst", "'configure' ''")
    assert "initramfs-aoeinit" in ran
    check_image(system, image)
    said = system.run("update-initramfs", "-u", "-k", system.release)
    assert "Not updating" in said
    check_image(system, image)
    packages_run("postrm", "'upgrade' '2'")
    assert system.file(image).exists()
    packages_run("postrm", "'remove'")
    assert not system.file(image).exists()


def test_removing_the_hooks_puts_back_all_of_etc(
    projects: dict[str, Path], kernels: dict[str, Kernel]
) -> None:
    with installation(BOOKWORM, projects["bookworm"], kernels["bookworm"]) as system:
        before = tree(system.file("/etc"))
        system.run(COMMAND, "hooks", "install", "--yes")
        assert "nothing to change" in system.run(COMMAND, "hooks", "install")
        assert tree(system.file("/etc")) != before
        system.run(COMMAND, "hooks", "remove")
        assert tree(system.file("/etc")) == before
        assert not system.file("/var/lib/aoeinit").exists()
