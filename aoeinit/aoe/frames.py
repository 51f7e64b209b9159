"""Frames of the AoE protocol: requests to send, and what an answer says.

Source: the AoE specification, AoEr11 (February 2009); ``aoe.h`` of the kernel's driver has the same layouts.
"""

import struct
from dataclasses import dataclass
from typing import Final

from aoeinit.aoe.target import MAX_SHELF, MAX_SLOT, Target

ETHERTYPE: Final = 0x88A2
BROADCAST: Final = "ff:ff:ff:ff:ff:ff"

ISSUE_ATA: Final = 0
QUERY_CONFIG: Final = 1

OUR_TAGS: Final = 1 << 31
"""This bit in a tag makes the kernel's driver leave the answer to others (``aoenet_rcv()`` in aoenet.c)."""

MAX_CONFIG: Final = 1024
"""Bytes of a config string at most."""

ERRORS: Final = {
    1: "does not know the command",
    2: "finds a bad argument",
    3: "says that the device is unavailable",
    4: "says that a config string is set",
    5: "does not know version 1",
    6: "is reserved for others",
}

_HEADER = struct.Struct("!6s6sHBBHBBI")
_CONFIG = struct.Struct("!HHBBH")
_ATA = struct.Struct("!BBBB6sH")
_SHORTEST = 60
"""Bytes of an Ethernet frame at least, without its checksum (IEEE 802.3)."""
_VERSION = 1
_RESPONSE, _ERROR = 1 << 3, 1 << 2
_IDENTIFY = 0xEC
_SECTOR = 512
_FAILED = 0x80 | 0x20 | 0x01
"""BSY, DF and ERR of the ATA status."""


class FrameError(ValueError):
    """A frame that is not what the specification says; the text, one of a few, tells in what way."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame with its header taken apart; ``argument`` is what the command says, with any padding.

    ``error`` is the code of an answer that is an error, else ``None``. A target of all ones is ``None``.
    """

    destination: str
    source: str
    is_answer: bool
    error: int | None
    target: Target | None
    command: int
    tag: int
    argument: bytes


@dataclass(frozen=True, slots=True)
class Config:
    r"""What a target says of itself; ``sectors`` is how many of 512 bytes it takes in one frame.

    ``buffers`` is the number of requests that it can hold at a time. ``text`` is its config string; bytes
    that are no UTF-8 are written as ``\xNN``.
    """

    buffers: int
    firmware: int
    sectors: int
    text: str


def query(source: str, target: Target | None, tag: int, destination: str = BROADCAST) -> bytes:
    """Write a request for the config of one target, or of all."""
    return _request(destination, source, target, QUERY_CONFIG, tag, bytes(_CONFIG.size))


def identify(source: str, destination: str, target: Target, tag: int) -> bytes:
    """Write a request for the disk's own description: ATA's IDENTIFY DEVICE, one sector of data."""
    argument = _ATA.pack(0, 0, 1, _IDENTIFY, bytes(6), 0)
    return _request(destination, source, target, ISSUE_ATA, tag, argument)


def parse_frame(content: bytes) -> Frame:
    """Take a frame's header apart ("AoE Header Format"). Raises :class:`FrameError`."""
    if len(content) < _HEADER.size:
        raise FrameError("shorter than a header")
    destination, source, kind, flags, error, shelf, slot, command, tag = _HEADER.unpack_from(content)
    if kind != ETHERTYPE:
        raise FrameError("not AoE")
    if flags >> 4 != _VERSION:
        raise FrameError("not version 1")
    return Frame(
        destination=_as_text(destination),
        source=_as_text(source),
        is_answer=bool(flags & _RESPONSE),
        error=error if flags & _ERROR else None,
        target=Target(shelf, slot) if shelf <= MAX_SHELF and slot <= MAX_SLOT else None,
        command=command,
        tag=tag,
        argument=content[_HEADER.size :],
    )


def parse_config(argument: bytes) -> Config:
    """Read the argument of an answer to "Query Config Information". Raises :class:`FrameError`."""
    if len(argument) < _CONFIG.size:
        raise FrameError("shorter than a config")
    buffers, firmware, sectors, _, length = _CONFIG.unpack_from(argument)
    if length > MAX_CONFIG:
        raise FrameError("a config string of more than 1024 bytes")
    text = argument[_CONFIG.size : _CONFIG.size + length]
    if len(text) < length:
        raise FrameError("shorter than its config string")
    return Config(buffers, firmware, sectors, text.decode(errors="backslashreplace"))


def parse_sector(argument: bytes) -> bytes:
    """Take the one sector out of an answer to "Issue ATA Command". Raises :class:`FrameError`."""
    if len(argument) < _ATA.size:
        raise FrameError("shorter than an ATA header")
    _, _, _, status, _, _ = _ATA.unpack_from(argument)
    if status & _FAILED:
        raise FrameError("an ATA command that failed")
    sector = argument[_ATA.size : _ATA.size + _SECTOR]
    if len(sector) < _SECTOR:
        raise FrameError("shorter than a sector")
    return sector


def _request(
    destination: str, source: str, target: Target | None, command: int, tag: int, argument: bytes
) -> bytes:
    shelf, slot = (target.shelf, target.slot) if target else (MAX_SHELF + 1, MAX_SLOT + 1)
    header = _HEADER.pack(
        _as_bytes(destination), _as_bytes(source), ETHERTYPE, _VERSION << 4, 0, shelf, slot, command, tag
    )
    # Virtual interfaces do not pad, and some receivers throw shorter frames away.
    return (header + argument).ljust(_SHORTEST, b"\0")


def _as_text(mac: bytes) -> str:
    return mac.hex(":")


def _as_bytes(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))
