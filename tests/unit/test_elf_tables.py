"""The tables of ELF objects, held against what pyelftools reads in them, and objects that are not whole."""

from io import BytesIO
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import example, given
from hypothesis import strategies as st

from aoeinit.elf_tables import is_static, read_header, section_content
from tests.unit.kernel_samples import elf_with_section

PROGRAM = Path("/bin/sh").read_bytes()


@pytest.mark.parametrize("big_endian", [False, True])
def test_a_section_is_found_by_its_name(*, big_endian: bool) -> None:
    elf = elf_with_section(".modinfo", b"license=GPL\0", big_endian=big_endian)
    assert section_content(elf, ".modinfo") == b"license=GPL\0"
    assert section_content(elf, ".modinf") is None
    assert section_content(elf, "modinfo") is None


def test_sections_of_a_real_program_are_those_that_pyelftools_finds() -> None:
    elf = ELFFile(BytesIO(PROGRAM))
    for section in elf.iter_sections("SHT_PROGBITS"):
        assert section_content(PROGRAM, section.name) == section.data()
    assert read_header(PROGRAM).sections.entries == elf.num_sections()
    assert read_header(PROGRAM).segments.entries == elf.num_segments()


def test_a_program_with_libraries_is_not_static() -> None:
    assert not is_static(PROGRAM)
    assert is_static(elf_with_section(".text", b"\x90"))


@pytest.mark.parametrize("length", [0, 5, 16, 40, 63])
def test_an_object_that_ends_in_its_header_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=r"ELF (class|header)"):
        read_header(PROGRAM[:length])


def test_an_object_that_ends_in_its_tables_is_refused() -> None:
    with pytest.raises(ValueError, match="section headers"):
        section_content(PROGRAM[:-64], ".text")
    with pytest.raises(ValueError, match="program headers"):
        is_static(PROGRAM[:100])


@example([(47, 128)])
@example([(39, 128)])
@given(st.lists(st.tuples(st.integers(0, 63), st.integers(0, 255)), max_size=4))
def test_a_damaged_header_gives_an_answer_or_a_value_error(changes: list[tuple[int, int]]) -> None:
    elf = bytearray(elf_with_section(".modinfo", b"license=GPL\0"))
    for place, value in changes:
        elf[place] = value
    try:
        section_content(bytes(elf), ".modinfo")
        is_static(bytes(elf))
    except ValueError:
        pass
