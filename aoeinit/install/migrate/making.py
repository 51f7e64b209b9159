"""The commands that make a partition table, file systems and swap on a target."""

from collections.abc import Iterator
from typing import Final

from aoeinit.install.command import Command
from aoeinit.install.migrate.disk import Disk, Identity
from aoeinit.install.migrate.layout import BIOS, DENSITY, SWAP, Layout, Partition, inodes_for

SECTOR: Final = 512

BIOS_BOOT: Final = "21686148-6449-6E6F-744E-656564454649"
"""GUID of the partition that GRUB for a BIOS uses on a GPT (GRUB manual, "BIOS installation")."""

DENSITIES: Final = ((16 << 40, 65536), (4 << 40, 32768), (512 << 20, DENSITY), (0, 4096))
"""From a size on, the bytes for which mke2fs makes an inode (mke2fs(8), "-T"; mke2fs.conf(5))."""

PACKAGES: Final = {
    "mkfs.ext2": "e2fsprogs",
    "mkfs.ext3": "e2fsprogs",
    "mkfs.ext4": "e2fsprogs",
    "mkfs.xfs": "xfsprogs",
    "mkfs.btrfs": "btrfs-progs",
    "btrfs": "btrfs-progs",
    "mkfs.vfat": "dosfstools",
    "sfdisk": "fdisk (Debian) or util-linux",
    "mkswap": "util-linux",
}


def table_id(layout: Layout, identity: Identity) -> str:
    """Give the name of the table as sfdisk(8) has it."""
    return f"0x{identity.short('table')}" if layout.table == "dos" else f"{identity.uuid('table')}".upper()


def partition_table(layout: Layout, disk: Disk, identity: Identity) -> Command:
    """Write the partition table."""
    lines = [f"label: {layout.table}", f"label-id: {table_id(layout, identity)}", "unit: sectors"]
    if layout.table == "gpt":
        # sfdisk would begin where the disk's optimal size of I/O ends, which the driver says is 2 MiB.
        lines.append(f"first-lba: {layout.partitions[0].start // SECTOR}")
    lines += [_line(each, layout, identity) for each in layout.partitions]
    # What was there before must not look like a file system of the new partitions.
    words = ("sfdisk", "--quiet", "--wipe", "always", "--wipe-partitions", "always", disk.node)
    return _command(words, "writes the partition table", "\n".join(lines) + "\n")


def _line(partition: Partition, layout: Layout, identity: Identity) -> str:
    fields = [f"start={partition.start // SECTOR}", f"size={partition.size // SECTOR}"]
    if layout.table == "dos":
        fields.append(f"type={'82' if partition.filesystem == SWAP else '83'}")
        # Some BIOSes start no disk without a partition that is marked so.
        fields += ["bootable"] * (partition == _bootable(layout))
    else:
        kinds = {SWAP: "S", BIOS: BIOS_BOOT}
        fields.append(f"type={'U' if partition.efi else kinds.get(partition.filesystem, 'L')}")
        fields.append(f"uuid={identity.uuid(f'partition {partition.name}')}")
    return ", ".join(fields)


def _bootable(layout: Layout) -> Partition:
    points = {volume.point: partition for volume, partition in layout.volumes}
    return points.get("/boot", layout.root)


def format_commands(layout: Layout, disk: Disk, identity: Identity) -> Iterator[Command]:
    """Make the file systems and the swap, with labels and UUIDs by which a later run knows them again."""
    for each in layout.partitions:
        if each.filesystem != BIOS:
            what = "the swap" if each.filesystem == SWAP else f"the file system of {each.name}"
            yield _command((*_format_words(each, identity), disk.part(each.number)), f"makes {what}")


def _format_words(partition: Partition, identity: Identity) -> tuple[str, ...]:
    label, name = partition.label, filesystem_uuid(partition, identity)
    match partition.filesystem:
        case "swap":
            return ("mkswap", "--label", label, "--uuid", name)
        case "xfs":
            return ("mkfs.xfs", "-f", "-q", "-L", label, "-m", f"uuid={name}")
        case "btrfs":
            return ("mkfs.btrfs", "-f", "-q", "-L", label, "-U", name)
        case "vfat":
            return ("mkfs.vfat", "-F", "32", "-n", label, "-i", name.replace("-", ""))
        case kind:
            return (f"mkfs.{kind}", "-F", "-q", "-L", label, "-U", name, *_inodes(partition))


def _inodes(partition: Partition) -> tuple[str, ...]:
    """Ask for more inodes where there are more files than mke2fs expects in a file system of that size."""
    wanted = inodes_for(partition.files)
    density = next(each for size, each in DENSITIES if partition.size >= size)
    return ("-N", f"{wanted}") if partition.files and wanted > partition.size // density else ()


def filesystem_uuid(partition: Partition, identity: Identity) -> str:
    """Give the UUID of a partition's file system or swap, as blkid(8) writes it."""
    what = f"filesystem {partition.name}"
    if partition.filesystem == "vfat":
        short = identity.short(what).upper()
        return f"{short[:4]}-{short[4:]}"
    return str(identity.uuid(what))


def _command(words: tuple[str, ...], why: str, text: str = "") -> Command:
    return Command(words, why, text.encode(), package=PACKAGES.get(words[0]))
