"""Mounts that nobody else sees and that are gone with the process, however it ends."""

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aoeinit.errors import AoeinitError
from aoeinit.install.command import Command
from aoeinit.install.migrate.source import unescape
from aoeinit.system.commands import run

CLONE_NEWNS: Final = 0x00020000
"""A mount namespace, for unshare(2); os.unshare() came with Python 3.12."""

MOUNTINFO: Final = Path("/proc/self/mountinfo")


@dataclass(frozen=True, slots=True)
class Entry:
    """A mount: where, and the device behind it."""

    place: str
    device: str


def enter_namespace(folder: Path) -> None:
    """Give this process a mount namespace of its own, with an empty folder in memory at ``folder``.

    Raises :class:`AoeinitError` without root's rights.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise AoeinitError(f"cannot make a mount namespace: {reason}", "run as root")
    # What is mounted from here on must not spread to where it came from.
    run(Command(("mount", "--make-rprivate", "/"), "keeps mounts to this process"))
    folder.mkdir(parents=True, exist_ok=True)
    run(Command(("mount", "-t", "tmpfs", "-o", "mode=0700", "aoeinit", f"{folder}"), "is a place to work in"))


def entries() -> tuple[Entry, ...]:
    """List what is mounted, in the order of mounting (proc_pid_mountinfo(5))."""
    found = []
    for line in MOUNTINFO.read_text(errors="surrogateescape").splitlines():
        before, _, after = line.partition(" - ")
        found.append(Entry(unescape(before.split()[4]), unescape(after.split()[1])))
    return tuple(found)


def device_at(place: Path) -> str | None:
    """Give the device of what is mounted last at a place; ``None`` where nothing is."""
    return next((each.device for each in reversed(entries()) if each.place == os.fspath(place)), None)


def unmount_below(folder: Path) -> tuple[str, ...]:
    """Unmount all below a folder, the last first; give what could not be."""
    failed = []
    for each in reversed(entries()):
        if each.place.startswith(f"{folder}/"):
            try:
                run(Command(("umount", each.place), "is no longer needed"))
            except AoeinitError as error:
                failed.append(error.message)
    return tuple(failed)


def settle(place: Path) -> None:
    """Let a file system write all that it has to; raises :class:`AoeinitError` for what it could not write.

    syncfs(2) tells of every error since the file system was mounted that nobody was told of yet, also of one
    before the folder was opened (Linux 5.8); sync(2) and umount(2) tell of none. Of the programs named sync
    some drop what it returns, and Python has no such call.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if libc.syncfs(folder) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))
        finally:
            os.close(folder)
    except OSError as error:
        raise AoeinitError(
            f"not all that was written to {place} has arrived: {error.strerror}",
            "see the kernel's log for errors of the disk and the network",
        ) from error
