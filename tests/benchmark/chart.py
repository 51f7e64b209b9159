"""A comparison as a picture: a bar for each contestant, and a line from its least to its greatest figure."""

from collections.abc import Iterator
from html import escape
from typing import Final

from tests.benchmark.figures import MEASURES, Comparison, Measure, Result

WIDTH: Final = 960
LEFT, RIGHT = 260, 240
TOP: Final = 62
ROW: Final = 34
BAR: Final = 20
BESIDE: Final = ("size",)
OURS, OTHERS, FLOOR = "#f2b880", "#8fb8de", "#d9d9d9"
STYLE: Final = (
    "text{font:13px sans-serif;fill:#1b1b1b}.t{font-size:18px;font-weight:bold}.s{fill:#555}"
    "line{stroke:#555;stroke-width:1.5}"
)


def chart(comparison: Comparison, subtitle: str) -> str:
    """Draw the measure that the comparison is about as SVG, with an image's size in words."""
    measure = MEASURES[comparison.charted]
    results = [each for each in comparison.results if comparison.charted in each.figures]
    longest = max((each.figures[comparison.charted].high for each in results), default=0.0)
    scale = (WIDTH - LEFT - RIGHT) / longest if longest > 0 else 0.0
    height = TOP + ROW * len(results) + 10
    body = "".join(
        piece
        for row, each in enumerate(results)
        for piece in _row(each, comparison.charted, TOP + row * ROW, scale)
    )
    titles = [MEASURES[each].title for each in (comparison.charted, *_beside(comparison))]
    better = "more is better" if measure.more_is_better else "less is better"
    about = f"{', '.join(titles)}; {better}. {subtitle}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}"><style>{STYLE}</style><rect width="{WIDTH}" height="{height}" fill="white"/>'
        f'<text class="t" x="12" y="26">{escape(comparison.headline)}</text>'
        f'<text class="s" x="12" y="46">{escape(about)}</text>{body}</svg>\n'
    )


def _row(result: Result, name: str, y: int, scale: float) -> Iterator[str]:
    figure = result.figures[name]
    width, low, high = (max(each * scale, 0.0) for each in (figure.median, figure.low, figure.high))
    middle = y + BAR / 2
    yield f'<text x="{LEFT - 12}" y="{y + 15}" text-anchor="end">{escape(result.name)}</text>'
    yield f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2" fill="{_colour(result)}"/>'
    yield f'<line x1="{LEFT + low:.1f}" y1="{middle}" x2="{LEFT + high:.1f}" y2="{middle}"/>'
    yield f'<text class="s" x="{LEFT + high + 8:.1f}" y="{y + 15}">{escape(_label(result, name))}</text>'


def _colour(result: Result) -> str:
    if result.name.startswith("floor"):
        return FLOOR
    return OURS if result.name.startswith("aoeinit") else OTHERS


def _label(result: Result, name: str) -> str:
    shown = [name, *(each for each in BESIDE if each in result.figures and each != name)]
    return ", ".join(_with_unit(MEASURES[each], result.median(each)) for each in shown)


def _beside(comparison: Comparison) -> list[str]:
    return [each for each in BESIDE if each in comparison.measures and each != comparison.charted]


def _with_unit(measure: Measure, value: float) -> str:
    return f"{measure.written(value)} {measure.unit}".strip()
