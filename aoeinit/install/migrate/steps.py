"""The steps of a migration, in their order; each plans what it does when its turn comes."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aoeinit.install.command import Command
from aoeinit.install.migrate import rewriting
from aoeinit.install.migrate.copying import compare_actions, copied_points, copy_actions, holder
from aoeinit.install.migrate.layout import MIB, Layout, Partition, Volume
from aoeinit.install.migrate.making import format_commands, partition_table
from aoeinit.install.migrate.plan import (
    ROOT,
    TOP,
    Action,
    BootCheck,
    Image,
    Migration,
    Mount,
    TabCheck,
    place_of,
)
from aoeinit.install.migrate.source import Source
from aoeinit.install.migrate.titles import title_of

Planner = Callable[[Path], Iterable[Action]]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: ``actions`` plans it for the system below a sysroot.

    That is the copy on the target, and the source itself as long as the step is only to be shown. A step
    that is done ``always`` is done in every run, one with ``until`` until the step of that name is done.
    """

    name: str
    what: str
    actions: Planner
    always: bool = False
    until: str = ""


PREPARED: Final = "filesystems"
"""The step after which the target can hold the record."""


def left(todo: Iterable[Step], done: Collection[str]) -> tuple[Step, ...]:
    """Give the steps that a run has to do, after others have done some."""
    return tuple(
        each
        for each in todo
        if each.name not in done or each.always or (each.until and each.until not in done)
    )


def steps(migration: Migration) -> tuple[Step, ...]:
    """Give the steps of a migration in their order."""
    return tuple(_steps(migration))


def _steps(migration: Migration) -> Iterator[Step]:
    layout, disk, identity = migration.layout, migration.disk, migration.identity
    points = copied_points(migration.source, layout)
    how = "contents" if migration.full else "sizes and times"
    yield Step("table", title_of("table"), lambda _: [partition_table(layout, disk, identity)])
    yield Step(PREPARED, title_of(PREPARED), lambda _: prepare(migration))
    yield Step("mount", title_of("mount"), lambda _: mounts(migration), always=True)
    for point in points:
        yield Step(
            f"copy {point}", f"copy {point}", _of(copy_actions, point, migration), until=f"compare {point}"
        )
    yield Step("remount", title_of("remount"), lambda _: remount(migration), until=f"compare {points[-1]}")
    for point in points:
        yield Step(f"compare {point}", f"compare {point} by {how}", _of(compare_actions, point, migration))
    if any(each.is_file for each in migration.source.swaps):
        yield Step("swap files", "swap files", lambda _: swap_files(migration))
    yield from _rewriting(migration)
    yield Step("unmount", title_of("unmount"), lambda _: unmounts(layout), always=True)


def _of(planner: Callable[[str, Migration], Iterable[Action]], point: str, migration: Migration) -> Planner:
    return lambda _sysroot: planner(point, migration)


def _image(release: str) -> Planner:
    return lambda _sysroot: [Image(release)]


def _rewriting(migration: Migration) -> Iterator[Step]:
    """Give the steps that make the copy a system that boots from the target."""
    yield Step("fstab", "fstab", lambda sysroot: rewriting.fstab(sysroot, migration))
    yield Step("network", "network", lambda sysroot: rewriting.network(sysroot, migration))
    yield Step("target", title_of("target"), lambda sysroot: rewriting.configuration(sysroot, migration))
    yield Step("hooks", title_of("hooks"), lambda sysroot: rewriting.hooks(sysroot, migration))
    for release in migration.releases:
        yield Step(f"image {release}", title_of(f"image {release}"), _image(release))
    yield Step("grub", title_of("grub"), lambda sysroot: rewriting.grub(sysroot, migration))
    yield Step("relabel", title_of("relabel"), rewriting.relabel)
    yield Step("check", title_of("check"), lambda _: check(migration))


def prepare(migration: Migration) -> Iterator[Action]:
    """Make the file systems, and the subvolumes of those that have some."""
    yield from format_commands(migration.layout, migration.disk, migration.identity)
    for partition in migration.layout.partitions:
        names = [volume.subvolume for volume in partition.volumes if volume.subvolume]
        if names:
            device = migration.disk.part(partition.number)
            yield Command(("mount", "-t", "btrfs", device, f"{TOP}"), "shows its top level")
            for name in sorted(names):
                yield Command(
                    ("mkdir", "--parents", f"{(TOP / name).parent}"), "makes the folders above the subvolume"
                )
                yield Command(
                    ("btrfs", "subvolume", "create", f"{TOP / name}"),
                    f"makes the subvolume {name}",
                    package="btrfs-progs",
                )
            yield Command(("umount", f"{TOP}"), "is no longer needed")


def mounts(migration: Migration) -> Iterator[Mount]:
    """Mount the target's file systems as the moved system will see them."""
    for volume, partition in migration.layout.volumes:
        place = place_of(volume)
        options = ",".join(mount_options(volume, partition, migration.source))
        shown = ("-o", options) if options else ()
        words = ("mount", "-t", partition.filesystem, *shown, migration.disk.part(partition.number))
        yield Mount(Command((*words, f"{place}"), f"is {volume.point} of the moved system"), place)


def mount_options(volume: Volume, partition: Partition, source: Source) -> Iterator[str]:
    """Give the options without which a file system would be filled in another way than its source."""
    if partition.filesystem == "vfat":
        yield "umask=0077"
    if volume.subvolume is not None:
        yield f"subvol=/{volume.subvolume}"
        own = next((each for each in source.mounts if each.point == volume.point), source.root)
        yield from (each for each in own.options if each.startswith("compress"))


def swap_files(migration: Migration) -> Iterator[Command]:
    """Make swap files anew, as large as they are."""
    for swap in migration.source.swaps:
        if swap.is_file:
            # What is in use is less than the file by its first page.
            mib = swap.size // MIB + 1
            kind = holder(swap.path, migration.layout).filesystem
            yield from _swap_file(f"{ROOT}{swap.path}", mib, kind)


def _swap_file(path: str, mib: int, filesystem: str) -> Iterator[Command]:
    if filesystem == "btrfs":
        words = ("btrfs", "filesystem", "mkswapfile", "--size", f"{mib}m", path)
        # It makes none over that of a run which was cut short.
        yield Command(("rm", "--force", path), "makes room for the swap file")
        yield Command(words, "makes the swap file, without copy on write", package="btrfs-progs")
        return
    # A file with holes is none that can be swapped to, and the older types cannot reserve blocks.
    yield Command(("dd", "if=/dev/zero", f"of={path}", "bs=1M", f"count={mib}"), "makes the swap file")
    yield Command(("chmod", "600", path), "lets nobody read it")
    yield Command(("mkswap", path), "makes it swap")


def unmounts(layout: Layout) -> Iterator[Command]:
    """Unmount them, the last first."""
    for volume, _ in reversed(layout.volumes):
        yield Command(("umount", f"{place_of(volume)}"), f"leaves {volume.point} clean")


def remount(migration: Migration) -> Iterator[Action]:
    """See to it that a comparison reads what the server has, and not what this machine remembers."""
    yield from unmounts(migration.layout)
    yield from mounts(migration)


def check(migration: Migration) -> Iterator[Action]:
    """Look at what the moved system needs to boot."""
    disk = migration.disk
    # On the server the devices do not have the names yet that fstab has for them, which findmnt would miss.
    if disk.part(1) == disk.future_part(1):
        words = ("findmnt", "--verify", "--tab-file", "/etc/fstab")
        yield TabCheck(Command(words, "reads the new fstab as mount does", inside=True))
    yield BootCheck(migration.releases, rewriting.boot_files(migration))
