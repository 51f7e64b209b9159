"""What was measured, as values: figures with their spread, who was compared in what, what was the goal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final


@dataclass(frozen=True, slots=True)
class Measure:
    """A thing that is measured: its title, its unit, and the factor from what is measured to that."""

    title: str
    unit: str
    factor: float = 1.0
    digits: int = 2
    more_is_better: bool = False

    def written(self, value: float) -> str:
        """Write a number in the measure's unit, without the unit."""
        return f"{value * self.factor:.{self.digits}f}"


MEASURES: Final = {
    "wall": Measure("wall time", "s"),
    "cpu": Measure("processor time", "s"),
    "memory": Measure("peak memory", "MB", 1e-6, 0),
    "size": Measure("image", "MB", 1e-6),
    "modules": Measure("modules", "", 1, 0),
    "lines": Measure("lines", "", 1, 0),
    "carrier": Measure("carrier", "s"),
    "disk": Measure("disk known", "s"),
    "mounted": Measure("root mounted", "s"),
    "total": Measure("the same from the kernel's start", "s"),
    "failed": Measure("failed before", "", 1, 0),
    "rate": Measure("copied", "MB/s", 1e-6, 0, more_is_better=True),
}
"""By name. Times are in seconds and sizes in bytes where they are measured; a megabyte is a million bytes."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of several measurements, the least and the greatest of them."""

    median: float
    low: float
    high: float

    def written(self, measure: Measure) -> str:
        """Write it for a table: the range only where it can be seen."""
        middle, low, high = (measure.written(each) for each in (self.median, self.low, self.high))
        return middle if low == high else f"{middle} ({low} to {high})"


def spread(values: Sequence[float]) -> Spread:
    """Sum up measurements, of which there has to be one at least."""
    return Spread(median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Result:
    """What one contestant needed, by the name of the measure."""

    name: str
    figures: Mapping[str, Spread]

    def median(self, measure: str) -> float:
        return self.figures[measure].median


@dataclass(frozen=True, slots=True)
class Comparison:
    """One piece of work done by several; ``name`` is its chart's, which shows the measure ``charted``.

    ``note`` is what else has to be known of this run, for the page.
    """

    name: str
    title: str
    results: tuple[Result, ...]
    charted: str
    note: str = ""

    @property
    def headline(self) -> str:
        return f"{self.title[0].upper()}{self.title[1:]}"

    @property
    def measures(self) -> tuple[str, ...]:
        """Those that any contestant has, in the order of :data:`MEASURES`."""
        return tuple(name for name in MEASURES if any(name in each.figures for each in self.results))

    def median(self, name: str, measure: str) -> float:
        """Give the middle figure of a contestant."""
        return next(each for each in self.results if each.name == name).median(measure)


@dataclass(frozen=True, slots=True)
class Goal:
    """What was to be reached, and what was measured, in one unit, of which ``most`` is allowed."""

    text: str
    most: float
    measured: float
    unit: str

    @property
    def reached(self) -> bool:
        return self.measured <= self.most


@dataclass(frozen=True, slots=True)
class Part:
    """The outcome of one part of the benchmark."""

    name: str
    comparisons: tuple[Comparison, ...]
    goals: tuple[Goal, ...] = ()


def summed(samples: Mapping[str, Sequence[Mapping[str, float]]]) -> tuple[Result, ...]:
    """Sum up the rounds of each contestant, whose every round has the same measures."""
    return tuple(
        Result(name, {key: spread([each[key] for each in rounds]) for key in rounds[0]})
        for name, rounds in samples.items()
    )
