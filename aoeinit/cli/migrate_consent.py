"""Asking before ``aoeinit migrate`` writes to the target."""

import sys
from typing import TYPE_CHECKING

import click

from aoeinit.cli.bar import amount
from aoeinit.cli.migrate_text import described
from aoeinit.errors import AoeinitError, ConfigError
from aoeinit.inspect.listing import shown

if TYPE_CHECKING:
    from aoeinit.cli.migrate import Prepared
    from aoeinit.install.migrate.disk import Disk
    from aoeinit.install.migrate.preflight import TargetFacts


def agree(prepared: "Prepared", *, yes: bool) -> None:
    """Ask before the target is written to; raises :class:`AoeinitError` without a yes."""
    if yes:
        return
    target = prepared.target
    if isinstance(target, AoeinitError):
        raise target
    disk = target.disk
    if not sys.stdin.isatty():
        raise ConfigError(
            f"this would write to {disk.name}",
            "agree with --yes, or run it in a terminal; nothing was written",
        )
    try:
        if prepared.progress:
            agreed = click.confirm(f"Go on with the migration to {named(disk)}?", err=True)
        else:
            typed = click.prompt(question(target), default="", show_default=False, err=True)
            agreed = typed.strip() == f"{disk.target}"
    except click.Abort:
        click.echo("", err=True)
        raise AoeinitError("interrupted; nothing was written") from None
    if not agreed:
        raise AoeinitError("not agreed; nothing was written")


def named(disk: "Disk") -> str:
    """Name a target, and the device of the server that it is to be."""
    return f"{disk.target}, which is {shown(disk.given)}" if disk.given else f"{disk.target}"


def question(target: "TargetFacts") -> str:
    """Ask for consent, and say what would be lost."""
    disk = target.disk
    size = ", ".join((amount(disk.size), *described(disk)))
    what = "written to" if target.is_empty else "destroyed"
    lost = ", ".join(map(shown, target.holds)) or "data of no known kind"
    holds = "" if target.is_empty else f". It holds {lost}"
    return f"All of {named(disk)} ({size}) will be {what}{holds}. Type {disk.target} to go on"
