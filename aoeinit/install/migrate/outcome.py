"""What it means how rsync ended, after a copy and after a comparison."""

import os
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from aoeinit.errors import AoeinitError
from aoeinit.install.migrate.plan import Copy

# rsync(1), "EXIT VALUES".
PARTIAL: Final = 23
VANISHED: Final = 24

SHOWN: Final = 5

NAME_AT: Final = 12
"""Where a name begins in a line that was asked for as ``%i %n`` (rsyncd.conf(5), "log format")."""


def copied(code: int, said: str, action: Copy, free: int, inodes: int | None = None) -> tuple[str, ...]:
    """Give the warnings of a copy; raises :class:`AoeinitError` where not all was copied.

    ``free`` are the bytes that are left on the copy's file system, and ``inodes`` how many more files it can
    have; ``None`` where that is no fixed number.
    """
    if code == 0:
        return ()
    if code == VANISHED:
        gone = [line for line in said.splitlines() if line.startswith("file has vanished")]
        what, were = ("file", "was") if len(gone) == 1 else ("files", "were")
        return (f"{len(gone)} {what} {were} gone before the copy: {_some(gone)}",)
    if "No space left on device" in said or "(28)" in said:
        if inodes == 0:
            raise AoeinitError(
                f"no inodes are left on the target's file system for {action.point}: no more files fit",
                "make it larger, or an xfs or a btrfs, with --layout (--wipe), or remove files",
            )
        raise AoeinitError(
            f"the target's file system for {action.point} is full: {free} bytes are free, "
            f"and {action.expected} are in use on the source",
            "give it more room with --layout or a larger target (--wipe), or remove what is not needed",
        )
    if code < 0:
        raise AoeinitError(f"rsync was ended by signal {-code}", "see the kernel's log, for a lack of memory")
    complaints = [line for line in said.splitlines() if line.strip()]
    raise AoeinitError(f"rsync ended with exit code {code}: {_some(complaints)}", "see the kernel's log")


def compared(code: int, listed: str, said: str, point: str, changed: Collection[str]) -> Iterator[str]:
    """Give the warnings of a comparison; raises :class:`AoeinitError` where the copy is not the same.

    ``listed`` is what is different, and ``changed`` the names of those that have changed on the source since
    the migration began: it is in use.
    """
    if code not in {0, VANISHED}:
        complaints = [line for line in said.splitlines() if line.strip()]
        raise AoeinitError(f"{point} cannot be compared: rsync, exit code {code}: {_some(complaints)}")
    lines = listed_lines(listed)
    ours = [line for line in lines if name_in(line) not in changed]
    if ours:
        files, are = ("file", "is") if len(ours) == 1 else ("files", "are")
        raise AoeinitError(
            f"{len(ours)} {files} of {point} {are} not the same on the target: {_some(map(_shown, ours))}",
            "see the kernel's log for errors of the disk and the network",
        )
    if lines:
        files = "1 file" if len(lines) == 1 else f"{len(lines)} files"
        yield f"{files} of {point} changed on the source after the copy: {_some(map(_shown, lines))}"


def listed_lines(listed: str) -> list[str]:
    """Give the lines of what rsync lists; names can hold what Python takes for the end of a line, too."""
    return [line for line in listed.split("\n") if line]


def name_in(line: str) -> str:
    r"""Give the name in a line: it comes after eleven characters that tell what is different, and a blank.

    What cannot be printed stands there as ``\#`` and three octal digits (rsync(1), "--8-bit-output").
    """
    raw = line[NAME_AT:].encode(errors="surrogateescape")
    return os.fsdecode(re.sub(rb"\\#([0-3][0-7]{2})", lambda found: bytes([int(found[1], 8)]), raw))


def _shown(line: str) -> str:
    """Write a line for people (rsync(1), "--itemize-changes"): the copy is what would be changed."""
    if line.startswith("*deleting"):
        kind = "only on the target"
    elif line[2:NAME_AT].startswith("+"):
        kind = "only on the source"
    else:
        kind = "different"
    return f"{line[NAME_AT:].strip()} ({kind})"


def _some(found: Iterable[str]) -> str:
    lines = list(found)
    more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return "; ".join(line.strip() for line in lines[:SHOWN]) + more
