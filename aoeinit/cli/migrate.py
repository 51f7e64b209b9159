"""``aoeinit migrate``: moves the running system onto an AoE target."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from aoeinit.cli.given import reading_given
from aoeinit.errors import AoeinitError, ConfigError

if TYPE_CHECKING:
    from aoeinit.aoe.discovery import Heads
    from aoeinit.aoe.target import Target
    from aoeinit.install.migrate.disk import Disk, Identity
    from aoeinit.install.migrate.layout import Layout
    from aoeinit.install.migrate.plan import Migration
    from aoeinit.install.migrate.preflight import Facts, Finding, TargetFacts
    from aoeinit.install.migrate.progress import Progress
    from aoeinit.install.migrate.source import Source


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for on the command line."""

    layout: Path | None
    interface: str | None
    wipe: bool
    resume: bool
    full: bool
    plan_only: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that is known before the first step; ``progress`` is that of the run that is to go on."""

    migration: "Migration | None"
    target: "TargetFacts | AoeinitError"
    findings: "tuple[Finding, ...]"
    progress: "Progress | None" = None


@click.command()
@click.option("--target", metavar="eX.Y", help="The target that the system moves to.")
@click.option(
    "--device",
    metavar="DEV",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="On the server: the disk or image file of the target.",
)
@click.option("--as", "name", metavar="eX.Y", help="With --device: the target that it will be.")
@click.option(
    "--layout",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Partitions to make, in TOML.  [default: as the running system has them]",
)
@click.option(
    "--interface",
    metavar="NAME",
    help="Where the machine will boot from.  [default: what reaches the target]",
)
@click.option(
    "--heads",
    "declared",
    metavar="eX.Y=MAC,MAC",
    multiple=True,
    help="Servers that serve the target together: two that answer for it are no conflict.",
)
@click.option("--wipe", is_flag=True, help="Destroy what the target holds.")
@click.option("--resume", is_flag=True, help="Go on with a migration that was cut short.")
@click.option(
    "--verify",
    type=click.Choice(["quick", "full"]),
    default="quick",
    show_default=True,
    help="Compare sizes and times, or contents.",
)
@click.option("--plan", "plan_only", is_flag=True, help="Print every step and command, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before the target is written to.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan, or the result, as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors, warnings and the result only.")
def migrate(
    target: str | None,
    device: Path | None,
    name: str | None,
    layout: Path | None,
    interface: str | None,
    declared: tuple[str, ...],
    wipe: bool,
    resume: bool,
    verify: str,
    plan_only: bool,
    yes: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Move the running system onto an AoE target: partitions, files, and all that a boot from there needs.

    The system itself is only read. What was cut short goes on with --resume.
    """
    from aoeinit.cli import migrate_text as text
    from aoeinit.cli.discover import parse_heads
    from aoeinit.cli.migrate_actions import Run
    from aoeinit.cli.migrate_consent import agree
    from aoeinit.cli.migrating import carry_out_steps, workplace

    place = named(target, device, name)
    with reading_given():
        heads = parse_heads(declared)
    if wipe and resume:
        raise click.UsageError("--wipe starts anew, --resume goes on: one of the two")
    if layout and resume:
        raise click.UsageError("--resume keeps the layout that is on the target: leave out --layout")
    if os.geteuid() != 0:
        raise AoeinitError("only root can read all files of the system", "run as root")
    wish = Wish(layout, interface, wipe, resume, full=verify == "full", plan_only=plan_only)
    with workplace(), found_disk(place, device, heads) as disk:
        prepared = prepare(wish, place, disk)
        if not (as_json and plan_only):
            text.show_findings(prepared)
        if plan_only:
            return text.show_plan(prepared, as_json=as_json)
        if prepared.migration is None:
            raise AoeinitError(
                "the system cannot be moved like this", "nothing was written; --plan shows all"
            )
        agree(prepared, yes=yes)
        how = f"--device {quote(f'{device}')} --as {place}" if device else f"--target {place}"
        how += "".join(f" --heads {each}" for each in declared)
        run = Run(
            *(prepared.migration, prepared.progress or begin(prepared.migration), how),
            told=frozenset(each.text for each in prepared.findings),
            quiet=quiet,
            laid_out=f" --layout {quote(f'{layout}')}" if layout else "",
            recorded=prepared.progress is not None,
        )
        carry_out_steps(run)
    text.show_result(prepared.migration, run.warnings, as_json=as_json)
    return 0


def named(target: str | None, device: Path | None, name: str | None) -> "Target":
    """Tell which target is meant."""
    from aoeinit.aoe.target import Target

    if target and (device or name):
        raise click.UsageError("--target names a target that answers, --device and --as one to be: not both")
    if device and not name:
        raise click.UsageError("--device needs --as eX.Y: the target that it will be")
    if name and not device:
        raise click.UsageError("--as needs --device DEV: the disk or image file of that target")
    if not target and not name:
        raise click.UsageError(
            "name the target with --target eX.Y, or on the server with --device DEV --as eX.Y"
        )
    with reading_given("--target" if target else "--as"):
        return Target.parse(target or name or "")


@contextmanager
def found_disk(target: "Target", device: Path | None, heads: "Heads") -> "Iterator[Disk | AoeinitError]":
    """Find the target's disk, in the network or as a device of this machine; or tell why there is none."""
    from aoeinit.cli.migrate_facts import find_disk
    from aoeinit.install.migrate.disk import Disk
    from aoeinit.system import blocks
    from aoeinit.system.loop import attached

    if device is None:
        found: Disk | AoeinitError
        try:
            if blocks.load_driver():
                click.echo("aoeinit: the driver aoe was loaded", err=True)
            found = find_disk(target, heads)
        except AoeinitError as error:
            found = error
        yield found
        return
    with attached(device) as node:
        file = os.path.realpath(device) if device.is_file() else ""
        model, serial = (blocks.attribute(node, f"device/{name}") for name in ("model", "serial"))
        yield Disk(target, node, blocks.size_of(node), file, model, serial, given=f"{device}")


def prepare(wish: Wish, place: "Target", disk: "Disk | AoeinitError") -> Prepared:
    """Look at everything, and plan the migration where nothing speaks against it."""
    from aoeinit.cli import migrate_facts
    from aoeinit.install.migrate.disk import Disk, Identity
    from aoeinit.install.migrate.preflight import (
        errors_first,
        left_behind,
        may_start,
        preflight,
        rehearse,
    )
    from aoeinit.install.migrate.steps import steps
    from aoeinit.system import blocks

    source = blocks.source_system()
    identity = Identity(source.root.uuid or source.root.device, place)
    progress = None
    if isinstance(disk, Disk):
        migrate_facts.require_elsewhere(source, disk)
    if wish.resume and isinstance(disk, Disk):
        progress = migrate_facts.found_progress(source, disk, identity, writes=not wish.plan_only)
    target = disk if isinstance(disk, AoeinitError) else migrate_facts.target_facts(disk, identity, source)
    layout = progress.layout if progress else layout_for(wish, source, disk)
    found = migrate_facts.facts(source, target, layout, wish.interface)
    findings = errors_first((*preflight(found, wipe=wish.wipe, resume=wish.resume), *left_behind(progress)))
    migration = planned(wish, found, identity, progress)
    if migration:
        progress = progress and replace(progress, releases=migration.releases)
        findings = errors_first((*findings, *rehearse(steps(migration), migrate_facts.ROOT)))
    return Prepared(migration if may_start(findings) else None, target, findings, progress)


def planned(
    wish: Wish, found: "Facts", identity: "Identity", progress: "Progress | None" = None
) -> "Migration | None":
    """Plan the migration; ``None`` where there is not even a target, a layout or an interface.

    What was copied has the kernels that the source had then.
    """
    from aoeinit.cli.hooks import is_debian, own_command
    from aoeinit.cli.migrate_facts import ROOT
    from aoeinit.install.migrate.plan import Migration

    target, layout, interface = found.target, found.layout, found.interface
    if isinstance(target, AoeinitError) or isinstance(layout, AoeinitError) or not isinstance(interface, str):
        return None
    copied = progress.releases if progress and progress.is_compared else ()
    return Migration(
        source=found.source,
        disk=target.disk,
        layout=layout,
        identity=identity,
        interface=interface,
        mac=found.mac,
        mtu=found.mtu,
        releases=copied or tuple(each for each, reason in found.kernels.items() if reason is None),
        command=own_command(ROOT),
        debian=is_debian(ROOT),
        full=wish.full,
        resumed=wish.resume,
    )


def layout_for(wish: Wish, source: "Source", disk: "Disk | AoeinitError") -> "Layout | AoeinitError":
    """Lay the system out on the target, or tell why that is not possible.

    Where there is no target, it is laid out on one that is large enough: the rest can be looked at then.
    """
    from aoeinit.cli.migrate_facts import ROOT, require_folders
    from aoeinit.install.migrate.layout import SPARE, lay_out, wanted_of
    from aoeinit.install.migrate.layout_file import Asked, read_layout

    try:
        asked = Asked(wanted_of(source), None)
        if wish.layout is not None:
            asked = read_layout(wish.layout.read_bytes(), source, f"{wish.layout}")
            require_folders(asked.wanted, ROOT, f"{wish.layout}")
        enough = sum(each.size for each in asked.wanted) + SPARE
        size = enough if isinstance(disk, AoeinitError) else disk.size
        return lay_out(asked.wanted, size, firmware=source.firmware, table=asked.table)
    except OSError as error:
        return ConfigError(f"cannot read {wish.layout}: {error.strerror}", "see who may read it")
    except AoeinitError as error:
        return error


def begin(migration: "Migration") -> "Progress":
    """Begin a migration."""
    import time

    from aoeinit.install.migrate.progress import Progress

    return Progress(
        migration.identity, migration.disk.size, migration.layout, time.time(), releases=migration.releases
    )
