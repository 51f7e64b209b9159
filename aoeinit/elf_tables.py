"""The two tables of an ELF object, sections and segments: where things are, not what they hold.

Every module and every program is asked so much. pyelftools knows the answers too; to import it takes as long
as to ask a hundred modules here, so it is kept for the programs that have libraries.

Source: System V ABI, chapter 4, "ELF Header" and "Sections", and chapter 5, "Program Header".
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

IDENTIFICATION: Final = 16
"""Bytes before the fields of the header; the fifth tells the class, the sixth the order of bytes."""

HEADER: Final = {1: "HHIIIIIHHHHHH", 2: "HHIQQQIHHHHHH"}
SECTION: Final = {1: "II8xII", 2: "II16xQQ"}
"""The class, 32 or 64 bits, decides the format; of a section name, type, offset and size are of interest."""

PROGBITS: Final = 1
DYNAMIC: Final = 2
INTERPRETER: Final = 3


class Table(NamedTuple):
    """Where a table is: its offset, the size of an entry in bytes, the number of entries."""

    offset: int
    entry_size: int
    entries: int

    @property
    def end(self) -> int:
        """The offset of what follows the table."""
        return self.offset + self.entry_size * self.entries

    def offsets(self) -> range:
        """Give the offset of every entry."""
        return range(self.offset, self.end, max(1, self.entry_size))


class Header(NamedTuple):
    """An ELF header: its class, order of bytes and tables, and the number of the section with all names."""

    form: int
    order: str
    segments: Table
    sections: Table
    names: int


def read_header(elf: bytes) -> Header:
    """Read the header; raises :class:`ValueError` where it is cut short or of an unknown class."""
    form, order = elf[4:5], ">" if elf[5:6] == b"\2" else "<"
    if form not in {b"\1", b"\2"}:
        raise ValueError("it is of an unknown ELF class")
    try:
        fields = struct.unpack_from(order + HEADER[form[0]], elf, IDENTIFICATION)
    except struct.error as error:
        raise ValueError("it ends within its ELF header") from error
    segments, sections = fields[4:6]
    return Header(form[0], order, Table(segments, *fields[8:10]), Table(sections, *fields[10:12]), fields[12])


def section_content(elf: bytes, name: str) -> bytes | None:
    """Give what the section ``name``, one of program data, holds; ``None`` where there is none.

    Raises :class:`ValueError` where the object is not whole.
    """
    header = read_header(elf)
    form = header.order + SECTION[header.form]
    try:
        sections = [struct.unpack_from(form, elf, offset) for offset in header.sections.offsets()]
        _, _, names, _ = sections[header.names] if sections else (0, 0, 0, 0)
    except (struct.error, IndexError, OverflowError) as error:
        raise ValueError("it ends within its section headers") from error
    wanted = name.encode() + b"\0"
    for name_offset, kind, offset, size in sections:
        if kind == PROGBITS and elf.startswith(wanted, names + name_offset):
            if offset + size > len(elf):
                raise ValueError(f"it ends within its section {name}")
            return elf[offset : offset + size]
    return None


def is_static(elf: bytes) -> bool:
    """Tell whether a program needs neither an interpreter nor libraries.

    Raises :class:`ValueError` where the object is not whole.
    """
    kinds = set(_segment_kinds(elf, read_header(elf)))
    return kinds.isdisjoint({DYNAMIC, INTERPRETER})


def _segment_kinds(elf: bytes, header: Header) -> Iterator[int]:
    for offset in header.segments.offsets():
        try:
            (kind,) = struct.unpack_from(f"{header.order}I", elf, offset)
        except (struct.error, OverflowError) as error:
            raise ValueError("it ends within its program headers") from error
        yield kind
