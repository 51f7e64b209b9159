"""The progress of a copy: its bytes, its pace and the time that is left."""

import pytest

from aoeinit.cli.bar import Bar, amount, clock, line
from tests.unit.migrate_samples import MIB


def test_progress_knows_bytes_and_the_time_left() -> None:
    assert line(50 * MIB, 100 * MIB, 0, 10) == " 50% 50.0 MiB of 100.0 MiB, 5.0 MiB/s, 0:10 left"
    assert line(0, 100 * MIB, 0, 0) == "  0% 0 B of 100.0 MiB, 0 B/s"
    assert line(130 * MIB, 100 * MIB, 0, 10) == "100% 130.0 MiB of 100.0 MiB, 13.0 MiB/s"
    assert line(3 * MIB, 0, 0, 3) == "3.0 MiB, 1.0 MiB/s"


def test_what_an_earlier_run_has_copied_counts_but_not_as_speed() -> None:
    assert line(60 * MIB, 100 * MIB, 50 * MIB, 10) == " 60% 60.0 MiB of 100.0 MiB, 1.0 MiB/s, 0:40 left"


@pytest.mark.parametrize(("done", "seconds"), [(30, 5), (2, 30)])
def test_no_time_is_told_before_the_pace_is_known(done: int, seconds: float) -> None:
    assert "left" not in line(done * MIB, 100 * MIB, 0, seconds)


def test_sizes_and_times_are_written_for_people() -> None:
    assert [amount(size) for size in (0, 1023, 1 << 20, 3 << 40)] == ["0 B", "1023 B", "1.0 MiB", "3.0 TiB"]
    assert [clock(seconds) for seconds in (5, 65, 3725)] == ["0:05", "1:05", "1:02:05"]


def test_without_a_terminal_progress_is_a_line_a_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    bar = Bar(100)
    for done in (5, 12, 15, 31, 100, 120):
        bar.show(done)
    bar.close()
    assert len(capsys.readouterr().err.splitlines()) == 3
    quiet = Bar(100, quiet=True)
    quiet.show(50)
    assert capsys.readouterr().err == ""
