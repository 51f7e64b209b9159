"""How the files of one file system get to its copy, and how the two are compared."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from aoeinit.install.command import Command
from aoeinit.install.migrate.layout import Layout, Partition
from aoeinit.install.migrate.plan import FROM, ROOT, TO, Action, Comparison, Copy, Migration, place_of
from aoeinit.install.migrate.progress import RECORD
from aoeinit.install.migrate.source import Mounted, Source

EVERYTHING: Final = ("--archive", "--hard-links", "--acls", "--xattrs", "--numeric-ids")
"""What makes a copy the same as its source."""

ONE: Final = "--one-file-system"
"""Not for a Btrfs: each subvolume in it looks like a file system of its own, and would be left out."""

FAT: Final = ("--recursive", "--times", "--modify-window=2", ONE)
"""A FAT knows neither owners nor permissions, and times to two seconds."""

FRESH: Final = ("--sparse", "--inplace", "--whole-file", "--delete")
"""Files are written where they will stay: one that was cut short leaves nothing behind, and its time tells
that it is not whole. What an earlier run has copied and is no longer there is removed."""

MISTRUSTING: Final = ("--checksum",)
"""After a power failure a file can have its size and its time, which are in the journal, and zeros in it."""

NEVER: Final = ("--exclude=/lost+found", f"--exclude=/{RECORD}", f"--filter=P /{RECORD.rpartition('/')[0]}/")
"""What each side has for itself: the record's folder may not be on the source, and is not deleted then."""


def copied_points(source: Source, layout: Layout) -> tuple[str, ...]:
    """Name the places that are copied one by one: all where the source or the target mounts something."""
    points = {each.point for each in source.mounts} | {volume.point for volume, _ in layout.volumes}
    return tuple(sorted(points, key=lambda point: (point.count("/"), point)))


def copy_actions(point: str, migration: Migration) -> Iterator[Action]:
    """Copy what stands at one place."""
    partition = holder(point, migration.layout)
    how = (*FRESH, *(MISTRUSTING if migration.resumed else ()))
    words = ("rsync", *_kept(point, migration), *how, *_excluded(point, migration), f"{FROM}/", f"{TO}/")
    device = migration.disk.part(partition.number)
    yield from _mount_pair(point)
    if migration.resumed and partition.filesystem != "vfat":
        # Files that are no longer one would be written through each other, as files are written in place.
        # Of the names of a file one may stay: it is the only one then. The record has a single name.
        links = ("find", f"{TO}", "-xdev", "-type", "f", "-links", "+1", "-delete")
        yield Command(links, "lets files with several names be copied anew", package="findutils")
    room = room_of(partition, migration.source, migration.layout)
    places = tuple(place_of(each.volumes[0]) for each in room.partitions)
    yield Copy(Command(words, f"copies {point}"), point, device, room.used, places)
    yield from _unmount_pair()


def compare_actions(point: str, migration: Migration) -> Iterator[Action]:
    """Compare what stands at one place with its copy."""
    # Folders change their times with whatever is made in them.
    how = ("--omit-dir-times", *(("--checksum",) if migration.full else ()))
    listing = ("--dry-run", "--delete", "--out-format=%i %n")
    words = (
        "rsync",
        *_kept(point, migration),
        *how,
        *listing,
        *_excluded(point, migration),
        f"{FROM}/",
        f"{TO}/",
    )
    yield from _mount_pair(point)
    yield Comparison(Command(words, f"compares {point}"), point)
    yield from _unmount_pair()


@dataclass(frozen=True, slots=True)
class Room:
    """Partitions that take file systems of the source together, each of them a part; one for the most part.

    Nobody has counted how much of a file system that is split goes where.
    """

    partitions: tuple[Partition, ...]
    mounts: tuple[Mounted, ...]

    @property
    def used(self) -> int:
        """Tell how many bytes the file systems have in use."""
        return sum(each.used for each in self.mounts)


def room_of(partition: Partition, source: Source, layout: Layout) -> Room:
    """Give the partitions that share what is on the source with one of them, and what that is."""
    pairs = [(_mounted_at(each, source), holder(each, layout)) for each in copied_points(source, layout)]
    numbers, before = {partition.number}, set[int]()
    devices: set[str] = set()
    while numbers != before:
        before = set(numbers)
        devices |= {mounted.device for mounted, each in pairs if each.number in numbers}
        numbers |= {each.number for mounted, each in pairs if mounted.device in devices}
    return Room(
        tuple(each for each in layout.partitions if each.number in numbers),
        tuple({each.device: each for each, _ in reversed(pairs) if each.device in devices}.values()),
    )


def holder(point: str, layout: Layout) -> Partition:
    """Give the partition that a path is on."""
    return [each for volume, each in layout.volumes if is_at_or_below(point, volume.point)][-1]


def is_at_or_below(path: str, point: str) -> bool:
    """Tell whether a path is a mount point or something in it."""
    return path == point or path.startswith(f"{point.rstrip('/')}/")


def _mount_pair(point: str) -> Iterator[Command]:
    """Show one file system and its copy alone, without what is mounted in them."""
    place = f"{ROOT}{point}".rstrip("/")
    yield Command(("mount", "--bind", point, f"{FROM}"), f"shows {point} alone")
    yield Command(("mount", "-o", "remount,bind,ro", f"{FROM}"), "keeps it from being written to")
    yield Command(("mount", "--bind", place, f"{TO}"), "shows its copy alone")


def _unmount_pair() -> Iterator[Command]:
    for place in (TO, FROM):
        yield Command(("umount", f"{place}"), "is no longer needed")


def _kept(point: str, migration: Migration) -> tuple[str, ...]:
    if holder(point, migration.layout).filesystem == "vfat":
        return FAT
    return EVERYTHING if _mounted_at(point, migration.source).subvolume is not None else (*EVERYTHING, ONE)


def _mounted_at(point: str, source: Source) -> Mounted:
    """Give the file system of the source that has what is at a path."""
    return [each for each in source.mounts if is_at_or_below(point, each.point)][-1]


def _excluded(point: str, migration: Migration) -> Iterable[str]:
    """Leave out what is no content, and what is copied by itself."""
    files = [each.path for each in migration.source.swaps if each.is_file]
    inside = [_literal(_relative(path, point)) for path in files if is_at_or_below(path, point)]
    here = {each.point for each in migration.source.mounts}
    there = {volume.point for volume, _ in migration.layout.volumes}
    # Where both have a mount point, nothing of what is mounted there is seen.
    split = [
        f"{_literal(_relative(each, point))}/*" for each in sorted(here ^ there) if _is_below(each, point)
    ]
    source = migration.source
    left_out = (*inside, *split, *_snapshots(point, source), *_mounted_subvolumes(point, source))
    return (*NEVER, *(f"--exclude={path}" for path in left_out))


def _mounted_subvolumes(point: str, source: Source) -> Iterator[str]:
    """Name what is in subvolumes that are seen here, and are copied from where they are mounted as well."""
    mounted = _mounted_at(point, source)
    if mounted.subvolume is not None and mounted.point == point:
        top = f"/{mounted.subvolume}".rstrip("/") + "/"
        same = {f"/{each.subvolume}" for each in source.mounts if _is_same(each, mounted)}
        yield from (
            f"{_literal(f'/{path.removeprefix(top)}')}/*"
            for path in sorted(same)
            if path != top and path.startswith(top)
        )


def _snapshots(point: str, source: Source) -> Iterator[str]:
    """Name the snapshots that are in what is copied: they would take the room of whole copies."""
    mounted = _mounted_at(point, source)
    # They are known of the root's Btrfs alone.
    if mounted.subvolume is not None and mounted.point == point and _is_same(mounted, source.root):
        top = f"/{mounted.subvolume}".rstrip("/") + "/"
        for path in (f"/{each}" for each in source.snapshots):
            if path.startswith(top):
                yield _literal(f"/{path.removeprefix(top)}")


def _is_same(one: Mounted, other: Mounted) -> bool:
    """Tell whether two mounts show the same file system, whatever name each has for its device."""
    return one.device == other.device or (one.uuid == other.uuid != "")


def _is_below(path: str, point: str) -> bool:
    return path != point and is_at_or_below(path, point)


def _relative(path: str, point: str) -> str:
    """Give a path as rsync has it that copies what is at ``point``."""
    return f"/{path.removeprefix(point).lstrip('/')}"


def _literal(path: str) -> str:
    """Write a path so that rsync takes it for no pattern (rsync(1), "PATTERN MATCHING RULES")."""
    special = any(letter in path for letter in "*?[")
    return "".join(f"\\{letter}" if special and letter in "*?[\\" else letter for letter in path)
