"""What ``aoeinit migrate`` says: findings, the plan, and what is left to do elsewhere."""

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict
from difflib import ndiff
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aoeinit.cli.bar import amount
from aoeinit.cli.changes import line
from aoeinit.errors import AoeinitError
from aoeinit.inspect.listing import shown
from aoeinit.install.command import Command
from aoeinit.install.migrate.handover import firmware_advice, server_lines
from aoeinit.install.migrate.plan import (
    Action,
    BootCheck,
    Comparison,
    Copy,
    Files,
    Image,
    Migration,
    Mount,
    TabCheck,
)
from aoeinit.install.migrate.steps import Step, left, steps

if TYPE_CHECKING:
    from aoeinit.cli.migrate import Prepared
    from aoeinit.install.migrate.disk import Disk
    from aoeinit.install.migrate.preflight import Finding, TargetFacts
    from aoeinit.install.state import Change

SOURCE = Path("/")


def show_findings(prepared: "Prepared") -> None:
    """Say which target it is, and what was found, on standard error."""
    if not isinstance(prepared.target, AoeinitError):
        click.echo(target_line(prepared.target), err=True)
    for each in finding_lines(prepared.findings):
        click.echo(each, err=True)


def target_line(target: "TargetFacts") -> str:
    """Say which target it is."""
    disk = target.disk
    words = [f"{shown(disk.name)}: {amount(disk.size)}", *described(disk)]
    words += [f"attached as {disk.node}"] if disk.name != disk.node else []
    words += [f"firmware {target.firmware}"] if target.firmware else []
    words += [f"server {target.server} through {target.interface}"] if target.server else []
    return ", ".join(words)


def described(disk: "Disk") -> Iterator[str]:
    """Say what a disk tells of itself."""
    if disk.model:
        yield f"model {shown(disk.model)}"
    if disk.serial:
        yield f"serial {shown(disk.serial)}"


def finding_lines(findings: "Iterable[Finding]") -> Iterator[str]:
    """Write findings as errors are written."""
    for each in findings:
        yield f"aoeinit: {each.level}: {each.text}"
        if each.hint:
            yield f"  hint: {each.hint}"


def show_plan(prepared: "Prepared", *, as_json: bool, sysroot: Path = SOURCE) -> int:
    """Print the steps; give the exit code, which tells whether they could be done."""
    migration = prepared.migration
    todo = steps(migration) if migration else ()
    coming = coming_steps(prepared, todo)
    if as_json:
        click.echo(json.dumps(plan_values(prepared, todo, sysroot), indent=2))
    elif migration:
        for each in layout_lines(migration):
            click.echo(each)
        for number, step in enumerate(todo, start=1):
            if step not in coming:
                click.echo(f"\n[{number}/{len(todo)}] {step.what}: done by an earlier run")
                continue
            click.echo(f"\n[{number}/{len(todo)}] {step.what}")
            for text in step_lines(step, sysroot):
                click.echo(f"  {text}")
    return 0 if migration else 1


def coming_steps(prepared: "Prepared", todo: Iterable[Step]) -> tuple[Step, ...]:
    """Give the steps that no earlier run has done."""
    return left(todo, prepared.progress.done if prepared.progress else ())


def layout_lines(migration: Migration) -> Iterator[str]:
    """Describe the partitions."""
    yield f"partition table: {migration.layout.table}"
    for each in migration.layout.partitions:
        where = ", ".join(
            f"{volume.point} (subvolume {volume.subvolume})" if volume.subvolume else volume.point
            for volume in each.volumes
        )
        yield (
            f"{migration.disk.part(each.number)}: {amount(each.size)} {each.filesystem}"
            f"{f' {each.label!r}' if each.label else ''}{f', {where}' if where else ''}"
        )


def step_lines(step: Step, sysroot: Path) -> Iterator[str]:
    """Write what a step would do, as far as that can be told from the source."""
    try:
        actions = tuple(step.actions(sysroot))
        yield from (text for action in actions for text in action_lines(action))
        if not actions:
            yield "nothing to do"
    except AoeinitError as error:
        yield f"cannot be told beforehand: {error.message}"


def action_lines(action: Action) -> Iterator[str]:
    """Write an action: a command as somebody would type it, or what happens to a file."""
    match action:
        case Command():
            yield from command_lines(action)
        case Mount(command) | Copy(command) | Comparison(command) | TabCheck(command):
            yield from command_lines(command)
        case Files(changes):
            # What it warns of is among the findings.
            for change in changes:
                yield line(change)
                yield from text_changes(change)
        case Image(release):
            yield f"aoeinit build --kernel {release}"
        case BootCheck(releases, files):
            yield from (f"aoeinit inspect --check, the image of {release}" for release in releases)
            yield from (f"is there: {' or '.join(f'/{name}' for name in names)}" for names in files)


def text_changes(change: "Change") -> Iterator[str]:
    """Write the lines in which a file of text becomes another."""
    before, after = change.before, change.after
    if before is None or after is None or before.is_link or after.is_link:
        return
    old, new = (each.content.decode(errors="backslashreplace").splitlines() for each in (before, after))
    for each in ndiff(old, new):
        if each.startswith(("-", "+")):
            yield f"  {each}"


def command_lines(command: Command) -> Iterator[str]:
    """Write a command; one that runs in the moved system says so."""
    place = "in the moved system: " if command.inside else ""
    yield from f"{place}{command.text()}".splitlines()


def plan_values(prepared: "Prepared", todo: Collection[Step], sysroot: Path) -> dict[str, Any]:
    """Give the plan as values for JSON."""
    migration = prepared.migration
    coming = coming_steps(prepared, todo)
    return {
        "target": None if isinstance(prepared.target, AoeinitError) else target_values(prepared.target),
        "findings": [asdict(each) for each in prepared.findings],
        "layout": asdict(migration.layout) if migration else None,
        "steps": [
            {
                "name": step.name,
                "what": step.what,
                "always": step.always,
                "done": step not in coming,
                "does": list(step_lines(step, sysroot)) if step in coming else [],
            }
            for step in todo
        ],
    }


def target_values(target: "TargetFacts") -> dict[str, Any]:
    """Give what is known of the target as values for JSON."""
    return {
        "name": str(target.disk.target),
        "device": target.disk.name,
        "size": target.disk.size,
        "model": target.disk.model,
        "serial": target.disk.serial,
        "firmware": target.firmware,
        "server": target.server,
        "interface": target.interface,
        "holds": target.holds,
        "data": target.data,
    }


def show_result(migration: Migration, warnings: Iterable[str], *, as_json: bool) -> None:
    """Say what the server has to be given, and what to do at the machine."""
    told = tuple(warnings)
    if as_json:
        values = {
            "target": str(migration.disk.target),
            "mac": migration.mac,
            "interface": migration.interface,
            "kernels": migration.releases,
            "layout": asdict(migration.layout),
            "server": list(server_lines(migration.disk.target, migration.mac)),
            "warnings": told,
        }
        click.echo(json.dumps(values, indent=2))
        return
    click.echo(f"The system is on {migration.disk.target}.{f' Warnings: {len(told)}.' if told else ''}")
    click.echo("\nThe server has to know:")
    for each in server_lines(migration.disk.target, migration.mac):
        click.echo(f"  {each}" if each else "")
    click.echo("")
    for each in firmware_advice(migration.source.firmware):
        click.echo(each)
