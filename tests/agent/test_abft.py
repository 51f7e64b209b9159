"""The aBFT that network boot firmware leaves: read from an ACPI table, or found in memory."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agent.machine import Machine
from tests.agent.shell import agent_shell, single_quoted

SHOW = 'find_abft; echo "$abft_target $abft_mac"'
MAC = bytes.fromhex("525400110001")
FOUND = "e11.3 52:54:00:11:00:01\n"
NONE = " \n"


def abft(shelf: int = 11, slot: int = 3, mac: bytes = MAC, *, length: int = 46, wrong: int = 0) -> bytes:
    """A table as iPXE makes it; ``wrong`` is added to its checksum."""
    table = struct.pack(
        "<4sIBB6s8s4x4s4xHBx6s", b"aBFT", length, 1, 0, b"FENSYS", b"iPXE", b"", shelf, slot, mac
    )
    checksum = (-sum(table) + wrong) % 256
    return table[:9] + bytes([checksum]) + table[10:]


def put_bytes(machine: Machine, path: str, content: bytes) -> None:
    machine.put(path, "")
    (machine.root / path).write_bytes(content)


def memory(*pieces: tuple[int, bytes], size: int = 640 << 10) -> bytes:
    """Memory with something at each of some addresses."""
    content = bytearray(size)
    for address, piece in pieces:
        content[address : address + len(piece)] = piece
    return bytes(content)


def test_among_the_acpi_tables(machine: Machine) -> None:
    put_bytes(machine, "sys/firmware/acpi/tables/aBFT", abft())
    assert machine.run(SHOW).output == FOUND


@pytest.mark.parametrize(
    "pieces",
    [
        [(0x9E620, abft())],
        [(0, abft())],
        [(0x9FFD0, abft())],
        [(0x9E620, abft()), (0x9E610, b"      text aBF ")],
        [(0x9E620, abft()), (0x9E610, b"  0123456789 abc")],
        [(0x1000, b"code with aBFT in it"), (0x2000, b"aBFT."), (0x3004, abft(7)), (0x9E620, abft())],
        [(0x8000, abft(7, wrong=1)), (0x9E620, abft())],
    ],
)
def test_found_in_memory(machine: Machine, pieces: list[tuple[int, bytes]]) -> None:
    put_bytes(machine, "dev/mem", memory(*pieces))
    assert machine.run(SHOW).output == FOUND


@pytest.mark.parametrize(
    "table",
    [
        b"",
        abft(wrong=1),
        abft(length=45),
        abft(length=4096),
        abft()[:45],
        abft(shelf=65535),
        abft(slot=255),
        b"\0" * 46,
    ],
)
def test_no_table_or_a_damaged_one(machine: Machine, table: bytes) -> None:
    put_bytes(machine, "sys/firmware/acpi/tables/aBFT", table)
    assert machine.run(SHOW).output == NONE
    (machine.root / "sys/firmware/acpi/tables/aBFT").unlink()
    put_bytes(machine, "dev/mem", memory((0x9E620, table)))
    assert machine.run(SHOW).output == NONE


@pytest.mark.parametrize("address", [0xA0000, 0x9E621, 0x9E628])
def test_memory_elsewhere_is_passed_over(machine: Machine, address: int) -> None:
    put_bytes(machine, "dev/mem", memory((address, abft()), size=1 << 20))
    assert machine.run(SHOW).output == NONE


def test_a_kernel_that_hides_memory(machine: Machine) -> None:
    (machine.root / "dev/mem").mkdir()  # no read() either
    outcome = machine.run(SHOW)
    assert (outcome.output, outcome.kmsg) == (NONE, [])


def test_memory_is_not_looked_through_with_efi(machine: Machine) -> None:
    put_bytes(machine, "dev/mem", memory((0x9E620, abft())))
    (machine.root / "sys/firmware/efi").mkdir(parents=True)
    assert machine.run(SHOW).output == NONE


@settings(max_examples=40)
@given(st.integers(0, 65534), st.integers(0, 254), st.binary(min_size=6, max_size=6))
def test_what_a_table_says(shelf: int, slot: int, mac: bytes) -> None:
    octal = "".join(f"\\{byte:03o}" for byte in abft(shelf, slot, mac))
    script = f'printf {single_quoted(octal)} >"$table"; read_abft "$table" 0; echo "$abft_target $abft_mac"\n'
    made = 'table="$(mktemp)"\n'
    assert agent_shell(f'{made}{script}rm "$table"') == f"e{shelf}.{slot} {mac.hex(':')}\n"
