"""A physical volume of LVM with its logical volumes in a file, made without the device mapper.

The format is that of LVM2's sources, lib/format_text: a label in the second sector, then a ring with the
description of the volume group as text.
"""

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

MIB = 1 << 20
SECTOR = 512
EXTENT = 4 * MIB
DATA = MIB
"""Where the logical volumes begin, in bytes: before it stand the label and the description."""
AREA = 4096
LABEL = struct.Struct("<8sQII8s")
CRC_START = 0xF597A6CF
MAGIC = b" LVM2 x[5A%r0N*>"
GROUP = "hyperion-vg"
IDS = "0123456789abcdefghijklmnopqrstuv"


def volume_starts(volumes: Mapping[str, int]) -> dict[str, int]:
    """Where volumes of these sizes in MiB begin in their physical volume, in bytes."""
    starts, at = {}, DATA
    for name, mib in volumes.items():
        starts[name] = at
        at += mib * MIB
    return starts


def write_physical_volume(part: Path, volumes: Mapping[str, int]) -> None:
    """Make ``part`` a physical volume with one group of ``volumes``, by name, in MiB: whole extents."""
    size = part.stat().st_size
    text = description(size, volumes).encode() + b"\0"
    header = MAGIC + struct.pack("<IQQ", 1, AREA, DATA - AREA)
    header += struct.pack("<QQII", SECTOR, len(text), checksum(text), 0)
    header = header.ljust(SECTOR - 4, b"\0")
    areas = struct.pack("<QQQQ", DATA, 0, 0, 0) + struct.pack("<QQQQ", AREA, DATA - AREA, 0, 0)
    volume = (identity("p").replace("-", "").encode() + struct.pack("<Q", size) + areas).ljust(
        SECTOR - LABEL.size, b"\0"
    )
    start = struct.pack("<I8s", LABEL.size, b"LVM2 001")
    label = struct.pack("<8sQI", b"LABELONE", 1, checksum(start + volume)) + start + volume
    with part.open("r+b") as file:
        file.seek(SECTOR)
        file.write(label)
        file.seek(AREA)
        file.write(struct.pack("<I", checksum(header)) + header + text)


def checksum(content: bytes) -> int:
    """LVM's own use of CRC-32: another start, and no complement at the end."""
    return zlib.crc32(content, CRC_START ^ 0xFFFFFFFF) ^ 0xFFFFFFFF


def identity(letter: str) -> str:
    """A UUID as LVM writes it."""
    digits = letter + IDS[1:]
    return "-".join((digits[:6], *(digits[at : at + 4] for at in range(6, 26, 4)), digits[26:]))


def description(size: int, volumes: Mapping[str, int]) -> str:
    """The volume group as text."""
    extents = (size - DATA) // EXTENT
    lines = [
        f"{GROUP} {{",
        f'id = "{identity("g")}"',
        "seqno = 1",
        'format = "lvm2"',
        'status = ["RESIZEABLE", "READ", "WRITE"]',
        "flags = []",
        f"extent_size = {EXTENT // SECTOR}",
        "max_lv = 0",
        "max_pv = 0",
        "metadata_copies = 0",
        "physical_volumes {",
        "pv0 {",
        f'id = "{identity("p")}"',
        'status = ["ALLOCATABLE"]',
        "flags = []",
        f"dev_size = {size // SECTOR}",
        f"pe_start = {DATA // SECTOR}",
        f"pe_count = {extents}",
        "}",
        "}",
        "logical_volumes {",
    ]
    first = 0
    for number, (name, mib) in enumerate(volumes.items()):
        count = mib * MIB // EXTENT
        lines += [
            f"{name} {{",
            f'id = "{identity(str(number))}"',
            'status = ["READ", "WRITE", "VISIBLE"]',
            "flags = []",
            "segment_count = 1",
            "segment1 {",
            "start_extent = 0",
            f"extent_count = {count}",
            'type = "striped"',
            "stripe_count = 1",
            f'stripes = ["pv0", {first}]',
            "}",
            "}",
        ]
        first += count
    lines += ["}", "}", 'contents = "Text Format Volume Group"', "version = 1", 'description = ""']
    lines += ['creation_host = "hyperion"', "creation_time = 1600000000", ""]
    return "\n".join(lines)
