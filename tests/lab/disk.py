"""Disk images with a partition table and an ext4, made without root, loop devices or mounts."""

import struct
from dataclasses import dataclass
from pathlib import Path

from tests.lab.programs import LabError, run

SECTOR = 512
MIB = 1 << 20
BLOCK = 4096
SUPERBLOCK = 1024
"""Where it begins in an ext4, and its size, in bytes."""
EXT4_MAGIC = 0xEF53
EXT4_VALID = 1
"""The state unmounted cleanly, without the mark of an error beside it."""
EXT4_RECOVER = 0x4
START = MIB
"""Where the first partition begins, in bytes: what lies before it is left to the boot loader."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk image whose first partition is an ext4 at :data:`START`."""

    path: Path


def make_disk(path: Path, tree: Path, *, mib: int, label: str = "dos") -> Disk:
    """Make a disk of ``mib`` MiB with one bootable ext4 that holds ``tree``; ``label`` is dos or gpt."""
    with path.open("wb") as file:
        file.truncate(mib * MIB)
    kind = {"dos": "83", "gpt": "L"}[label]
    sectors = (mib - 2) * MIB // SECTOR
    script = f"label: {label}\nstart={START // SECTOR}, size={sectors}, type={kind}, bootable\n"
    run(["sfdisk", "--quiet", str(path)], stdin=script)
    blocks = sectors * SECTOR // BLOCK
    # GRUB before 2.12 cannot read a file system with metadata_csum_seed.
    settings = ["-O", "^metadata_csum_seed", "-E", f"offset={START},root_owner=0:0", "-b", f"{BLOCK}"]
    run(["mke2fs", "-q", "-t", "ext4", *settings, "-d", str(tree), str(path), str(blocks)])
    return Disk(path)


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
        file.seek(START + SUPERBLOCK)
        superblock = file.read(SUPERBLOCK)
    magic, state = struct.unpack_from("<HH", superblock, 0x38)
    if magic != EXT4_MAGIC:
        raise LabError(f"{disk.path}: no ext4 at {START}, the magic number is {magic:#x}")
    (incompatible,) = struct.unpack_from("<I", superblock, 0x60)
    return Condition(clean=state == EXT4_VALID, needs_recovery=bool(incompatible & EXT4_RECOVER))
