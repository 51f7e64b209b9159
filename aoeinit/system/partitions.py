"""What is on the partitions of a target that this machine sees."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aoeinit.aoe.target import Target
from aoeinit.errors import AoeinitError
from aoeinit.install.command import Command
from aoeinit.install.fstab.device import Device
from aoeinit.system.commands import failed, search_path

SECTOR: Final = 512
"""The unit of sizes in sysfs, whatever the device's own is."""

NOTHING_FOUND: Final = 2
"""blkid's exit code for a device with nothing on it that it knows."""

_HEX = re.compile(rb"\\x([0-9a-fA-F]{2})")


def partitions_of(target: Target, sysfs: Path = Path("/sys")) -> tuple[Device, ...] | None:
    """Give the partitions of a target, and first its whole disk if a file system is on that.

    ``None`` where this machine has no such target. Raises :class:`AoeinitError` where they cannot be read.
    """
    disk = sysfs / "block" / f"etherd!{target}"
    if not disk.is_dir():
        return None
    whole = probed(f"/dev/etherd/{target}", size=_size(disk))
    return (*((whole,) if whole.fstype else ()), *_partitions(disk))


def _partitions(disk: Path) -> Iterator[Device]:
    numbers = {int((each / "partition").read_text()): each for each in disk.glob(f"{disk.name}p*")}
    for _, folder in sorted(numbers.items()):
        yield probed("/dev/" + folder.name.replace("!", "/"), size=_size(folder))


def _size(folder: Path) -> int:
    return int((folder / "size").read_text()) * SECTOR


def probed(path: str, *, size: int | None = None) -> Device:
    """Tell what is on a device.

    ``blkid --probe`` reads the device itself. lsblk would ask udev, which knows nothing of what is on AoE
    devices. Raises :class:`AoeinitError` where it cannot be read.
    """
    program = shutil.which("blkid", path=search_path())
    if program is None:
        raise AoeinitError("blkid is not installed", "install the package util-linux")
    command = Command((program, "--probe", "--output", "udev", path), "reads what is on it")
    done = subprocess.run(
        command.words, check=False, capture_output=True, env={**os.environ, "LC_ALL": "C.UTF-8"}
    )
    if done.returncode not in {0, NOTHING_FOUND}:
        raise failed(command, done.returncode, done.stderr)
    if not os.access(path, os.R_OK):
        raise AoeinitError(f"cannot read {path}", "run as root, and see whether it is there")
    return described(path, done.stdout, size)


def described(path: str, told: bytes, size: int | None = None) -> Device:
    r"""Read what blkid tells: ``KEY=value`` lines for udev, in which ``\x20`` stands for a blank."""
    found = {
        key: os.fsdecode(_HEX.sub(lambda match: bytes([int(match[1], 16)]), value))
        for key, _, value in (line.partition(b"=") for line in told.splitlines())
    }
    return Device(
        path=path,
        fstype=found.get(b"ID_FS_TYPE"),
        uuid=found.get(b"ID_FS_UUID_ENC"),
        label=found.get(b"ID_FS_LABEL_ENC"),
        partuuid=found.get(b"ID_PART_ENTRY_UUID"),
        partlabel=found.get(b"ID_PART_ENTRY_NAME"),
        size=size,
    )
