"""``aoeinit status``: how the running system was booted, and what the driver says of its root now."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aoeinit.errors import AoeinitError

if TYPE_CHECKING:
    from aoeinit.boot.report import BootReport


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option(
    "--plot",
    metavar="FILE.svg",
    type=click.Path(path_type=Path),
    help="Draw the time line of the boot into a file.",
)
@click.option(
    "--sysroot",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path("/"),
    show_default=True,
    help="Read /run and /sys below this folder.",
)
def status(as_json: bool, plot: Path | None, sysroot: Path) -> None:
    """Show what the boot agent used and when, and what the driver says now.

    All servers that answer for the target are seen by root only.
    """
    from aoeinit.boot.report import read_boot_report

    report = read_boot_report(sysroot)
    if plot is not None:
        _draw(report, plot, sysroot)
    if as_json:
        import json

        click.echo(json.dumps(asdict(report), indent=2))
    elif plot is None:
        click.echo("\n".join(_lines(asdict(report))))


def _draw(report: "BootReport", plot: Path, sysroot: Path) -> None:
    """Write the picture of the time line."""
    from aoeinit.boot.contract import TIMELINE_FILE
    from aoeinit.boot.timeline import timeline
    from aoeinit.system.files import replace_file

    if len(report.steps) < 2:  # noqa: PLR2004 - a bar is between two
        raise AoeinitError(
            f"{sysroot / TIMELINE_FILE} has no two steps to draw a bar between",
            "boot again, which writes it anew, or leave --plot out to see the rest",
        )
    title = f"{report.state.get('root', 'root')} on {report.state['target']}"
    with replace_file(plot, mode=0o644) as stream:
        stream.write(timeline(report.steps, title).encode(errors="backslashreplace"))


def _lines(report: dict[str, Any]) -> Iterator[str]:
    """Write the report for people: the boot, the driver, the time line."""
    yield "this boot"
    yield from (f"  {key:<12} {value}" for key, value in report["state"].items())
    yield from (f"  {'parameter':<12} {each}" for each in report["parameters"])
    if report["pin"] is not None:
        yield f"  {'pin':<12} {report['pin']}"
    yield "the driver now"
    if report["driver"]["state"] is None:
        yield f"  {'state':<12} unknown: /sys has no target {report['state']['target']}"
    for key, value in report["driver"].items():
        if key == "paths":
            yield from (f"  {'path':<12} {each['mac']} on {','.join(each['interfaces'])}" for each in value)
        elif value not in {None, ()}:
            yield f"  {key:<12} {','.join(value) if isinstance(value, tuple) else value}"
    yield from step_lines([(each["name"], each["seconds"]) for each in report["steps"]])


def step_lines(steps: Sequence[tuple[str, float]]) -> Iterator[str]:
    """Write how long each step took, from the one before it, and all of them; nothing if there are no two."""
    if len(steps) < 2:  # noqa: PLR2004 - the first is where the clock starts
        return
    yield "seconds that each step took"
    yield from (f"  {after[0]:<12} {after[1] - before[1]:.2f}" for before, after in pairwise(steps))
    yield f"  {'total':<12} {steps[-1][1] - steps[0][1]:.2f}"
