"""The partitions that a system gets on its target: which, how large, and of what type."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from aoeinit.errors import AoeinitError
from aoeinit.install.migrate.source import BOOT_POINTS, Mounted, Source

MIB: Final = 1 << 20

FILESYSTEMS: Final = ("ext2", "ext3", "ext4", "xfs", "btrfs", "vfat")
"""The types that can be made on a target."""

SMALLEST: Final = {"xfs": 300 * MIB, "btrfs": 128 * MIB, "vfat": 40 * MIB}
"""What the programs that make a file system ask for, in bytes; vfat, for 32 bits, as firmware expects."""

SPARE: Final = 64 * MIB
"""Room for images and what else is new on a moved system; a tenth of what is used comes on top of it."""

EXT: Final = frozenset({"ext2", "ext3", "ext4"})
"""The types that get all their inodes when they are made."""
INODE: Final = 256
"""Bytes that an inode of theirs takes."""
DENSITY: Final = 16384
"""Bytes for which mke2fs makes an inode, if nobody says else (mke2fs.conf(5), ``inode_ratio``)."""

DOS_PARTITIONS: Final = 4
DOS_LIMIT: Final = (1 << 32) * 512
"""Bytes that a dos table can speak of."""

SWAP: Final = "swap"
BIOS: Final = "bios"
"""A partition that is no file system: where GRUB puts itself on a disk with a GPT, for a BIOS."""


@dataclass(frozen=True, slots=True)
class Volume:
    """A file system, or a subvolume of a Btrfs, and where it is mounted."""

    point: str
    subvolume: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A partition that is wanted.

    ``size`` is how large it should be, ``least`` how large it has to be, in bytes; ``used`` is what it will
    hold at once. A partition that is ``fixed`` is not made smaller to make room for others. One gets the
    rest of the disk, if any ``grows``. ``files`` is how many it will hold, 0 where nobody has counted.
    """

    filesystem: str
    label: str
    volumes: tuple[Volume, ...]
    size: int
    least: int
    used: int = 0
    fixed: bool = False
    grows: bool = False
    files: int = 0


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition: where it begins and how large it is, in bytes; ``name`` tells it from the others.

    ``efi`` says that firmware looks there for a boot loader. ``files`` is how many it will hold at once, 0
    where nobody has counted.
    """

    number: int
    name: str
    start: int
    size: int
    filesystem: str
    label: str
    volumes: tuple[Volume, ...]
    efi: bool = False
    files: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """A partition table, ``dos`` or ``gpt``, and its partitions."""

    table: str
    partitions: tuple[Partition, ...]

    @property
    def volumes(self) -> tuple[tuple[Volume, Partition], ...]:
        """All that is to be mounted, parents first."""
        found = [(volume, each) for each in self.partitions for volume in each.volumes]
        return tuple(sorted(found, key=lambda pair: (pair[0].point.count("/"), pair[0].point)))

    @property
    def root(self) -> Partition:
        """The partition with the root."""
        return self.volumes[0][1]

    @property
    def swaps(self) -> tuple[Partition, ...]:
        """The partitions for swap."""
        return tuple(each for each in self.partitions if each.filesystem == SWAP)


def wanted_of(source: Source) -> tuple[Wanted, ...]:
    """Give the partitions that a system has now, those of the boot loader first, the root last."""
    by_device: dict[str, list[Mounted]] = {}
    for each in source.mounts:
        by_device.setdefault(each.device, []).append(each)
    found = [_wanted(mounts, source) for mounts in by_device.values()]
    swaps = [each for each in source.swaps if not each.is_file]
    # fstab(5) may name them in any order: the first is the first that was switched on.
    found += [swap_of(each.size, number) for number, each in enumerate(swaps, start=1)]
    return tuple(sorted(found, key=_order))


def _wanted(mounts: Sequence[Mounted], source: Source) -> Wanted:
    first = mounts[0]
    used = max(each.used for each in mounts)
    files = max(each.files for each in mounts)
    device = source.devices.get(first.device)
    # A file system counts without what it takes for itself.
    size = max(device.size if device else 0, *(each.size for each in mounts))
    least = least_size(first.filesystem, used, files)
    boots = first.point in BOOT_POINTS
    default = (
        "EFI"
        if source.firmware == "efi" and boots and first.filesystem == "vfat"
        else _default_label(first.point)
    )
    return Wanted(
        filesystem=first.filesystem,
        label=fitting_label(first.filesystem, first.label or default),
        volumes=tuple(Volume(each.point, each.subvolume) for each in mounts),
        size=max(_whole(size), least),
        least=least,
        used=used,
        fixed=boots,
        grows=any(each.point == "/" for each in mounts),
        files=files,
    )


def swap_of(size: int, number: int) -> Wanted:
    """Want a partition for swap."""
    label = SWAP if number == 1 else f"{SWAP}{number}"
    return Wanted(SWAP, label, (), _whole(size), _whole(size), fixed=True)


def _order(wanted: Wanted) -> tuple[int, str]:
    """Sort the EFI partition first, as some firmware expects, then /boot, swap, others, and the root last."""
    point = wanted.volumes[0].point if wanted.volumes else ""
    if wanted.grows:
        return 4, point
    if wanted.filesystem == SWAP:
        return 2, wanted.label
    return (3, point) if point not in BOOT_POINTS else (0 if wanted.filesystem == "vfat" else 1, point)


def least_size(filesystem: str, used: int, files: int = 0) -> int:
    """Tell how many bytes a partition needs for a file system in which so many are used, by so many files."""
    more = max(0, inodes_for(files) - used // DENSITY) if filesystem in EXT and files else 0
    return max(_whole(used + used // 10 + SPARE + more * INODE), SMALLEST.get(filesystem, 0))


def inodes_for(files: int) -> int:
    """Tell how many inodes there should be for so many files: a quarter more, and some for what is new."""
    return files + files // 4 + 4096


def fitting_label(filesystem: str, label: str) -> str:
    """Shorten a label to what the type of file system can keep."""
    if filesystem == "vfat":
        return label.upper().encode("ascii", "replace").decode().replace("?", "_")[:11]
    room = {"xfs": 12, "btrfs": 255, SWAP: 15}.get(filesystem, 16)
    return label.encode()[:room].decode(errors="ignore")


def _default_label(point: str) -> str:
    return point.strip("/").replace("/", "-") or "root"


def _whole(size: int) -> int:
    return -(-size // MIB) * MIB


def lay_out(wanted: Iterable[Wanted], size: int, *, firmware: str, table: str | None = None) -> Layout:
    """Place partitions on a disk of ``size`` bytes; raises :class:`AoeinitError` where they do not fit.

    Without a word about the table it is a dos table for a BIOS, unless it could not hold all of it.
    """
    parts = tuple(wanted)
    small = len(parts) <= DOS_PARTITIONS and size <= DOS_LIMIT
    table = table or ("dos" if firmware == "bios" and small else "gpt")
    if table == "dos" and not small:
        raise AoeinitError(
            f"{len(parts)} partitions on a disk of {size} bytes are too much for a dos table",
            'a GPT has room for them: table = "gpt"',
        )
    if table == "gpt" and firmware == "bios":
        parts = (Wanted(BIOS, "", (), MIB, MIB, fixed=True), *parts)
    # The first MiB holds the table and, on a dos one, GRUB; the last the copy of a GPT.
    sizes = share(parts, size // MIB * MIB - 2 * MIB)
    return Layout(table, tuple(_placed(parts, sizes, efi=firmware == "efi")))


def _placed(parts: Iterable[Wanted], sizes: Iterable[int], *, efi: bool) -> Iterator[Partition]:
    start = MIB
    for number, (each, size) in enumerate(zip(parts, sizes, strict=True), start=1):
        yield Partition(
            number=number,
            name=each.volumes[0].point if each.volumes else each.label or each.filesystem,
            start=start,
            size=size,
            filesystem=each.filesystem,
            label=each.label,
            volumes=each.volumes,
            files=each.files,
            efi=efi and each.filesystem == "vfat" and any(one.point in BOOT_POINTS for one in each.volumes),
        )
        start += size


def share(parts: Sequence[Wanted], room: int) -> list[int]:
    """Share ``room`` bytes: all as large as they should be if that is possible, else by what they will hold.

    Raises :class:`AoeinitError` where there is not even room for what is used.
    """
    asked = [replace(each, size=each.least) if each.grows and not each.fixed else each for each in parts]
    spare = room - sum(each.size for each in asked)
    if spare >= 0:
        return [each.size + (spare if each.grows else 0) for each in asked]
    least = [each.size if each.fixed else each.least for each in parts]
    spare = room - sum(least)
    if spare < 0:
        needs = ", ".join(
            f"{each.volumes[0].point if each.volumes else each.label or each.filesystem} {size // MIB} MiB"
            for each, size in zip(parts, least, strict=True)
        )
        raise AoeinitError(
            f"the target is too small: {sum(least) // MIB + 2} MiB are needed ({needs}), "
            f"and it has {room // MIB + 2} MiB",
            "make the target larger, or remove what is not needed any more",
        )
    held = sum(each.used for each in parts if not each.fixed) or 1
    shares = [
        size + (0 if each.fixed else spare * each.used // held // MIB * MIB)
        for each, size in zip(parts, least, strict=True)
    ]
    left = room - sum(shares)
    return [size + (left if each.grows else 0) for each, size in zip(parts, shares, strict=True)]
