"""The page with the results: a section for each part, between two marks, the rest of it written by hand."""

import re
from collections.abc import Iterator, Mapping

from tests.benchmark.figures import MEASURES, Comparison, Goal, Part, Spread


def section(part: Part, facts: Mapping[str, str], folder: str) -> str:
    """Write a part's section; its charts are in ``folder``, as seen from the page."""
    blocks = [
        *(
            f"### {each.headline}\n\n![{each.title}]({folder}/{each.name}.svg)\n\n{table(each)}{_note(each)}"
            for each in part.comparisons
        ),
        *([goals(part.goals)] if part.goals else []),
        "\n".join(f"- {name}: {value}" for name, value in facts.items()),
    ]
    return "\n\n".join(blocks)


def _note(comparison: Comparison) -> str:
    return f"\n\n{comparison.note}" if comparison.note else ""


def table(comparison: Comparison) -> str:
    """Write a comparison as a table of medians, with the least and the greatest in brackets."""
    measures = comparison.measures
    head = ["", *(_headed(name) for name in measures)]
    rows = [
        [result.name, *(_cell(result.figures, name) for name in measures)] for result in comparison.results
    ]
    return _written(head, rows)


def goals(reached: tuple[Goal, ...]) -> str:
    """Write what was to be reached as a table."""
    head = ["to reach", "at most", "measured", "reached"]
    rows = [
        [each.text, f"{each.most:.2f} {each.unit}", f"{each.measured:.2f} {each.unit}", _answer(each)]
        for each in reached
    ]
    return _written(head, rows)


def _answer(goal: Goal) -> str:
    return "yes" if goal.reached else f"**no**, {100 * (goal.measured / goal.most - 1):.0f} % over"


def replaced(page: str, name: str, text: str) -> str:
    """Put a section between its marks; raises ValueError where the page has none of this name."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if len(pattern.findall(page)) != 1:
        raise ValueError(f"the page needs the marks {begin} and {end} once")
    return pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page)


def _headed(name: str) -> str:
    measure = MEASURES[name]
    return f"{measure.title}, {measure.unit}" if measure.unit else measure.title


def _cell(figures: Mapping[str, Spread], name: str) -> str:
    return figures[name].written(MEASURES[name]) if name in figures else ""


def _written(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(_lines(head, rows))


def _lines(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield _line(head)
    yield _line(["---", *("---:" for _ in head[1:])])
    yield from (_line(row) for row in rows)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
