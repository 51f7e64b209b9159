"""Disk images with a partition table and an ext4, made without root, loop devices or mounts."""

from dataclasses import dataclass
from pathlib import Path

from tests.lab.programs import run

SECTOR = 512
MIB = 1 << 20
BLOCK = 4096
START = MIB
"""Where the first partition begins, in bytes: what lies before it is left to the boot loader."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk image whose first partition is an ext4 at :data:`START`."""

    path: Path

    @property
    def filesystem(self) -> str:
        """The file system as the tools of e2fsprogs name it."""
        return f"{self.path}?offset={START}"


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
    """What the superblock of a file system says of its last unmount."""

    state: str
    needs_recovery: bool


def condition(disk: Disk) -> Condition:
    shown = run(["dumpe2fs", "-h", disk.filesystem])
    fields = {key: value.strip() for key, _, value in (line.partition(":") for line in shown.splitlines())}
    return Condition(fields["Filesystem state"], "needs_recovery" in fields["Filesystem features"].split())
