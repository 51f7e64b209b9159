"""Moved files of installers, judged by findmnt --verify on real file systems under the names of a target.

It runs in a root folder of its own, where the devices are; what it says of the files before the move shows
that it would object.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from aoeinit.cli.fstab import fstab
from aoeinit.install.fstab.change import BACKUP
from aoeinit.install.fstab.device import Device
from aoeinit.install.fstab.lines import Line, parse
from aoeinit.install.fstab.plan import By, plan_fstab
from aoeinit.system.partitions import probed
from tests.unit.fstab_samples import SAMPLES, TARGET, Sample

MAKERS = {
    "ext3": ("8M", "mke2fs -q -t ext3 -L old"),
    "ext4": ("8M", "mke2fs -q -t ext4 -L two\\ words"),
    "xfs": ("320M", "mkfs.xfs -q -L x"),
    "btrfs": ("128M", "mkfs.btrfs -q -L b"),
    "vfat": ("8M", "mformat -v ESP :: -i"),
    "swap": ("8M", "mkswap -q -L s"),
}

KNOWN_TYPES = "".join(f"\t{each}\n" for each in MAKERS)
"""What the kernel of the moved system can mount; the one that runs the test may not."""

VERIFY = """\
set -e
cd "$1"
mount --rbind /usr usr
mount -t proc proc proc
mount --bind filesystems proc/filesystems
mount -t tmpfs none dev
mkdir -p dev/etherd dev/disk/by-uuid
while read -r path uuid major minor; do
	mknod ".$path" b "$major" "$minor"
	ln -sf "$path" "dev/disk/by-uuid/$uuid"
done <devices
chroot . findmnt --verify --verbose
"""


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Device]]:
    """A block device with a file system, by type; what is on it is read as from a target."""
    folder = tmp_path_factory.mktemp("disks")
    made: dict[str, Device] = {}
    try:
        for kind, (size, maker) in MAKERS.items():
            image = folder / kind
            subprocess.run(f"truncate -s {size} {image} && {maker} {image}", shell=True, check=True)  # noqa: S602
            words = ["losetup", "--find", "--show", str(image)]
            loop = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
            made[kind] = Device(loop)
            made[kind] = probed(loop)
        yield made
    finally:
        for device in made.values():
            subprocess.run(["losetup", "--detach", device.path], check=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("usr", "proc", "dev", "etc"):
        (tmp_path / folder).mkdir()
    for link in ("bin", "sbin", "lib", "lib64"):
        (tmp_path / link).symlink_to(f"usr/{link}")
    (tmp_path / "filesystems").write_text(KNOWN_TYPES)
    return tmp_path


def real(device: Device, disks: dict[str, Device]) -> Device:
    """What is on the real device of that type, under the target's name."""
    assert device.fstype is not None
    return replace(disks[device.fstype], path=device.path)


def verdicts(root: Path, text: bytes, names: dict[str, Device]) -> dict[str, str]:
    """What findmnt says, by mount point: the marks of its lines, blank where all is well."""
    (root / "etc/fstab").write_bytes(text)
    lines = []
    for path, disk in names.items():
        number = os.stat(disk.path).st_rdev
        lines.append(f"{path} {disk.uuid} {os.major(number)} {os.minor(number)}\n")
    (root / "devices").write_text("".join(lines))
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", VERIFY, "sh", str(root)]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert "0 parse errors" in said or "Success, no errors" in said, said
    found: dict[str, str] = {}
    for line in done.stdout.splitlines():
        mark = re.match(r" +\[(.)\] ", line)
        if mark:
            last = list(found)[-1]
            found[last] += mark[1].strip()
        elif line and not line.startswith("Success"):
            found.setdefault(line, "")
    return found


def entries(text: bytes) -> list[Line]:
    return [line for line in parse(text) if line.is_entry]


@pytest.mark.parametrize("by", By)
@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_findmnt_has_nothing_against_a_moved_line(
    sample: Sample, by: By, disks: dict[str, Device], root: Path
) -> None:
    text = sample.text.encode()
    mounts = {point: real(device, disks) for point, device in sample.mounts.items()}
    swaps = [real(device, disks) for device in sample.swaps]
    moved = plan_fstab(text, mounts, swaps, target=TARGET, by=by)
    assert {change.number for change in moved.changes} == set(sample.changed)
    for line in entries(text):
        (root / line.mount_point.strip("/")).mkdir(parents=True, exist_ok=True)

    names = {device.path: disks[device.fstype or ""] for device in (*mounts.values(), *swaps)}
    before, after = verdicts(root, text, names), verdicts(root, moved.text, names)

    points = {line.mount_point for line in entries(text) if line.number in sample.changed}
    assert points <= after.keys()
    assert {point: after[point] for point in points} == dict.fromkeys(points, "")
    assert all(before[point] for point in points)


def test_findmnt_objects_to_a_type_that_was_not_changed(disks: dict[str, Device], root: Path) -> None:
    (root / "home").mkdir()
    names = {"/dev/etherd/e11.0p1": disks["ext4"]}
    line = b"/dev/etherd/e11.0p1 /home %s defaults 0 2\n"
    assert verdicts(root, line % b"ext3", names) == {"/home": "E"}
    assert verdicts(root, line % b"ext4", names) == {"/home": ""}


def test_what_is_on_devices_is_read(disks: dict[str, Device]) -> None:
    assert {kind: (disk.fstype, disk.label) for kind, disk in disks.items()} == {
        "ext3": ("ext3", "old"),
        "ext4": ("ext4", "two words"),
        "xfs": ("xfs", "x"),
        "btrfs": ("btrfs", "b"),
        "vfat": ("vfat", "ESP"),
        "swap": ("swap", "s"),
    }


def test_the_owner_stays(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/fstab").write_text("UUID=1 / ext4 defaults 0 1\n")
    os.chown(tmp_path / "etc/fstab", 7, 8)
    words = ["--target", "e11.1", "--sysroot", str(tmp_path), "--map", "/=p1"]
    assert CliRunner().invoke(fstab, words, catch_exceptions=False).exit_code == 0
    for name in ("etc/fstab", BACKUP):
        assert ((tmp_path / name).stat().st_uid, (tmp_path / name).stat().st_gid) == (7, 8)
