"""What the commands that change files of a system share: their options, the consent, the work, the words."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from aoeinit.errors import AoeinitError, ConfigError

if TYPE_CHECKING:
    from aoeinit.install.record import ChangePlan
    from aoeinit.install.state import Change

F = TypeVar("F", bound=Callable[..., object])

dry_run_option = click.option("--dry-run", is_flag=True, help="Print what would change, and change nothing.")


def common_options(command: F) -> F:
    """Add the options that all of them have."""
    command = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)
    return click.option(
        "--sysroot",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        default="/",
        show_default=True,
        help="Where the system is.",
    )(command)


def require_consent(plan: "ChangePlan", *, yes: bool) -> None:
    """Ask before what belongs to another program is changed; raises :class:`AoeinitError` without a yes."""
    asked = [change for change in plan.changes if change.consent]
    if not asked or yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError(
            f"this would change /{asked[0].path}, which {asked[0].why}",
            "agree with --yes; --dry-run prints all that would change. Nothing was changed",
        )
    for change in asked:
        click.echo(line(change), err=True)
    if not click.confirm("Change these files of other programs?", err=True):
        raise AoeinitError("not agreed; nothing was changed")


def carry_out(sysroot: Path, plan: "ChangePlan", *, record_first: bool) -> None:
    """Make the changes; the record is there before the first is made, and until the last is undone."""
    from aoeinit.install.record import record_text
    from aoeinit.install.state import Change, Present, look
    from aoeinit.system.changes import apply, remove_folders

    before = look(sysroot, plan.record_path)
    after = Present(record_text(plan.record), 0o600) if plan.record.changes else None
    record = [Change(plan.record_path, before, after, "")] if before != after else []
    for change in (*record, *plan.changes) if record_first else (*plan.changes, *record):
        apply(sysroot, change)
    if not record_first and after is None:
        remove_folders(sysroot, plan.record.folders)


def warn(plan: "ChangePlan") -> None:
    """Print what the user should know."""
    for warning in plan.warnings:
        click.echo(f"aoeinit: warning: {warning}", err=True)


def echo(plan: "ChangePlan", *, as_json: bool, dry_run: bool, nothing: str) -> None:
    """Print what has changed, or would change."""
    if as_json:
        import json

        click.echo(
            json.dumps(
                {
                    "changed": bool(plan.changes) and not dry_run,
                    "changes": [as_data(each) for each in plan.changes],
                    "warnings": plan.warnings,
                },
                indent=2,
            )
        )
        return
    would = "would " if dry_run else ""
    for change in plan.changes:
        consent = " (needs consent: --yes)" if dry_run and change.consent else ""
        click.echo(f"{would}{line(change)}{consent}")
    if not plan.changes:
        click.echo(f"nothing to change: {nothing}")


def line(change: "Change") -> str:
    """Say what happens to a path, and why."""
    return f"{verb(change)} /{change.path}: {change.why}"


def verb(change: "Change") -> str:
    """Name the kind of a change."""
    before, after = change.before, change.after
    if after is None:
        return "remove"
    if after.is_link:
        return "mask" if after.content == b"/dev/null" else "link"
    if before and before.content == after.content:
        return "make executable" if (after.mode or 0) & 0o111 else "make not executable"
    return "write" if before is None else "change"


def as_data(change: "Change") -> dict[str, Any]:
    """Give a change as values for JSON."""
    return {"path": f"/{change.path}", "what": verb(change), "why": change.why, "consent": change.consent}
