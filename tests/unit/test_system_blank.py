from pathlib import Path

import pytest

from aoeinit.errors import AoeinitError
from aoeinit.system.blank import BLOCK, EXTENTS, MIB, SAMPLES, first_data, places

SIZE = 300 * MIB


def sparse(path: Path, content: dict[int, bytes], size: int = SIZE) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
        for offset, part in content.items():
            file.seek(offset)
            file.write(part)
    return path


@pytest.mark.parametrize(
    ("content", "at"),
    [
        ({}, None),
        ({0: b"hello"}, 0),
        ({1000: b"x"}, 1000),
        ({SIZE - 1: b"\1"}, SIZE - 1),
        ({133 * MIB + 7 * BLOCK: b"\xff" * BLOCK}, 133 * MIB + 7 * BLOCK),
        ({7 * MIB: bytes(BLOCK), 200 * MIB: bytes(BLOCK)}, None),
    ],
)
def test_an_empty_disk_has_nothing_but_zeros(
    tmp_path: Path, content: dict[int, bytes], at: int | None
) -> None:
    disk = sparse(tmp_path / "disk", content)
    assert first_data(f"{disk}", SIZE) == at


def test_a_disk_that_is_written_all_over_is_seen_without_looking_for_holes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("aoeinit.system.blank.held", lambda _: ())
    disk = sparse(tmp_path / "disk", {100 * MIB: b"\1" * 10 * MIB})
    assert first_data(f"{disk}", SIZE) in range(100 * MIB, 110 * MIB)


@pytest.mark.parametrize("size", [MIB, 100 * MIB, 1 << 40])
def test_what_is_read_is_bounded_and_on_the_disk(size: int) -> None:
    found = list(places(size))
    assert len(found) + EXTENTS <= 100
    assert sum(length for _, length in found) <= 2 * MIB + SAMPLES * BLOCK
    assert all(0 <= offset < size for offset, _ in found)


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(AoeinitError, match=r"cannot read .*: Is a directory"):
        first_data(f"{tmp_path}", SIZE)
