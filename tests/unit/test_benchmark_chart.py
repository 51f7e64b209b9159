"""The pictures of the benchmark."""

from xml.etree import ElementTree as ET

import pytest

from tests.benchmark.chart import LEFT, WIDTH, chart
from tests.benchmark.figures import Comparison, Result, Spread

SVG = "{http://www.w3.org/2000/svg}"
RESULTS = (
    Result("aoeinit", {"wall": Spread(0.25, 0.2, 0.3), "size": Spread(2e6, 2e6, 2e6)}),
    Result("<dracut> & others", {"wall": Spread(1.0, 0.9, 1.2)}),
    Result("floor: imports", {"wall": Spread(0.1, 0.1, 0.1)}),
)


def drawn(*results: Result) -> ET.Element:
    picture = chart(Comparison("name", "a <title> & more", results, "wall"), "2026, <x>")
    return ET.fromstring(picture)  # noqa: S314 - our own


def bars(picture: ET.Element) -> list[float]:
    """The widths of the bars; the first rectangle is the background."""
    return [float(each.attrib["width"]) for each in picture.findall(f"{SVG}rect")[1:]]


def test_a_chart_is_well_formed_whatever_the_names_are() -> None:
    texts = [each.text for each in drawn(*RESULTS).findall(f"{SVG}text")]
    assert "A <title> & more" in texts
    assert "wall time, image; less is better. 2026, <x>" in texts
    assert "<dracut> & others" in texts
    assert "0.25 s, 2.00 MB" in texts


def test_bars_are_as_long_as_their_medians_and_stay_in_the_picture() -> None:
    widths = bars(drawn(*RESULTS))
    assert widths[0] / widths[1] == pytest.approx(0.25, abs=0.001)
    assert widths[2] / widths[1] == pytest.approx(0.1, abs=0.001)
    assert LEFT + max(widths) < WIDTH


def test_who_has_no_such_figure_has_no_bar() -> None:
    assert len(bars(drawn(*RESULTS, Result("none", {"size": Spread(1, 1, 1)})))) == len(RESULTS)


@pytest.mark.parametrize("results", [(), (Result("zero", {"wall": Spread(0.0, 0.0, 0.0)}),)])
def test_a_chart_of_nothing_is_a_chart(results: tuple[Result, ...]) -> None:
    assert bars(drawn(*results)) == [0.0] * len(results)
