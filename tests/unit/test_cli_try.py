"""What ``aoeinit try`` takes, finds and refuses, before anything is booted."""

import hashlib
import os
import stat
import struct
from pathlib import Path

import pytest
from click.testing import CliRunner

from aoeinit.aoe.target import Target
from aoeinit.cli.main import aoeinit
from aoeinit.cli.try_subject import find_subject
from aoeinit.cli.trying import new_log
from aoeinit.errors import AoeinitError, TrialError
from aoeinit.image.entries import Directory, File, Symlink
from aoeinit.system.beside import serving
from aoeinit.system.disk_copy import require_disk, require_kind, whole_copy
from aoeinit.system.namespace import namespace_hint
from aoeinit.system.small_disk import write_tree
from tests.unit.inspect_samples import Made, archive, directories, uki
from tests.unit.kernel_samples import RELEASE, make_release

ABOUT = f"version=0.1.0\nkernel={RELEASE}\ntarget=e7.3\nnic=listed\n"
DRIVER = f"lib/modules/{RELEASE}/kernel/drivers/net/ethernet/intel/e1000/e1000.ko"


def image(*more: Made, about: str = ABOUT, release: str = RELEASE) -> bytes:
    above = DRIVER.replace(RELEASE, release).split("/")[:-1]
    folders = ["etc", "etc/aoeinit", *("/".join(above[: end + 1]) for end in range(len(above)))]
    driver = Made(DRIVER.replace(RELEASE, release), content=b"driver")
    return archive([*directories(*folders), Made("etc/aoeinit/image", content=about.encode()), driver, *more])


def vmlinuz(release: str) -> bytes:
    """The header of a kernel's file, with the name of its release in it."""
    content = bytearray(0x400)
    content[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", content, 0x20E, 0x100)
    return bytes(content[:0x300]) + release.encode() + b" (made up)\0"


@pytest.fixture
def sysroot(tmp_path: Path) -> Path:
    """A system with one kernel and its image."""
    system = tmp_path / "system"
    make_release(system)
    (system / "boot").mkdir()
    (system / f"boot/vmlinuz-{RELEASE}").write_bytes(vmlinuz(RELEASE))
    (system / f"boot/initramfs-{RELEASE}.img").write_bytes(image())
    return system


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--disk", "d", "--firmware", "bios", "image"], "the disk itself says"),
        (["--disk", "d", "--firmware", "uefi", "--kernel", "6.1"], "the disk itself says"),
        (["--disk", "d", "--firmware", "uefi", "--append", "rw"], "the disk itself says"),
        (["--all-kernels", "image"], "--all-kernels takes no IMAGE"),
        (["--all-kernels", "--kernel", "6.1"], "--all-kernels takes no IMAGE"),
        (["--all-kernels", "--log", "log"], "--all-kernels takes no IMAGE"),
        (["--firmware", "coreboot"], "'coreboot' is not one of"),
        (["--target", "11.0"], "'11.0' is not an AoE target"),
        (["--target", "e99999.0"], "is not an AoE target"),
        (["--append", "a\nb"], "cannot be given to a boot loader"),
        (["--memory", "1"], "1 is not in the range"),
        (["--timeout", "0"], "0.0 is not in the range"),
        (["--timeout", "nan"], "it is no number of seconds"),
        (["--sysroot", "/nowhere/at/all"], "does not exist"),
        (["one", "two"], "unexpected extra argument"),
    ],
)
def test_a_wrong_command_line_is_refused(words: list[str], complaint: str) -> None:
    result = CliRunner().invoke(aoeinit, ["try", *words])
    assert result.exit_code == 2
    assert complaint in result.output


def test_the_installed_kernel_and_its_image_are_found(sysroot: Path, tmp_path: Path) -> None:
    made = sysroot / f"boot/initramfs-{RELEASE}.img"
    for named, kernel in ((None, None), (None, RELEASE), (made, None)):
        looked = find_subject(named, kernel, sysroot, tmp_path)
        assert looked.subject.release == RELEASE
        assert looked.subject.vmlinuz == sysroot / f"boot/vmlinuz-{RELEASE}"
        assert looked.subject.image == sysroot / f"boot/initramfs-{RELEASE}.img"
        assert looked.target == Target(7, 3)
        assert looked.drivers == ("e1000",)
        assert "e1000" in looked.modules


def test_a_kernel_is_named_by_its_file(sysroot: Path, tmp_path: Path) -> None:
    kernel = tmp_path / "kernel"
    kernel.write_bytes(vmlinuz(RELEASE))
    looked = find_subject(None, str(kernel), sysroot, tmp_path)
    assert (looked.subject.release, looked.subject.vmlinuz) == (RELEASE, kernel)


def test_a_kernel_of_the_modules_folder_will_do(sysroot: Path, tmp_path: Path) -> None:
    place = sysroot / f"lib/modules/{RELEASE}/vmlinuz"
    (sysroot / f"boot/vmlinuz-{RELEASE}").rename(place)
    found = find_subject(sysroot / f"boot/initramfs-{RELEASE}.img", None, sysroot, tmp_path)
    assert found.subject.vmlinuz == place


def test_a_unified_image_is_taken_apart(sysroot: Path, tmp_path: Path) -> None:
    unified = tmp_path / "unified.efi"
    words = b"root=/dev/sda1 quiet\n\0"
    parts = {".uname": RELEASE.encode(), ".linux": b"the kernel!", ".initrd": image(), ".cmdline": words}
    unified.write_bytes(uki(parts))
    subject = find_subject(unified, None, sysroot, tmp_path).subject
    assert (subject.unified, subject.own, subject.files) == (unified, "root=/dev/sda1 quiet", (unified,))
    assert subject.vmlinuz.read_bytes().startswith(b"the kernel!")
    assert subject.image.read_bytes().startswith(image())
    assert subject.release == RELEASE


@pytest.mark.parametrize(
    ("content", "kernel", "complaint"),
    [
        (None, None, "No such file"),
        (b"", None, "it is empty"),
        (b"garbage", None, "no initramfs"),
        (image(about="", release="5.0-other"), None, "no kernel 5.0-other"),
        (image(), "5.0-other", f"has modules for kernel {RELEASE}, not for 5.0-other"),
        (image(), "/nowhere/kernel", "/nowhere/kernel: No such file"),
        (image(), "/dev/null", "/dev/null is no kernel"),
        (archive([*directories("etc")]), None, "does not tell which kernel it is for"),
    ],
)
def test_what_cannot_be_booted_is_refused_in_one_line(
    sysroot: Path, tmp_path: Path, content: bytes | None, kernel: str | None, complaint: str
) -> None:
    file = tmp_path / "image"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(AoeinitError) as caught:
        find_subject(file, kernel, sysroot, tmp_path)
    assert complaint in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("missing", ["initramfs-{}.img", "vmlinuz-{}"])
def test_what_is_not_installed_is_named(sysroot: Path, tmp_path: Path, missing: str) -> None:
    name = missing.format(RELEASE)
    (sysroot / "boot" / name).unlink()
    with pytest.raises(TrialError) as caught:
        find_subject(None, RELEASE, sysroot, tmp_path)
    assert name in f"{caught.value.message} {caught.value.hint}"


def test_an_empty_system_has_nothing_to_try(tmp_path: Path) -> None:
    with pytest.raises(TrialError, match="no kernel is installed"):
        find_subject(None, None, tmp_path, tmp_path)
    result = CliRunner().invoke(aoeinit, ["try", "--all-kernels", "--sysroot", str(tmp_path)])
    assert isinstance(result.exception, TrialError)


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        ("missing", "No such file"),
        ("folder", "is a folder"),
        ("empty", "is empty"),
        ("null", "neither"),
        ("pipe", "neither"),
        ("qcow2", "QEMU's own format"),
    ],
)
def test_what_is_no_disk_is_refused(tmp_path: Path, kind: str, complaint: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "qcow2").write_bytes(b"QFI\xfb" + bytes(512))
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    (tmp_path / "null").symlink_to("/dev/null")
    with pytest.raises(TrialError, match=complaint) as caught:
        list(require_disk(tmp_path / kind))
    assert caught.value.hint


def test_a_target_is_left_alone() -> None:
    with pytest.raises(TrialError, match="is a target itself"):
        require_kind(Path("/dev/etherd/e11.0"), stat.S_IFBLK | 0o660, os.makedev(152, 16))
    require_kind(Path("/dev/vda"), stat.S_IFBLK | 0o660, os.makedev(254, 0))


def test_a_disk_that_somebody_writes_to_is_told(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(512))
    with disk.open("rb"):
        assert list(require_disk(disk)) == []
    with disk.open("r+b"):
        (warning,) = require_disk(disk)
    assert "is in use" in warning


@pytest.mark.parametrize("name", ["disk", "link", "folder", "pipe"])
def test_the_console_overwrites_nothing_that_is_read(tmp_path: Path, name: str) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(b"content")
    (tmp_path / "link").hardlink_to(disk)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TrialError, match="would overwrite"):
        new_log(tmp_path / name, [disk])
    assert disk.read_bytes() == b"content"
    assert new_log(tmp_path / "log", [disk]).read_bytes() == b""


def test_a_pipe_is_no_kernel(sysroot: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TrialError, match="is no file"):
        find_subject(None, f"{tmp_path}/pipe", sysroot, tmp_path)


def test_what_a_server_said_stands_in_one_line(tmp_path: Path) -> None:
    command = ["env", "--", "sh", "-c", "echo one; echo two >&2; exit 1"]
    with (
        pytest.raises(TrialError, match=r"^sh does not serve: one; two$"),
        serving(command, tmp_path / "log", "ready"),
    ):
        pass


def test_a_whole_copy_has_the_bytes_and_the_disk_keeps_them(tmp_path: Path) -> None:
    disk, folder = tmp_path / "disk.img", tmp_path / "folder"
    folder.mkdir()
    content = bytes(1 << 20) + b"content" * 1000
    disk.write_bytes(content)
    disk.chmod(0o400)
    assert list(require_disk(disk)) == []
    copy = whole_copy(disk, folder)
    assert copy.read_bytes() == content
    with copy.open("r+b") as file:
        file.write(b"changed")
    assert hashlib.sha256(disk.read_bytes()).digest() == hashlib.sha256(content).digest()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kernel/unprivileged_userns_clone": "0"}, "kernel.unprivileged_userns_clone, which is 0"),
        ({"kernel/apparmor_restrict_unprivileged_userns": "1"}, "apparmor_restrict_unprivileged_userns"),
        ({"user/max_user_namespaces": "0", "kernel/unprivileged_userns_clone": "1"}, "max_user_namespaces"),
        ({"kernel/unprivileged_userns_clone": "1"}, "run as root; in a container"),
        ({}, "run as root; in a container"),
    ],
)
def test_the_setting_that_forbids_namespaces_is_named(
    tmp_path: Path, settings: dict[str, str], words: str
) -> None:
    for name, value in settings.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(value + "\n")
    assert words in namespace_hint(tmp_path)


def test_a_tree_is_written_as_it_was_arranged(tmp_path: Path) -> None:
    entries = (Directory("bin"), File("bin/busybox", b"program", 0o755), Symlink("bin/sh", "/bin/busybox"))
    write_tree(tmp_path / "tree", entries)
    assert (tmp_path / "tree/bin/busybox").read_bytes() == b"program"
    assert (tmp_path / "tree/bin/busybox").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "tree/bin/sh").readlink() == Path("/bin/busybox")
