"""The lab's faults: only AoE frames suffer them, as a seed decides, and data is left alone."""

# ruff: noqa: S311 # the tests are about what a seed decides
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.faults import ETHER_TYPE, MANGLED, UNCUT, Faults, suffer

REQUEST, ANSWER = 0x10, 0x18
ADDRESSES = bytes(12)
chances = st.integers(0, 2**32).map(Random)


def frame(flags: int, data: bytes) -> bytes:
    """An ATA command with data behind it."""
    return ADDRESSES + ETHER_TYPE + bytes([flags, 0, 0, 11, 0, 0]) + bytes(16) + data


def test_one_seed_chooses_the_same_faults_again() -> None:
    faults = Faults(lost=0.1, doubled=0.1, delayed=0.1, truncated=0.1, mangled=0.1)
    aoe = frame(REQUEST, b"")
    first, second = ([faults.choose(aoe, chance) for _ in range(500)] for chance in (Random(7), Random(7)))
    assert first == second
    assert set(first) == {"", "lost", "doubled", "delayed", "truncated", "mangled"}


def test_frames_of_others_pass() -> None:
    arp = ADDRESSES + bytes.fromhex("0806") + bytes(46)
    assert Faults(lost=1).choose(arp, Random(1)) == ""


def test_frames_that_are_too_long_are_lost() -> None:
    faults = Faults(longest=100)
    assert faults.choose(frame(REQUEST, bytes(100)), Random(1)) == "lost"
    assert faults.choose(frame(REQUEST, b""), Random(1)) == ""


def asking(command: int, sector: int, flags: int = REQUEST) -> bytes:
    """A frame for a sector of the disk."""
    registers = bytes([0, 0, 2, command]) + sector.to_bytes(6, "little") + bytes(2)
    return frame(flags, b"")[:24] + registers


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        (asking(0x24, 2047), ""),
        (asking(0x24, 2048), "lost"),
        (asking(0x24, 1 << 40), "lost"),
        (asking(0x24, 2048, ANSWER), ""),
        (asking(0xEC, 2048), ""),
    ],
)
def test_requests_for_what_cannot_be_read_are_lost(asked: bytes, fault: str) -> None:
    assert Faults(readable=2048).choose(asked, Random(1)) == fault


def test_a_query_asks_for_no_sector() -> None:
    query = ADDRESSES + ETHER_TYPE + bytes([REQUEST, 0, 255, 255, 255, 1]) + bytes(40)
    assert Faults(readable=0).choose(query, Random(1)) == ""


@given(chances)
def test_a_mangled_frame_differs_in_one_byte_of_its_header(chance: Random) -> None:
    sent = frame(ANSWER, b"data" * 256)
    ((_, arrived),) = suffer(sent, "mangled", 0, chance)
    assert len(arrived) == len(sent)
    (changed,) = [place for place, byte in enumerate(sent) if arrived[place] != byte]
    assert changed in MANGLED


@given(chances)
def test_an_answer_with_data_is_not_cut(chance: Random) -> None:
    answer, request = frame(ANSWER, b"data" * 256), frame(REQUEST, b"data" * 256)
    assert suffer(answer, "truncated", 0, chance) == [(0, answer)]
    ((_, arrived),) = suffer(request, "truncated", 0, chance)
    assert len(arrived) < len(request)
    assert len(arrived) not in UNCUT
    assert request.startswith(arrived)


def test_lost_doubled_and_late_frames() -> None:
    aoe = frame(REQUEST, b"")
    assert suffer(aoe, "lost", 0, Random(1)) == []
    assert suffer(aoe, "doubled", 0, Random(1)) == [(0, aoe), (0, aoe)]
    ((seconds, arrived),) = suffer(aoe, "delayed", 0.05, Random(1))
    assert 0 < seconds < 0.05
    assert arrived == aoe
