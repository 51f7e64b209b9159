"""A picture of the time from process 1 to the new root's init: what was waited for, and for how long."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import Final

from aoeinit.boot.report import Step

WIDTH: Final = 960
LEFT, RIGHT = 190, 90
TOP: Final = 74
ROW: Final = 30
BAR: Final = 18

TICKS: Final = 8
"""Marks on the axis, at most."""

MEANINGS: Final = {
    "modules": "drivers loaded",
    "interface": "interface is there",
    "carrier": "link is up",
    "aoe": "aoe driver loaded",
    "device": "root's device found",
    "root": "root mounted",
    "switch": "report written",
}
COLOUR, LONGEST = "#8fb8de", "#f2b880"

STYLE: Final = (
    "text{font:13px sans-serif;fill:#1b1b1b}.t{font-size:18px;font-weight:bold}"
    ".s{fill:#555}.a{font-size:11px;fill:#777}"
)


def timeline(steps: Sequence[Step], title: str) -> str:
    """Draw the time between each two steps as a bar on one axis, the longest in another colour, as SVG."""
    height = TOP + ROW * max(len(steps) - 1, 0) + 34
    start, end = (steps[0].seconds, steps[-1].seconds) if steps else (0.0, 0.0)
    total = end - start
    scale = (WIDTH - LEFT - RIGHT) / total if total > 0 else 0.0
    body = "".join([*_axis(total, scale, height), *_bars(steps, start, scale)])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}"><style>{STYLE}</style><rect width="{WIDTH}" height="{height}" fill="white"/>'
        f'<text class="t" x="12" y="26">{escape(title)}</text>'
        f'<text class="s" x="12" y="48">{total:.2f} s from process 1, {start:.2f} s after the kernel began, '
        f"to the new root's init</text>{body}</svg>\n"
    )


def _axis(total: float, scale: float, height: int) -> Iterator[str]:
    """Draw a thin line with its second at each round number."""
    step = _round_step(total)
    for number in range(int(total / step + 1e-9) + 1):
        x = LEFT + number * step * scale
        yield f'<line x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{height - 26}" stroke="#ddd"/>'
        yield f'<text class="a" x="{x:.1f}" y="{height - 10}" text-anchor="middle">{number * step:g} s</text>'


def _round_step(total: float) -> float:
    """Give the least of 1, 2 and 5 times a power of ten that makes no more than TICKS marks of ``total``."""
    power = 0.001
    while True:
        for factor in (1, 2, 5):
            if total / (factor * power) <= TICKS:
                return factor * power
        power *= 10


def _bars(steps: Sequence[Step], start: float, scale: float) -> Iterator[str]:
    spans = [
        (before.seconds, after.seconds - before.seconds, after.name) for before, after in pairwise(steps)
    ]
    longest = max((length for _, length, _ in spans), default=0.0)
    for row, (begin, length, name) in enumerate(spans):
        x, y = LEFT + (begin - start) * scale, TOP + row * ROW
        width = max(length * scale, 1.5)
        colour = LONGEST if length == longest else COLOUR
        label = MEANINGS.get(name, name)
        yield f"<g><title>{escape(name)}: {length:.2f} s</title>"
        yield f'<text x="{LEFT - 12}" y="{y + 14}" text-anchor="end">{escape(label)}</text>'
        yield f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2" fill="{colour}"/>'
        yield f'<text class="s" x="{x + width + 6:.1f}" y="{y + 14}">{length:.2f} s</text></g>'
