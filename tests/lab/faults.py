"""What can happen to an AoE frame on its way, by chance that a seed decides.

The frame's layout: the AoE protocol definition (AoEr11), sections 2 and 3. Behind the Ethernet header
come version and flags (1 byte), error (1), shelf (2), slot (1), command (1) and tag (4); in an ATA command,
12 bytes of registers, and data.
"""

from dataclasses import asdict, dataclass
from random import Random
from typing import Final

ETHER_TYPE: Final = bytes.fromhex("88a2")
ETHERNET_HEADER: Final = 14
SHORTEST: Final = 60
"""What any frame is filled up to."""
RESPONSE: Final = 0x08
VERSION_AND_FLAGS: Final = 14
MANGLED: Final = (*range(6), 12, 13, 14, 16, 17, 18, 20, 21)
"""The bytes of a header by which a receiver sees that a frame is not for it: destination, type, version,
shelf, slot, and the half of the tag that Linux counts requests with. With others (the registers, the
sender) a mangled frame is a good one that says something else, and AoE has nothing to tell that by. The
rest of the tag is when Linux sent the request; it believes what comes back, and may then wait minutes for
a lost frame."""
UNCUT: Final = range(18, 24)
"""Lengths that no frame is cut to: with zeros for the rest it would be the target's, with a wrong tag."""

COMMAND: Final = 19
REGISTERS: Final = 24
"""Where those of an ATA command begin: flags, feature, count, command, and six bytes of address."""
IDENTIFY: Final = 0xEC
SECTORS: Final = 1 << 48
"""More have no address."""

LIMITS: Final = frozenset({"seconds", "longest", "readable", "seed"})
"""What in :class:`Faults` is no share."""


@dataclass(frozen=True, slots=True)
class Faults:
    """The share of AoE frames, each way, that fares in such a way; at most ``seconds`` late when delayed.

    Frames of more than ``longest`` bytes are lost in any case, and requests for sectors from ``readable`` on.
    """

    lost: float = 0
    doubled: float = 0
    delayed: float = 0
    truncated: float = 0
    mangled: float = 0
    seconds: float = 0.05
    longest: int = 65536
    readable: int = SECTORS
    seed: int = 1

    def choose(self, frame: bytes, chance: Random) -> str:
        """Which fault happens to a frame; empty for none."""
        if frame[12:14] != ETHER_TYPE:
            return ""
        if len(frame) > self.longest or asks_for(frame) >= self.readable:
            return "lost"
        shares = {name: share for name, share in asdict(self).items() if name not in LIMITS}
        shares[""] = 1 - sum(shares.values())
        return chance.choices(list(shares), list(shares.values()))[0]


def suffer(frame: bytes, fault: str, seconds: float, chance: Random) -> list[tuple[float, bytes]]:
    """What arrives of a frame: each time after so many seconds."""
    match fault:
        case "lost":
            return []
        case "doubled":
            return [(0, frame), (0, frame)]
        case "delayed":
            return [(chance.uniform(0, seconds), frame)]
        case "truncated" if not answers_a_read(frame):
            return [(0, cut(frame, chance))]
        case "mangled":
            return [(0, mangle(frame, chance))]
        case _:
            return [(0, frame)]


def asks_for(frame: bytes) -> int:
    """Give the sector that a frame asks for; -1 if it asks for none."""
    registers = frame[REGISTERS : REGISTERS + 10]
    if frame[14] & RESPONSE or frame[COMMAND] != 0 or registers[3:4] in {b"", bytes([IDENTIFY])}:
        return -1
    return int.from_bytes(registers[4:], "little")


def answers_a_read(frame: bytes) -> bool:
    """Whether a frame brings data: too little of it is an I/O error to Linux, which does not ask again."""
    return bool(frame[14] & RESPONSE) and frame[19] == 0 and len(frame) > SHORTEST


def cut(frame: bytes, chance: Random) -> bytes:
    """Leave the beginning of a frame."""
    lengths = (*range(ETHERNET_HEADER, UNCUT.start), *range(UNCUT.stop, len(frame)))
    return frame[: chance.choice(lengths)]


def mangle(frame: bytes, chance: Random) -> bytes:
    """Change one byte of a frame's header."""
    place = chance.choice(MANGLED)
    changed = bytearray(frame)
    # Beside the version stands the flag of an error, which Linux hands on to whoever reads: it is left alone.
    changed[place] ^= chance.randrange(1, 16) << 4 if place == VERSION_AND_FLAGS else chance.randrange(1, 256)
    return bytes(changed)
