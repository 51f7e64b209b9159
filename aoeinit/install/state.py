"""What stands at a path of a sysroot, and changes of it, as values that can be kept and undone."""

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from aoeinit.errors import AoeinitError
from aoeinit.sysroot import resolve

MAX_ID: Final = (1 << 32) - 2
"""The highest number of a user or group; the one above means "leave it"."""


@dataclass(frozen=True, slots=True)
class Present:
    """A file with its content and permissions, or a symbolic link, whose ``mode`` is ``None``.

    ``owner`` are the numbers of user and group, and ``None`` for whoever makes it. Two states do not differ
    by it alone.
    """

    content: bytes
    mode: int | None
    owner: tuple[int, int] | None = field(default=None, compare=False)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link; ``content`` is then where it leads."""
        return self.mode is None

    def as_plain(self) -> dict[str, Any]:
        """Give a value for JSON; bytes that are not UTF-8 survive it."""
        content = self.content.decode(errors="surrogateescape")
        return {"content": content, "mode": self.mode, "owner": self.owner}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Read such a value back; raises TypeError, ValueError or KeyError for any other."""
        content, mode, owner = plain["content"], plain["mode"], plain.get("owner")
        if not isinstance(content, str):
            raise TypeError(f"content {content!r} is no text")
        if mode is not None and not _is_number(mode, 0o7777):
            raise ValueError(f"mode {mode!r} is no permissions")
        if owner is not None:
            if not isinstance(owner, list) or [_is_number(each, MAX_ID) for each in owner] != [True, True]:
                raise ValueError(f"owner {owner!r} is no user and group")
            owner = (owner[0], owner[1])
        return cls(content.encode(errors="surrogateescape"), mode, owner)


def _is_number(value: object, most: int) -> bool:
    return type(value) is int and 0 <= value <= most


State = Present | None
"""``None``: nothing is there."""


@dataclass(frozen=True, slots=True)
class Change:
    """One path of a sysroot, relative to it, and what it is to become.

    ``consent`` marks a change of what belongs to another program, which somebody has to agree to.
    """

    path: str
    before: State
    after: State
    why: str
    consent: bool = False


def locate(sysroot: Path, path: str) -> Path:
    """Give where a path is on this machine, following links inside the sysroot, but not the last one.

    Raises :class:`AoeinitError` for a folder that is a link to nothing inside the sysroot: outside of it the
    link may well lead to a folder, but to this machine's own.
    """
    folder, _, name = path.rpartition("/")
    found = resolve(sysroot, folder)
    if found is not None:
        return found.file / name
    place = locate(sysroot, folder)
    if place.is_symlink():
        raise AoeinitError(
            f"{place} is a link to {place.readlink()}, and nothing is there in {sysroot}",
            "make that folder, or put one in the link's place",
        )
    return place / name


def look(sysroot: Path, path: str) -> State:
    """Tell what stands at a path.

    Raises :class:`AoeinitError` for a folder, a device, or what cannot be read.
    """
    place = locate(sysroot, path)
    try:
        found = place.lstat()
        owner = (found.st_uid, found.st_gid)
        if stat.S_ISLNK(found.st_mode):
            return Present(os.fsencode(os.readlink(place)), None, owner)
        if stat.S_ISREG(found.st_mode):
            return Present(place.read_bytes(), stat.S_IMODE(found.st_mode), owner)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENOTDIR}:
            return None
        raise AoeinitError(f"cannot read {place}: {error.strerror}", "run as root") from error
    raise AoeinitError(f"{place} is neither a file nor a link", "move it away")


def undone(change: Change, current: State) -> State | Change:
    """Give what a path was before a change, or the change itself where it cannot be undone any more.

    A package may have brought a new content for a file of which only the permissions were changed: they
    alone are then put back.
    """
    before, after = change.before, change.after
    if current in {after, before}:
        return before
    if before and after and current and before.content == after.content and current.mode == after.mode:
        return replace(current, mode=before.mode)
    return change
