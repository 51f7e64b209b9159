"""What a server exports: a disk, under the name of a target, to some MACs."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Self

from aoeinit.aoe.ethernet import parse_interface, parse_mac
from aoeinit.aoe.target import Target
from aoeinit.errors import ConfigError

BUFFERS: Final = 16
"""How many frames a client may have on their way, if nobody says else; vblade's own default."""
MAX_BUFFERS: Final = 0xFFFF
"""The protocol has 16 bits for it (AoEr11, section 3.2)."""

_DEVICE: Final = re.compile(r"/[A-Za-z0-9/._+:@,=~%-]*[A-Za-z0-9._+:@,=~%-]", re.ASCII)
_WHOLE: Final = re.compile(
    r"(/dev/(?:[shv]d[a-z]+|xvd[a-z]+))[0-9]+"
    r"|(/dev/(?:nvme[0-9]+n|mmcblk|loop|nbd|md|rbd|zd)[0-9]+)p[0-9]+"
    r"|(/dev/(?:disk|zvol|rbd)/.+)-part[0-9]+"
)


class Writes(StrEnum):
    """Where a write is when the client is told that it is done: for vblade knows no flush."""

    SYNC = "sync"
    """On the disk, as with ``O_SYNC``."""
    DIRECT = "direct"
    """Out of the server's memory (``O_DIRECT``), but maybe in a cache of the disk's own."""
    CACHED = "cached"
    """Anywhere."""


@dataclass(frozen=True, slots=True)
class Export:
    """A disk, or a file in its place, that the MACs reach as ``target`` through ``interface``.

    No MAC at all means everybody.
    """

    target: Target
    device: str
    interface: str
    macs: tuple[str, ...] = ()
    read_only: bool = False
    writes: Writes = Writes.SYNC
    buffers: int = BUFFERS

    def checked(self) -> Self:
        """Give the same of what a user wrote; raises :class:`ConfigError` for what cannot be."""
        if not 1 <= self.buffers <= MAX_BUFFERS:
            # Not the number itself: Python does not write one that is long enough.
            raise ConfigError("the number of buffers is out of range", f"it is 1 to {MAX_BUFFERS}")
        parse_device(self.device)
        parse_interface(self.interface)
        return replace(self, macs=tuple(dict.fromkeys(parse_mac(mac) for mac in self.macs)))

    @property
    def is_file(self) -> bool:
        """Whether the disk is a file rather than a device."""
        return not self.device.startswith("/dev/")


def parse_device(path: str) -> str:
    """Take the path of a device or file; raises :class:`ConfigError` for one that a unit could not name.

    Debian's unit lets systemd split the words of its command line, so nothing that quotes or separates is
    possible there.
    """
    if not _DEVICE.fullmatch(path):
        raise ConfigError(
            f"{path!r} is not the absolute path of a device or file, in plain characters",
            "write all of it; one with blanks or quotes in it gets a link to it: ln -s",
        )
    if any(part in {"", ".", ".."} for part in path.split("/")[1:]):
        raise ConfigError(f"{path!r} is a path with detours", "write it without //, /./ and /../")
    return path


def whole_disk(device: str) -> str | None:
    """Name the disk that a device is a partition of, as far as the kernel's names tell; else ``None``."""
    match = _WHOLE.fullmatch(device)
    return next(filter(None, match.groups()), None) if match else None


def overlap(one: str, other: str) -> bool:
    """Tell whether two paths name the same disk, or one a part of the other."""
    return one == other or whole_disk(one) == other or whole_disk(other) == one
