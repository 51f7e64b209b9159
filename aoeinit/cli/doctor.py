"""``aoeinit doctor``: every reason why a system would not come up from its target at the next boot."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aoeinit.cli.changes import common_options

if TYPE_CHECKING:
    from aoeinit.doctor.findings import Report


@click.command()
@common_options
@click.option(
    "--sysfs",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The hardware of the machine that is to boot, as in build.  [default: /sys, or none with --sysroot]",
)
def doctor(sysroot: Path, as_json: bool, sysfs: Path | None) -> int:
    """Find what would keep this system from its root at the next boot, each with the way out.

    Nothing is changed. Exit code 1 if it would not boot, 0 if there are warnings only. Of a system that does
    not run here, --sysroot, the files alone are looked at.
    """
    from aoeinit.cli.doctor_facts import gather
    from aoeinit.doctor.examine import examine

    system, findings, left_out = gather(sysroot, sysfs)
    report = examine(system, findings, left_out)
    if as_json:
        import json
        from dataclasses import asdict

        click.echo(json.dumps({"boots": report.boots, **asdict(report)}, indent=2))
    else:
        click.echo("\n".join(as_text(report, sysroot)))
    return 0 if report.boots else 1


def as_text(report: "Report", sysroot: Path) -> Iterator[str]:
    """Say it for people."""
    from aoeinit.cli.views import painter
    from aoeinit.inspect.listing import shown

    colour = painter()
    if report.local_root:
        yield f"this system is on {shown(report.local_root)}, on no target: aoeinit migrate moves it to one"
    for each in report.findings:
        yield f"{colour(f'{each.level}:', each.level)} {shown(each.what)}"
        if each.fix:
            yield f"  fix: {shown(each.fix)}"
    for what in report.left_out:
        yield f"{colour('not looked at:', 'note')} {shown(what)}"
    yield f"{sysroot}: {verdict(report)}"


def verdict(report: "Report") -> str:
    """Sum it up in a line."""
    levels = [each.level for each in report.findings]
    counts = [(levels.count(level), level) for level in ("error", "warning")]
    told = " and ".join(f"{count} {level}{'s' * (count > 1)}" for count, level in counts if count)
    if report.local_root:
        met = told or "nothing that keeps it from booting"
        return f"on {report.local_root}, on no target; a boot from one, as things are, would meet {met}"
    if not report.boots:
        return f"would not boot: {told}"
    return f"nothing found that keeps it from booting{', with ' * bool(told)}{told}"
