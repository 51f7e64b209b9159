"""What is in the file systems of a machine that is off: every path with all that is known of it."""

import os
import stat
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path

from tests.lab.ext4 import Ext4, Inode

Manifest = dict[str, "Entry"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file; ``content`` is the digest, what a link leads to or a device's number.

    ``changed`` is in nanoseconds, ``same`` has the paths that are hard links to it, ``sparse`` is whether
    there are holes in it.
    """

    mode: str
    owner: int
    group: int
    size: int
    changed: int
    content: str
    same: tuple[str, ...]
    attributes: tuple[tuple[str, bytes], ...]
    sparse: bool


def read_manifest(disk: Path, places: Mapping[str, int]) -> Manifest:
    """Read the ext4 file systems that begin at ``places`` of a disk, each by the folder it is mounted at."""
    manifest: Manifest = {}
    with disk.open("rb") as file:
        for folder in sorted(places):
            manifest |= entries(Ext4(file, places[folder]), folder)
    return manifest


def entries(filesystem: Ext4, folder: str) -> Iterator[tuple[str, Entry]]:
    found = [(folder.rstrip("/") + path, inode) for path, inode in filesystem.walk()]
    links: dict[int, list[str]] = {}
    for path, inode in found:
        if not stat.S_ISDIR(inode.mode):
            links.setdefault(inode.number, []).append(path)
    for path, inode in found:
        same = tuple(sorted(links.get(inode.number, ())))
        yield path.rstrip("/") or "/", entry(filesystem, inode, same)


def entry(filesystem: Ext4, inode: Inode, same: tuple[str, ...]) -> Entry:
    regular = stat.S_ISREG(inode.mode)
    written = sum(extent.count for extent in inode.extents) * filesystem.block_size
    return Entry(
        mode=stat.filemode(inode.mode),
        owner=inode.owner,
        group=inode.group,
        # What a folder takes is the file system's own business.
        size=0 if stat.S_ISDIR(inode.mode) else inode.size,
        changed=inode.changed,
        content=content(filesystem, inode),
        same=same if len(same) > 1 else (),
        attributes=inode.attributes,
        sparse=regular and written < inode.size,
    )


def content(filesystem: Ext4, inode: Inode) -> str:
    match stat.S_IFMT(inode.mode):
        case stat.S_IFREG:
            return filesystem.digest(inode)
        case stat.S_IFLNK:
            return filesystem.link_target(inode)
        case stat.S_IFBLK | stat.S_IFCHR:
            return device_number(inode)
    return ""


def device_number(inode: Inode) -> str:
    """A device's number as ls(1) shows it; the kernel keeps it in one of two forms."""
    old, new = struct.unpack("<II", inode.block[:8])
    if old:
        return f"{old >> 8}:{old & 0xFF}"
    return f"{new >> 8 & 0xFFF}:{new & 0xFF | new >> 12 & 0xFFF00}"


def differences(source: Manifest, result: Manifest, changed: Iterable[str]) -> list[str]:
    """In what two systems differ, but for the paths that match a pattern of ``changed``.

    A file that came or went gives its folder another date, so those folders' dates are not compared.
    """
    patterns = tuple(changed)
    expected = {path for path in {*source, *result} if any(fnmatchcase(path, each) for each in patterns)}
    busy = {os.path.dirname(path) for path in expected}
    lines: list[str] = []
    for path in sorted({*source, *result} - expected):
        match source.get(path), result.get(path):
            case (one, None):
                lines.append(f"{path}: missing")
            case (None, other):
                lines.append(f"{path}: new")
            case (one, other) if one is not None and other is not None:
                lines += [f"{path}: {each}" for each in unlike(one, other, dated=path not in busy)]
    return lines


def unlike(one: Entry, other: Entry, *, dated: bool) -> Iterator[str]:
    for field in fields(Entry):
        before, after = getattr(one, field.name), getattr(other, field.name)
        # More holes than there were cost nothing.
        fewer_holes = field.name == "sparse" and before <= after
        if before != after and not fewer_holes and (dated or field.name != "changed"):
            yield f"{field.name} {before!r} became {after!r}"
