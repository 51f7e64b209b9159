"""The figures of the benchmark, from rounds to a table."""

from dataclasses import replace
from functools import partial

import pytest

from aoeinit.trial.console import Line
from tests.benchmark.booting import E1000, VIRTIO, moments
from tests.benchmark.facts import machine
from tests.benchmark.figures import MEASURES, Comparison, Goal, Part, Result, Spread, spread, summed
from tests.benchmark.measuring import alternate
from tests.benchmark.page import goals, replaced, section, table
from tests.lab.programs import LabError

OURS = Result("aoeinit", {"wall": Spread(0.25, 0.24, 0.3), "size": Spread(1768330, 1768330, 1768330)})
PEER = Result("a|b", {"wall": Spread(2.5, 2.5, 2.5)})
COMPARISON = Comparison("build-one", "building for one card", (OURS, PEER), "wall")
GOAL = Goal("wall time", 0.3, 0.25, "s")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2.0], Spread(2.0, 2.0, 2.0)),
        ([3.0, 1.0, 2.0], Spread(2.0, 1.0, 3.0)),
        ([4.0, 1.0, 2.0, 3.0], Spread(2.5, 1.0, 4.0)),
        ([1.0, 1.0, 100.0], Spread(1.0, 1.0, 100.0)),
    ],
)
def test_a_spread_is_the_median_with_the_least_and_the_greatest(
    values: list[float], expected: Spread
) -> None:
    assert spread(values) == expected


@pytest.mark.parametrize(
    ("measure", "figure", "expected"),
    [
        ("wall", Spread(0.25, 0.24, 0.3), "0.25 (0.24 to 0.30)"),
        ("wall", Spread(0.25, 0.2501, 0.2499), "0.25"),
        ("size", Spread(1768330, 1768330, 1768330), "1.77"),
        ("memory", Spread(131174400, 130e6, 132e6), "131 (130 to 132)"),
        ("modules", Spread(236, 236, 236), "236"),
    ],
)
def test_a_figure_is_written_in_its_unit_and_with_its_range_where_that_is_seen(
    measure: str, figure: Spread, expected: str
) -> None:
    assert figure.written(MEASURES[measure]) == expected


def test_contestants_take_turns_and_the_first_round_is_not_kept() -> None:
    asked: list[str] = []

    def contestant(name: str) -> dict[str, float]:
        asked.append(name)
        return {"wall": float(len(asked))}

    samples = alternate({name: partial(contestant, name) for name in "ab"}, 2, lambda _: None)
    assert asked == ["a", "b"] * 3
    assert samples == {"a": [{"wall": 3.0}, {"wall": 5.0}], "b": [{"wall": 4.0}, {"wall": 6.0}]}
    assert summed(samples)[0] == Result("a", {"wall": Spread(4.0, 3.0, 5.0)})


def test_what_has_to_be_known_of_a_run_is_on_the_page() -> None:
    comparison = replace(COMPARISON, note="*dracut* is left out.")
    text = section(Part("build", (comparison,)), {}, "benchmark")
    assert f"{table(COMPARISON)}\n\n*dracut* is left out.\n" in text


def test_a_contestant_that_fails_is_left_out_only_where_that_is_allowed() -> None:
    said: list[str] = []

    def fail() -> dict[str, float]:
        raise LabError("no root; see the log")

    contestants = {"a": lambda: {"wall": 1.0}, "b": fail}
    samples = alternate(contestants, 2, said.append, dispensable={"b"})
    assert samples == {"a": [{"wall": 1.0}, {"wall": 1.0}]}
    assert said[0] == "   b is left out: no root"
    with pytest.raises(LabError, match="no root"):
        alternate(contestants, 2, said.append, dispensable={"a"})


def test_a_table_leaves_empty_what_a_contestant_does_not_have() -> None:
    assert table(COMPARISON).splitlines() == [
        "|  | wall time, s | image, MB |",
        "| --- | ---: | ---: |",
        "| aoeinit | 0.25 (0.24 to 0.30) | 1.77 |",
        r"| a\|b | 2.50 |  |",
    ]


@pytest.mark.parametrize(
    ("measured", "reached"),
    [(0.25, "yes"), (0.3, "yes"), (0.45, "**no**, 50 % over"), (0.9, "**no**, 200 % over")],
)
def test_a_goal_that_is_missed_tells_by_how_much(measured: float, reached: str) -> None:
    goal = Goal("wall time", 0.3, measured, "s")
    assert goal.reached == (reached == "yes")
    assert goals((goal,)).splitlines()[-1] == f"| wall time | 0.30 s | {measured:.2f} s | {reached} |"


def test_a_section_replaces_what_was_between_its_marks_and_nothing_else() -> None:
    page = "above\n<!-- build -->\nold\n<!-- end of build -->\nbetween\n<!-- boot -->\n<!-- end of boot -->\n"
    text = section(Part("build", (COMPARISON,), (GOAL,)), {"date": "2026-01-01"}, "benchmark")
    once = replaced(page, "build", text)
    assert once == page.replace("old", text)
    assert "### Building for one card\n\n![building for one card](benchmark/build-one.svg)" in once
    assert once.index("| wall time | 0.30 s") < once.index("- date: 2026-01-01")
    assert replaced(once, "build", text) == once


@pytest.mark.parametrize("page", ["", "<!-- build -->", "<!-- build -->\n<!-- end of build -->\n" * 2])
def test_a_page_without_the_marks_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="marks <!-- build -->"):
        replaced(page, "build", "text")


LOG = (
    "SeaBIOS (version 1.16)",
    "[    1.500000] Run /init as init process",
    "[    3.250000] e1000: eth0 NIC Link is Up 1000 Mbps Full Duplex, Flow Control: RX",
    "[    3.750000] aoe: 525400110001 e11.0 v0014 has 65536 sectors",
    "[    4.000000] EXT4-fs (etherd!e11.0p1): mounted filesystem with ordered data mode.",
)


def test_the_moments_of_a_boot_are_counted_from_process_1_by_the_kernels_clock() -> None:
    lines = [Line(20.0, text) for text in LOG]
    assert moments(lines, E1000.events) == {"carrier": 1.75, "disk": 2.25, "mounted": 2.5, "total": 4.0}


def test_a_card_whose_driver_says_nothing_of_its_carrier_has_no_such_moment() -> None:
    lines = [Line(20.0, text) for text in LOG if "Link" not in text]
    assert moments(lines, VIRTIO.events) == {"disk": 2.25, "mounted": 2.5, "total": 4.0}


def test_a_boot_whose_kernel_did_not_mount_the_root_has_no_moments() -> None:
    with pytest.raises(LabError, match="mounted"):
        moments([Line(20.0, text) for text in LOG[:-1]], E1000.events)


def test_a_machine_is_told_by_its_processor_and_memory() -> None:
    told = machine("processor\t: 0\nmodel name\t: Fast One\nflags\t: fpu\n", "MemTotal:       24681472 kB\n")
    assert told.startswith("Fast One, ")
    assert told.endswith(" cores, 24 GiB")
