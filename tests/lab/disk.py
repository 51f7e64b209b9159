"""Disk images that hold a root's file system, made without root, loop devices or mounts."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab.efi import make_efi_partition
from tests.lab.filesystems import FORMATS
from tests.lab.programs import LabError, run

SECTOR = 512
MIB = 1 << 20
SUPERBLOCK = 1024
"""Where it begins in an ext4, and its size, in bytes."""
EXT4_MAGIC = 0xEF53
EXT4_VALID = 1
"""The state unmounted cleanly, without the mark of an error beside it."""
EXT4_RECOVER = 0x4
START = MIB
"""Where the first partition begins, in bytes: what lies before it is left to the boot loader."""
KINDS = {"dos": "83", "gpt": "L"}
"""The type of a Linux partition in each table."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk image whose file system begins at byte ``start``: its first partition's, or 0 without one."""

    path: Path
    start: int = START


@dataclass(frozen=True, slots=True)
class Names:
    """By what a root is found, beside its device; an empty name is left to chance or left out.

    ``table`` is the serial number of a dos table, of which partitions take theirs.
    """

    uuid: str = ""
    label: str = ""
    partuuid: str = ""
    partlabel: str = ""
    table: str = ""


NAMELESS = Names()


def make_disk(
    path: Path, tree: Path, *, mib: int, label: str = "dos", filesystem: str = "ext4", names: Names = NAMELESS
) -> Disk:
    """Make a disk of ``mib`` MiB with one file system that holds ``tree``.

    ``label`` is the partition table, dos or gpt, or none for a file system on the whole disk.
    """
    part = path.with_suffix(".part")
    make_empty(part, (mib - 2) * MIB)
    FORMATS[filesystem](part, tree, names.uuid, names.label)
    if label == "none":
        part.rename(path)
        return Disk(path, start=0)
    make_empty(path, mib * MIB)
    run(["sfdisk", "--quiet", str(path)], stdin=table(label, part.stat().st_size, names))
    copy_into(path, part, START)
    return Disk(path)


def make_efi_disk(path: Path, tree: Path, files: Mapping[str, Path], *, mib: int) -> Disk:
    """Make a disk that EFI firmware starts ``files`` from, and whose second partition is an ext4 of ``tree``.

    Each partition has ``mib`` MiB.
    """
    parts = path.with_suffix(".esp"), path.with_suffix(".part")
    make_efi_partition(parts[0], files, mib=mib)
    make_empty(parts[1], mib * MIB)
    FORMATS["ext4"](parts[1], tree, "", "")
    make_empty(path, (2 * mib + 2) * MIB)
    size = mib * MIB // SECTOR
    starts = START // SECTOR, START // SECTOR + size
    lines = ["label: gpt", f"start={starts[0]}, size={size}, type=U", f"start={starts[1]}, size={size}"]
    run(["sfdisk", "--quiet", str(path)], stdin="\n".join(lines) + "\n")
    for part, start in zip(parts, starts, strict=True):
        copy_into(path, part, start * SECTOR)
    return Disk(path, start=starts[1] * SECTOR)


def copy_into(disk: Path, part: Path, start: int) -> None:
    """Move the file ``part`` into a disk, at byte ``start``."""
    copy = [f"if={part}", f"of={disk}", "bs=1M", f"seek={start // MIB}", "conv=notrunc,sparse"]
    run(["dd", *copy, "status=none"])
    part.unlink()


def make_empty(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


def table(label: str, size: int, names: Names) -> str:
    """What sfdisk(8) is told: one bootable partition of ``size`` bytes."""
    header = f"label: {label}\n" + (f"label-id: {names.table}\n" if names.table else "")
    fields = [f"start={START // SECTOR}", f"size={size // SECTOR}", f"type={KINDS[label]}", "bootable"]
    fields += [f"uuid={names.partuuid}"] if names.partuuid else []
    fields += [f'name="{names.partlabel}"'] if names.partlabel else []
    return header + ", ".join(fields) + "\n"


@dataclass(frozen=True, slots=True)
class Condition:
    """What the superblock of an ext4 says of its last unmount."""

    clean: bool
    needs_recovery: bool


def condition(disk: Disk) -> Condition:
    """Read a disk's file system, as the kernel's Documentation/filesystems/ext4/super.rst describes it.

    dumpe2fs of e2fsprogs 1.47.2 takes no file with an offset.
    """
    with disk.path.open("rb") as file:
        file.seek(disk.start + SUPERBLOCK)
        superblock = file.read(SUPERBLOCK)
    magic, state = struct.unpack_from("<HH", superblock, 0x38)
    if magic != EXT4_MAGIC:
        raise LabError(f"{disk.path}: no ext4 at {disk.start}, the magic number is {magic:#x}")
    (incompatible,) = struct.unpack_from("<I", superblock, 0x60)
    return Condition(clean=state == EXT4_VALID, needs_recovery=bool(incompatible & EXT4_RECOVER))
