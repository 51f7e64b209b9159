"""The parts of a unified kernel image: sections of a PE file.

Source: Microsoft's PE Format, "File Headers" and "Section Table"; the sections' names are those of
systemd-stub(7).
"""

import struct

from aoeinit.errors import ImageError

SECTION_HEADER = struct.Struct("<8sIIII16x")


def is_pe(content: memoryview) -> bool:
    """Tell whether a file is a PE file, as every kernel with an EFI stub and every unified image is."""
    at = _header(content)
    return bytes(content[:2]) == b"MZ" and bytes(content[at : at + 4]) == b"PE\0\0"


def sections(content: memoryview) -> dict[str, tuple[int, int]]:
    """Give the sections by name, each as where it begins and ends in the file.

    Raises :class:`ImageError` for a table or a section that the file is too short for.
    """
    header = _header(content)
    try:
        count, optional = struct.unpack_from("<H12xH", content, header + 6)
        table = header + 24 + optional
        found = [SECTION_HEADER.unpack_from(content, table + index * 40) for index in range(count)]
    except struct.error as error:
        raise ImageError(
            f"the unified kernel image is cut short in its headers at offset {header}"
        ) from error
    places: dict[str, tuple[int, int]] = {}
    for name, *sizes in found:
        # Of several of one name, the stub takes the first.
        places.setdefault(_name(name), _place(content, _name(name), *sizes))
    return places


def _header(content: memoryview) -> int:
    return int.from_bytes(content[0x3C:0x40], "little")


def _name(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("ascii", "backslashreplace")


def _place(
    content: memoryview, name: str, size: int, _address: int, stored: int, start: int
) -> tuple[int, int]:
    # What is stored is padded to the file's alignment; a section may also be larger than what is stored.
    end = start + min(size, stored)
    if end > len(content):
        raise ImageError(f"the unified kernel image is cut short: its section {name} ends at offset {end}")
    return start, end
