"""What a disk says of itself: the data of ATA's IDENTIFY DEVICE.

Source: ATA/ATAPI Command Set (ACS-3), section 7.12.7; the words have the same meaning in older versions.
"""

import struct
from dataclasses import dataclass
from typing import Final

from aoeinit.aoe.frames import FrameError

SECTOR: Final = 512
_SECTORS_OF_48_BITS = 1 << 10


@dataclass(frozen=True, slots=True)
class Identity:
    r"""A disk: its model, serial number and firmware, and its size in sectors of 512 bytes.

    Bytes in its texts that are no ASCII are written as ``\xNN``; control characters are left as they are.
    """

    model: str
    serial: str
    firmware: str
    sectors: int

    @property
    def size(self) -> int:
        """Give the size in bytes."""
        return self.sectors * SECTOR


def parse_identity(sector: bytes) -> Identity:
    """Read the sector of an answer. Raises :class:`FrameError` where it is none or says what cannot be."""
    if len(sector) != SECTOR:
        raise FrameError("shorter than a sector")
    words = struct.unpack("<256H", sector)
    return Identity(
        model=_text(words[27:47]),
        serial=_text(words[10:20]),
        firmware=_text(words[23:27]),
        sectors=_sectors(words),
    )


def _sectors(words: tuple[int, ...]) -> int:
    # Word 83 means something where its two highest bits are 01.
    if words[83] >> 14 != 1 or not words[83] & _SECTORS_OF_48_BITS:
        return words[60] | words[61] << 16
    if words[103]:
        raise FrameError("a disk of more than 48 bits of sectors")
    return words[100] | words[101] << 16 | words[102] << 32


def _text(words: tuple[int, ...]) -> str:
    """Read a text, the first character of which is in the high byte of its first word."""
    content = struct.pack(f">{len(words)}H", *words)
    return content.decode("ascii", errors="backslashreplace").strip(" \0")
