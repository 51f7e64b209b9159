"""Entries: what an image consists of, as plain values, and their arrangement into one image.

A path is relative to the root of the image, without a leading slash: ``etc/aoeinit/image``.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace

from aoeinit.errors import ImageError

# The kernel's limits: a path with its closing NUL, one name, and the links on one path (path_resolution(7));
# a size is eight hexadecimal digits in a newc header; device numbers are 12 and 20 bits wide.
PATH_MAX = 4096
NAME_MAX = 255
MAX_LINKS = 40
FILE_LIMIT = 1 << 32
MAJOR_LIMIT = 1 << 12
MINOR_LIMIT = 1 << 20
MODE_LIMIT = 1 << 12

# The name that ends a newc archive: a file of this name would cut the image short.
TRAILER = "TRAILER!!!"


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory; ``mode`` is its permission bits."""

    path: str
    mode: int = 0o755


@dataclass(frozen=True, slots=True)
class File:
    """A regular file with its whole content; ``mode`` is its permission bits."""

    path: str
    content: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Symlink:
    """A symbolic link; ``target`` is stored as it is."""

    path: str
    target: str


@dataclass(frozen=True, slots=True)
class Device:
    """A device node; ``kind`` is ``"c"`` or ``"b"``, ``mode`` its permission bits."""

    path: str
    kind: str
    major: int
    minor: int
    mode: int = 0o600


Entry = Directory | File | Symlink | Device


def arrange(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Put ``entries`` together as one image: parents added and first, sorted by path, duplicates dropped.

    Links are followed as the kernel would follow them while it unpacks, inside the image: with
    ``lib -> usr/lib`` among the entries, ``lib/modules/x`` is placed at ``usr/lib/modules/x``. So no path of
    the result runs through a link, and the order of the entries never decides where a file lands.

    Raises :class:`ImageError` for a path or value that an image cannot hold, for two entries that want the
    same place and are not equal, for something other than a directory used as one, and for a loop of links.
    """
    given = tuple(entries)
    for entry in given:
        _check(entry)
    links = _placed_links(given)
    image: dict[str, Entry] = {}
    for entry in given:
        path = _place(entry.path, links)
        placed = entry if path == entry.path else replace(entry, path=path)
        _check(placed)
        other = image.setdefault(path, placed)
        if other != placed:
            raise ImageError(
                f"two entries want the same place in the image: {describe(other)}, and {describe(placed)}",
                "leave one of them out, or give it another path",
            )
    for entry in tuple(image.values()):
        _add_parents(entry, image)
    return tuple(image[path] for path in sorted(image))


def describe(entry: Entry) -> str:
    """Tell of an entry in a few words, for messages."""
    match entry:
        case Directory():
            return f"directory {entry.path} (mode {entry.mode:04o})"
        case File():
            return f"file {entry.path} ({len(entry.content)} bytes, mode {entry.mode:04o})"
        case Symlink():
            return f"symbolic link {entry.path} -> {entry.target}"
        case Device():
            return f"device {entry.path} ({entry.kind} {entry.major}:{entry.minor}, mode {entry.mode:04o})"


def _placed_links(entries: Iterable[Entry]) -> dict[str, str]:
    """Map all links by their link-free paths to their targets: a link may itself lie below another one."""
    links = {entry.path: entry.target for entry in entries if isinstance(entry, Symlink)}
    for _ in range(len(links) + 1):
        placed = {_place(path, links): target for path, target in links.items()}
        if placed == links:
            return links
        links = placed
    raise ImageError(f"symbolic links lead through one another: {', '.join(sorted(links))}")


def _place(path: str, links: dict[str, str]) -> str:
    """Where ``path`` lands: its folders are followed through ``links``, its last name is not."""
    *folders, name = path.split("/")
    done: list[str] = []
    todo = folders[::-1]
    followed = 0
    while todo:
        folder = todo.pop()
        if folder in {"", "."}:
            continue
        if folder == "..":
            del done[-1:]
            continue
        target = links.get("/".join([*done, folder]))
        if target is None:
            done.append(folder)
            continue
        followed += 1
        if followed > MAX_LINKS:
            raise ImageError(f"{path}: too many levels of symbolic links in the image")
        if target.startswith("/"):
            done.clear()
        todo.extend(target.split("/")[::-1])
    return "/".join([*done, name])


def _add_parents(entry: Entry, image: dict[str, Entry]) -> None:
    path = entry.path
    while "/" in path:
        path = path.rpartition("/")[0]
        parent = image.setdefault(path, Directory(path))
        if not isinstance(parent, Directory):
            raise ImageError(
                f"{describe(parent)} cannot be a folder for {describe(entry)}",
                "give one of them another path",
            )


def _check(entry: Entry) -> None:
    """Refuse what a newc archive or the kernel cannot hold."""
    flaw = _path_flaw(entry.path)
    match entry:
        case File() if len(entry.content) >= FILE_LIMIT:
            flaw = flaw or "its content does not fit the archive's limit of 4 GiB"
        case Symlink():
            flaw = flaw or _text_flaw(entry.target)
        case Device():
            if entry.kind not in {"b", "c"}:
                flaw = flaw or f"its kind {entry.kind!r} is neither b nor c"
            if not (0 <= entry.major < MAJOR_LIMIT and 0 <= entry.minor < MINOR_LIMIT):
                flaw = flaw or "its device number is out of range"
    if not isinstance(entry, Symlink) and not 0 <= entry.mode < MODE_LIMIT:
        flaw = flaw or "its mode is more than permission bits"
    if flaw:
        raise ImageError(f"{describe(entry)!r} cannot be part of an image: {flaw}")


def _path_flaw(path: str) -> str | None:
    if path.startswith("/"):
        return "its path is absolute"
    names = path.split("/")
    if ".." in names:
        return "its path has .. in it"
    if "" in names or "." in names:
        return "its path has an empty name or . in it"
    if names[0] == TRAILER:
        return f"{TRAILER} ends an archive"
    flaw = _text_flaw(path)
    if flaw is None and max(len(os.fsencode(name)) for name in names) > NAME_MAX:
        return f"a name in its path is longer than {NAME_MAX} bytes"
    return flaw


def _text_flaw(text: str) -> str | None:
    try:
        length = len(os.fsencode(text))
    except UnicodeEncodeError:
        return "a name cannot be encoded"
    if length == 0 or "\0" in text:
        return "a name is empty or has a NUL in it"
    if length >= PATH_MAX:
        return f"a path is longer than {PATH_MAX - 1} bytes"
    return None
