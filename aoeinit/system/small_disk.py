"""A disk with one file system, made without root, loop devices or mounts."""

import os
from collections.abc import Iterable
from pathlib import Path

from aoeinit.errors import TrialError
from aoeinit.image.entries import Directory, Entry, File, Symlink, describe
from aoeinit.install.command import Command
from aoeinit.system.commands import run
from aoeinit.trial.small_root import MIB, START, TABLE, disk_size


def make_small_disk(folder: Path, entries: tuple[Entry, ...]) -> Path:
    """Make a disk image in ``folder`` whose first partition has the files.

    Raises :class:`aoeinit.errors.AoeinitError` where a program for that is missing or fails.
    """
    tree, disk = folder / "tree", folder / "disk"
    write_tree(tree, entries)
    size = disk_size(entries)
    with disk.open("wb") as file:
        file.truncate(size)
    table = Command(("sfdisk", "--quiet", f"{disk}"), "makes a partition", TABLE.encode(), package="fdisk")
    run(table)
    settings = ("-q", "-F", "-t", "ext4", "-b", "4096", "-E", f"offset={START},root_owner=0:0")
    words = ("mke2fs", *settings, "-d", f"{tree}", f"{disk}", f"{(size - START) // MIB}M")
    run(Command(words, "makes a file system", package="e2fsprogs"))
    return disk


def write_tree(folder: Path, entries: Iterable[Entry]) -> None:
    """Write the files of an arrangement, in which no path runs through a link, below a new folder."""
    folder.mkdir()
    for entry in entries:
        place = folder / entry.path
        match entry:
            case Directory():
                place.mkdir(exist_ok=True)
            case File():
                place.write_bytes(entry.content)
                place.chmod(entry.mode)
            case Symlink():
                os.symlink(entry.target, place)
            case _:
                raise TrialError(f"a small disk holds no {describe(entry)}")
