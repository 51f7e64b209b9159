from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoeinit.aoe import frames
from aoeinit.aoe.frames import Config, Frame, FrameError, parse_config, parse_frame, parse_sector
from aoeinit.aoe.identify import Identity, parse_identity
from aoeinit.aoe.target import MAX_SHELF, MAX_SLOT, Target

OUR_MAC = "06:11:b3:8a:17:dc"
SERVER = "52:54:00:11:ff:01"
E11_0 = Target(11, 0)
TAG = 0x8000_0001

# One row a field, in the order of the specification.
TO_ALL = [
    ("destination", "ffffffffffff"),
    ("source", "0611b38a17dc"),
    ("Ethernet type", "88a2"),
    ("version and flags", "10"),
    ("error", "00"),
    ("major", "ffff"),
    ("minor", "ff"),
    ("command", "01"),
    ("tag", "80000001"),
    ("buffer count", "0000"),
    ("firmware version", "0000"),
    ("sector count", "00"),
    ("version and command", "00"),
    ("string length", "0000"),
]
IDENTIFY = [
    ("destination", "52540011ff01"),
    ("source", "0611b38a17dc"),
    ("Ethernet type", "88a2"),
    ("version and flags", "10"),
    ("error", "00"),
    ("major", "000b"),
    ("minor", "00"),
    ("command", "00"),
    ("tag", "80000001"),
    ("aflags", "00"),
    ("feature", "00"),
    ("sector count", "01"),
    ("command of ATA", "ec"),
    ("lba", "000000000000"),
    ("reserved", "0000"),
]
# As vblade 25 sends it.
ANSWER = [
    ("destination", "0611b38a17dc"),
    ("source", "52540011ff01"),
    ("Ethernet type", "88a2"),
    ("version and flags", "18"),
    ("error", "00"),
    ("major", "000b"),
    ("minor", "00"),
    ("command", "01"),
    ("tag", "80000001"),
    ("buffer count", "0010"),
    ("firmware version", "4019"),
    ("sector count", "02"),
    ("version and command", "10"),
    ("string length", "0003"),
    ("string", "6f6e65"),
    ("padding", "0000"),
]
HEADER = 24


def content(rows: list[tuple[str, str]], **other: str) -> bytes:
    """The bytes of a table, some fields of which have other values."""
    known = {name.replace(" ", "_") for name, _ in rows}
    assert set(other) <= known
    return bytes.fromhex("".join(other.get(name.replace(" ", "_"), value) for name, value in rows))


def test_a_query_is_what_the_specification_says() -> None:
    assert frames.query(OUR_MAC, None, TAG) == content(TO_ALL).ljust(60, b"\0")


def test_a_query_of_one_target_at_one_server() -> None:
    expected = content(TO_ALL, destination="52540011ff01", major="000b", minor="00")
    assert frames.query(OUR_MAC, E11_0, TAG, SERVER) == expected.ljust(60, b"\0")


def test_the_request_for_the_disk_is_what_the_specification_says() -> None:
    assert frames.identify(OUR_MAC, SERVER, E11_0, TAG) == content(IDENTIFY).ljust(60, b"\0")


def test_an_answer_is_taken_apart() -> None:
    frame = parse_frame(content(ANSWER))
    assert frame == Frame(
        destination=OUR_MAC,
        source=SERVER,
        is_answer=True,
        error=None,
        target=E11_0,
        command=frames.QUERY_CONFIG,
        tag=TAG,
        argument=content(ANSWER)[HEADER:],
    )
    assert parse_config(frame.argument) == Config(buffers=16, firmware=0x4019, sectors=2, text="one")


def test_an_answer_that_is_an_error_and_one_for_every_target() -> None:
    assert parse_frame(content(ANSWER, version_and_flags="1c", error="03")).error == 3
    assert parse_frame(content(ANSWER, error="03")).error is None
    assert parse_frame(content(ANSWER, major="ffff")).target is None
    assert parse_frame(content(ANSWER, minor="ff")).target is None


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", "shorter than a header"),
        (content(ANSWER)[: HEADER - 1], "shorter than a header"),
        (content(ANSWER, Ethernet_type="0800"), "not AoE"),
        (content(ANSWER, version_and_flags="28"), "not version 1"),
    ],
)
def test_what_is_no_frame(frame: bytes, reason: str) -> None:
    with pytest.raises(FrameError, match=reason):
        parse_frame(frame)


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        (b"", "shorter than a config"),
        (bytes(7), "shorter than a config"),
        (content(ANSWER, string_length="0006")[HEADER:], "shorter than its config string"),
        (content(ANSWER, string_length="0401")[HEADER:] + bytes(2000), "more than 1024 bytes"),
        (content(ANSWER, string_length="ffff")[HEADER:], "more than 1024 bytes"),
    ],
)
def test_what_is_no_config(argument: bytes, reason: str) -> None:
    with pytest.raises(FrameError, match=reason):
        parse_config(argument)


def test_the_longest_config_string() -> None:
    argument = content(ANSWER, string_length="0400", string="", padding="61" * 1024)[HEADER:]
    assert parse_config(argument).text == "a" * 1024


def test_a_config_string_that_is_no_text_can_be_written_all_the_same() -> None:
    argument = content(ANSWER, string="1bff41")[HEADER:]
    assert parse_config(argument).text == "\x1b\\xffA"


def ata(status: int, length: int) -> bytes:
    return bytes([0, 0, 0, status, *bytes(8)]) + bytes(length)


def test_a_sector_is_taken_out_of_an_answer_with_or_without_padding() -> None:
    assert parse_sector(ata(0x40, 512)) == parse_sector(ata(0x50, 700)) == bytes(512)


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        (ata(0x40, 0)[:11], "shorter than an ATA header"),
        (ata(0x40, 511), "shorter than a sector"),
        (ata(0x41, 512), "an ATA command that failed"),
        (ata(0x80, 512), "an ATA command that failed"),
        (ata(0x20, 512), "an ATA command that failed"),
    ],
)
def test_what_is_no_sector(argument: bytes, reason: str) -> None:
    with pytest.raises(FrameError, match=reason):
        parse_sector(argument)


def words(text: str, count: int) -> list[int]:
    """A text as ATA has it: two characters a word, the first in the high byte."""
    padded = text.ljust(2 * count).encode("latin-1")
    return [padded[at] << 8 | padded[at + 1] for at in range(0, 2 * count, 2)]


def disk(**other: tuple[int, list[int]]) -> bytes:
    """The sector that a disk of five sectors says of itself."""
    fields = {
        "serial": (10, words("11.0:server", 10)),
        "firmware": (23, words("V25", 4)),
        "model": (27, words("Coraid EtherDrive vblade", 20)),
        "small": (60, [5, 0]),
        "supported": (83, [0x5400]),
        "large": (100, [5, 0, 0, 0]),
        **other,
    }
    sector = [0] * 256
    for at, values in fields.values():
        sector[at : at + len(values)] = values
    return b"".join(word.to_bytes(2, "little") for word in sector)


def test_a_disk_says_what_it_is() -> None:
    identity = parse_identity(disk())
    assert identity == Identity("Coraid EtherDrive vblade", "11.0:server", "V25", 5)
    assert identity.size == 2560


@pytest.mark.parametrize(
    ("other", "sectors"),
    [
        ({"large": (100, [0x3333, 0x2222, 0x1111, 0])}, 0x1111_2222_3333),
        ({"large": (100, [0xFFFF, 0xFFFF, 0xFFFF, 0])}, (1 << 48) - 1),
        ({"supported": (83, [0x5000]), "small": (60, [0x3333, 0x0222])}, 0x0222_3333),
        ({"supported": (83, [0x0400]), "small": (60, [7, 0])}, 7),
        ({"supported": (83, [0xFFFF]), "small": (60, [7, 0])}, 7),
    ],
)
def test_the_size_of_a_disk(other: dict[str, tuple[int, list[int]]], sectors: int) -> None:
    assert parse_identity(disk(**other)).sectors == sectors


def test_a_size_that_no_disk_can_have() -> None:
    with pytest.raises(FrameError, match="more than 48 bits"):
        parse_identity(disk(large=(100, [0, 0, 0, 1])))


def test_texts_of_a_disk_that_are_no_text() -> None:
    identity = parse_identity(disk(serial=(10, words("\x1b[2J\xff", 10)), model=(27, [0] * 20)))
    assert (identity.serial, identity.model) == ("\x1b[2J\\xff", "")


@given(st.binary(max_size=2000))
def test_any_bytes_are_read_or_refused(anything: bytes) -> None:
    for parse in (parse_frame, parse_config, parse_sector, parse_identity):
        with suppress(FrameError):
            parse(anything)


@given(st.binary(min_size=512, max_size=512))
def test_any_sector_is_read_or_refused(sector: bytes) -> None:
    try:
        identity = parse_identity(sector)
    except FrameError:
        return
    assert 0 <= identity.sectors < 1 << 48
    assert f"{identity.model}{identity.serial}{identity.firmware}".isascii()


@given(
    st.none() | st.builds(Target, st.integers(0, MAX_SHELF), st.integers(0, MAX_SLOT)),
    st.integers(0, (1 << 32) - 1),
)
def test_what_is_written_is_read_again(target: Target | None, tag: int) -> None:
    frame = parse_frame(frames.query(OUR_MAC, target, tag, SERVER))
    assert (frame.destination, frame.source, frame.target, frame.tag) == (SERVER, OUR_MAC, target, tag)
    assert (frame.is_answer, frame.error, frame.command) == (False, None, frames.QUERY_CONFIG)
