import json
import os
import sys
from pathlib import Path

import pytest

from aoeinit.cli import main
from aoeinit.cli.kernel_install import require_space
from aoeinit.errors import AoeinitError
from aoeinit.install.kernel_install import Build
from tests.unit.kernel_samples import RELEASE
from tests.unit.system_sample import make_system

OWNER = "0123"


class Aoeinit:
    """The command, run in this interpreter."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch = monkeypatch
        self.capsys = capsys
        self.out = ""
        self.err = ""

    def __call__(self, *arguments: object, **environment: object) -> int:
        self.monkeypatch.setattr(sys, "argv", ["aoeinit", *map(str, arguments)])
        for key, value in environment.items():
            self.monkeypatch.setenv(f"KERNEL_INSTALL_{key}", str(value))
        code = main.run()
        self.out, self.err = self.capsys.readouterr()
        return code


@pytest.fixture
def aoeinit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Aoeinit:
    for key in [key for key in os.environ if key.startswith("KERNEL_INSTALL_")]:
        monkeypatch.delenv(key)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    return Aoeinit(monkeypatch, capsys)


@pytest.fixture
def sysroot(tmp_path: Path) -> Path:
    made = make_system(tmp_path / "system")
    (made / "boot").mkdir(exist_ok=True)
    (made / "etc").mkdir(exist_ok=True)
    (made / "etc/aoeinit.toml").write_text('nic = "nic"\nfilesystem = "ext4"\n')
    return made


def run(
    aoeinit: Aoeinit, sysroot: Path, *arguments: object, layout: str = "other", **environment: object
) -> int:
    return aoeinit(
        "kernel-install",
        "--sysroot",
        sysroot,
        *arguments,
        INITRD_GENERATOR="aoeinit",
        LAYOUT=layout,
        BOOT_ROOT=sysroot / "boot",
        ENTRY_TOKEN=OWNER,
        **environment,
    )


def entry(sysroot: Path, image: str = f"initramfs-{RELEASE}.img") -> Path:
    path = sysroot / f"boot/loader/entries/{OWNER}-{RELEASE}.conf"
    path.parent.mkdir(parents=True)
    path.write_text(f"title x\nlinux /vmlinuz-{RELEASE}\ninitrd /{image}\n")
    return path


def test_an_image_comes_with_its_kernel_and_goes_with_it(aoeinit: Aoeinit, sysroot: Path) -> None:
    image = sysroot / f"boot/initramfs-{RELEASE}.img"
    named = entry(sysroot)
    assert run(aoeinit, sysroot, "add", RELEASE) == 0
    assert aoeinit.out == f"aoeinit: {image}: {image.stat().st_size} bytes, 8 modules\n"
    assert image.stat().st_mode & 0o7777 == 0o600
    assert named.exists()
    assert run(aoeinit, sysroot, "remove", RELEASE) == 0
    assert not image.exists()
    assert run(aoeinit, sysroot, "remove", RELEASE) == 0


def test_the_name_is_the_distributions(aoeinit: Aoeinit, sysroot: Path) -> None:
    (sysroot / "etc/os-release").write_text("ID=debian\n")
    assert run(aoeinit, sysroot, "add", RELEASE) == 0
    assert [path.name for path in (sysroot / "boot").iterdir()] == [f"initrd.img-{RELEASE}"]


def test_a_staged_image_is_for_root_alone(aoeinit: Aoeinit, sysroot: Path, tmp_path: Path) -> None:
    (tmp_path / "staging").mkdir()
    place = sysroot / "boot/0123" / RELEASE
    place.mkdir(parents=True)
    assert run(aoeinit, sysroot, "add", RELEASE, place, layout="bls", STAGING_AREA=tmp_path / "staging") == 0
    assert (tmp_path / "staging/initrd").stat().st_mode & 0o7777 == 0o600
    assert list(place.iterdir()) == []


def test_a_failure_takes_away_the_entry_of_a_kernel_without_an_image(aoeinit: Aoeinit, sysroot: Path) -> None:
    dead = entry(sysroot)
    other = dead.with_name("0123-0-rescue.conf")
    other.write_text(dead.read_text())
    (sysroot / "bin/busybox").unlink()
    assert run(aoeinit, sysroot, "add", RELEASE) == 1
    assert not dead.exists()
    assert other.exists()
    assert "busybox" in aoeinit.err
    assert f"removed {dead}: kernel {RELEASE} has no image" in aoeinit.err


def test_a_failure_keeps_the_old_image_and_its_entry(aoeinit: Aoeinit, sysroot: Path) -> None:
    image = sysroot / f"boot/initramfs-{RELEASE}.img"
    image.write_text("old")
    named = entry(sysroot)
    (sysroot / "bin/busybox").unlink()
    assert run(aoeinit, sysroot, "add", RELEASE) == 1
    assert image.read_text() == "old"
    assert named.exists()
    assert f"{image} is kept as it was" in aoeinit.err


def test_a_failure_keeps_an_entry_with_another_image(aoeinit: Aoeinit, sysroot: Path) -> None:
    named = entry(sysroot, image="mine.img")
    (sysroot / "bin/busybox").unlink()
    assert run(aoeinit, sysroot, "add", RELEASE) == 1
    assert named.exists()


def test_who_is_not_wanted_does_nothing_and_says_why_if_asked(aoeinit: Aoeinit, sysroot: Path) -> None:
    arguments = ("kernel-install", "--sysroot", sysroot, "add", RELEASE)
    assert aoeinit(*arguments, INITRD_GENERATOR="dracut") == 0
    assert (aoeinit.out, aoeinit.err) == ("", "")
    assert aoeinit(*arguments, INITRD_GENERATOR="dracut", VERBOSE=1) == 0
    assert aoeinit.out == "aoeinit: nothing to do: the initrd generator is dracut, not aoeinit\n"
    assert list((sysroot / "boot").iterdir()) == []


def test_who_calls_it_by_hand_is_told_why_nothing_happens(aoeinit: Aoeinit, sysroot: Path) -> None:
    assert aoeinit("kernel-install", "--sysroot", sysroot, "add", RELEASE) == 0
    assert aoeinit.out == "aoeinit: nothing to do: the initrd generator is not set, not aoeinit\n"


def test_before_systemd_251_install_conf_says_who_is_wanted(aoeinit: Aoeinit, sysroot: Path) -> None:
    arguments = ("kernel-install", "--sysroot", sysroot, "add", RELEASE)
    assert aoeinit(*arguments) == 0
    assert list((sysroot / "boot").iterdir()) == []
    (sysroot / "etc/kernel").mkdir()
    (sysroot / "etc/kernel/install.conf").write_text("initrd_generator=aoeinit\n")
    assert aoeinit(*arguments) == 0
    assert [path.name for path in (sysroot / "boot").iterdir()] == [f"initramfs-{RELEASE}.img"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["add"], 2, "Missing argument 'KVER'"),
        ([], 2, "Missing argument"),
        (["add", "../../etc/passwd"], 1, "'../../etc/passwd' is not a kernel release"),
        (["add", "9.9.9"], 1, "9.9.9"),
        (["--frob", "add", RELEASE], 2, "No such option"),
    ],
)
def test_wrong_input_is_named(
    aoeinit: Aoeinit, sysroot: Path, arguments: list[str], code: int, message: str
) -> None:
    assert run(aoeinit, sysroot, *arguments) == code
    assert message in aoeinit.err


def test_what_does_not_fit_is_refused_before_the_old_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel, image, old = tmp_path / "kernel", tmp_path / "image", tmp_path / "entry/linux"
    old.parent.mkdir()
    for path, size in ((kernel, 5000), (image, 3000), (old, 2000)):
        path.write_bytes(bytes(size))
    todo = Build("1", image, old.with_name("initrd"), ((old, (kernel,)), (old.with_name("initrd"), (image,))))
    real = os.statvfs(tmp_path)

    def with_free(size: int) -> None:
        fields = list(real)
        fields[1], fields[4] = 1, size
        monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(fields))

    with_free(6000)
    require_space(todo)
    with_free(5999)
    with pytest.raises(AoeinitError, match="initrd would take 3000 bytes, and there are 2999"):
        require_space(todo)
    with_free(2999)
    with pytest.raises(AoeinitError, match="linux would take 5000 bytes, and there are 4999"):
        require_space(todo)


def test_a_kernel_that_is_not_there_is_named(aoeinit: Aoeinit, sysroot: Path, tmp_path: Path) -> None:
    (tmp_path / "staging").mkdir()
    place = sysroot / "boot/0123" / RELEASE
    gone = tmp_path / "vmlinuz"
    staging = tmp_path / "staging"
    assert run(aoeinit, sysroot, "add", RELEASE, place, gone, layout="bls", STAGING_AREA=staging) == 1
    assert f"cannot read {gone}: No such file or directory" in aoeinit.err
    assert "standard output" not in aoeinit.err


def test_an_entry_that_cannot_be_read_does_not_hide_why_there_is_no_image(
    aoeinit: Aoeinit, sysroot: Path
) -> None:
    unreadable = entry(sysroot)
    unreadable.unlink()
    unreadable.mkdir()
    (sysroot / "bin/busybox").unlink()
    assert run(aoeinit, sysroot, "add", RELEASE) == 1
    assert f"cannot read {unreadable}: Is a directory; see whether an entry there names" in aoeinit.err
    assert "busybox" in aoeinit.err
    assert "standard output" not in aoeinit.err


class TestHooks:
    @pytest.fixture
    def debian(self, sysroot: Path) -> Path:
        for path, text, mode in (
            ("etc/os-release", "ID=debian\n", 0o644),
            ("etc/kernel/postinst.d/initramfs-tools", "#!/bin/sh\n", 0o755),
            ("usr/bin/kernel-install", "", 0o755),
        ):
            (sysroot / path).parent.mkdir(parents=True, exist_ok=True)
            (sysroot / path).write_text(text)
            (sysroot / path).chmod(mode)
        return sysroot

    def test_nothing_is_silenced_without_consent(
        self, aoeinit: Aoeinit, debian: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdin", open(os.devnull))  # noqa: SIM115 - until the test ends
        assert aoeinit("hooks", "install", "--sysroot", debian) == 1
        assert "this would change /etc/kernel/postinst.d/initramfs-tools" in aoeinit.err
        assert "--yes" in aoeinit.err
        assert not (debian / "etc/kernel/install.conf").exists()
        assert not (debian / "var").exists()
        sys.stdin.close()

    def test_install_status_and_remove(self, aoeinit: Aoeinit, debian: Path) -> None:
        hook = debian / "etc/kernel/postinst.d/initramfs-aoeinit"
        tools = debian / "etc/kernel/postinst.d/initramfs-tools"
        assert aoeinit("hooks", "status", "--sysroot", debian) == 1
        assert "also active: initramfs-tools, called through /etc/kernel/postinst.d/initramfs-tools" in (
            aoeinit.out
        )
        assert aoeinit("hooks", "install", "--sysroot", debian, "--dry-run") == 0
        assert "would write /etc/kernel/postinst.d/initramfs-aoeinit" in aoeinit.out
        assert [
            line.split(":")[0] for line in aoeinit.out.splitlines() if "(needs consent: --yes)" in line
        ] == ["would make not executable /etc/kernel/postinst.d/initramfs-tools"]
        assert not hook.exists()
        assert aoeinit("hooks", "install", "--sysroot", debian, "--yes") == 0
        assert "make not executable /etc/kernel/postinst.d/initramfs-tools" in aoeinit.out
        assert hook.stat().st_mode & 0o777 == 0o755
        assert tools.stat().st_mode & 0o111 == 0
        assert aoeinit("hooks", "install", "--sysroot", debian) == 0
        assert aoeinit.out == "nothing to change: the hooks are in place\n"
        assert aoeinit("hooks", "status", "--sysroot", debian) == 1
        assert "hooks call: aoeinit, which is not there" in aoeinit.out
        (debian / "usr/bin/aoeinit").touch(mode=0o755)
        assert aoeinit("hooks", "status", "--sysroot", debian, "--json") == 0
        assert json.loads(aoeinit.out)["complete"] is True
        assert aoeinit("hooks", "status", "--sysroot", debian) == 0
        assert "in place: /etc/kernel/postinst.d/initramfs-tools\n" in f"{aoeinit.out}\n"
        (debian / "etc/fstab").write_text("/dev/etherd/e11.0p3 / ext4 defaults 0 1\n")
        assert aoeinit("hooks", "remove", "--sysroot", debian) == 0
        assert "warning: the root is on /dev/etherd/e11.0p3: without the hooks" in aoeinit.err
        assert not hook.exists()
        assert tools.stat().st_mode & 0o777 == 0o755
        assert not (debian / "var").exists()
        assert not (debian / "etc/kernel/install.d").exists()
        assert aoeinit("hooks", "remove", "--sysroot", debian) == 0
        assert aoeinit.out == "nothing to change: no hooks are installed\n"

    @pytest.mark.parametrize("command", ["", "/usr/bin/gone", "/etc", "rm -r /"])
    def test_a_command_that_is_not_there_is_refused(
        self, aoeinit: Aoeinit, debian: Path, command: str
    ) -> None:
        assert aoeinit("hooks", "install", "--sysroot", debian, "--yes", "--command", command) == 1
        assert f"has no command {command!r}" in aoeinit.err
        assert not (debian / "etc/kernel/install.conf").exists()

    def test_a_plugin_of_somebodys_own_in_a_masks_place_is_marked(
        self, aoeinit: Aoeinit, debian: Path
    ) -> None:
        for folder in ("usr/lib/kernel/install.d", "etc/kernel/install.d"):
            (debian / folder).mkdir(parents=True)
            (debian / folder / "85-initrd.install").write_text("#!/bin/sh\n")
        assert aoeinit("hooks", "install", "--sysroot", debian, "--dry-run") == 0
        (masked,) = (line for line in aoeinit.out.splitlines() if "/85-initrd.install" in line)
        assert masked.endswith("(needs consent: --yes)")

    def test_a_system_that_has_no_aoeinit_yet_is_warned_of(self, aoeinit: Aoeinit, debian: Path) -> None:
        assert aoeinit("hooks", "install", "--sysroot", debian, "--yes") == 0
        assert f"warning: {debian} has no command aoeinit yet" in aoeinit.err

    def test_the_changes_as_data(self, aoeinit: Aoeinit, debian: Path) -> None:
        assert aoeinit("hooks", "install", "--sysroot", debian, "--dry-run", "--json") == 0
        result = json.loads(aoeinit.out)
        assert result["changed"] is False
        assert {
            "path": "/etc/kernel/postinst.d/initramfs-tools",
            "what": "make not executable",
            "why": "keeps initramfs-tools from replacing the image when a kernel is installed",
            "consent": True,
        } in result["changes"]
