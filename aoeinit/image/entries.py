"""Entries: what an image consists of, as plain values.

A path is relative to the root of the image, without a leading slash: ``etc/aoeinit/image``.
"""

from dataclasses import dataclass


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
