"""The tag of a virtual LAN in an Ethernet frame: IEEE 802.1Q, four bytes behind the addresses."""

import struct
from typing import Final

TAGGED: Final = 0x8100
"""What stands where other frames have their type."""
ADDRESSES: Final = 12
NUMBER: Final = 0x0FFF
"""The bits of a tag that are the number of the virtual LAN; the others are about priority."""


def tag(frame: bytes, control: int) -> bytes:
    """Put a tag with these 16 bits into a frame."""
    return frame[:ADDRESSES] + struct.pack(">HH", TAGGED, control) + frame[ADDRESSES:]


def untag(frame: bytes, vlan: int) -> bytes:
    """Take the tag out of a frame of a virtual LAN; nothing is left of a frame of another, or of none."""
    kind, control = struct.unpack_from(">HH", frame, ADDRESSES)
    return frame[:ADDRESSES] + frame[ADDRESSES + 4 :] if (kind, control & NUMBER) == (TAGGED, vlan) else b""
