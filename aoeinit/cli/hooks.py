"""``aoeinit hooks``: puts in place what makes and removes images with their kernels, and undoes it."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from aoeinit.errors import AoeinitError, ConfigError

if TYPE_CHECKING:
    from aoeinit.install.hooks import HooksPlan, Status
    from aoeinit.install.state import Change

F = TypeVar("F", bound=Callable[..., object])


def common_options(command: F) -> F:
    """Add the options that all three have."""
    command = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)
    return click.option(
        "--sysroot",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        default="/",
        show_default=True,
        help="Where the system is.",
    )(command)


@click.group()
def hooks() -> None:
    """Make and remove images when kernels are installed and removed."""


@hooks.command()
@common_options
@click.option("--command", metavar="PATH", help="What the hooks are to call.  [default: this aoeinit]")
@click.option("--yes", is_flag=True, help="Agree to silencing other generators of images.")
@click.option("--dry-run", is_flag=True, help="Print what would change, and change nothing.")
def install(sysroot: Path, command: str | None, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Put the hooks in place and keep other generators from replacing the images.

    What was there before is kept in /var/lib/aoeinit/hooks.json, so that remove can undo it exactly.
    """
    from aoeinit.install.hooks import plan_install

    plan = plan_install(sysroot, command=command_for(sysroot, command), debian=is_debian(sysroot))
    warn(plan)
    if not dry_run:
        require_consent(plan, yes=yes)
        carry_out(sysroot, plan, record_first=True)
    echo(plan, as_json=as_json, dry_run=dry_run, nothing="the hooks are in place")


@hooks.command()
@common_options
@click.option("--dry-run", is_flag=True, help="Print what would change, and change nothing.")
def remove(sysroot: Path, dry_run: bool, as_json: bool) -> None:
    """Put back what was there before the hooks were installed."""
    from aoeinit.install.hooks import plan_remove

    plan = plan_remove(sysroot)
    warn(plan)
    if not dry_run:
        carry_out(sysroot, plan, record_first=False)
    echo(plan, as_json=as_json, dry_run=dry_run, nothing="no hooks are installed")


@hooks.command()
@common_options
def status(sysroot: Path, as_json: bool) -> int:
    """Say whether the hooks are in place and other generators quiet; exit code 1 if not."""
    from aoeinit.install import hooks as planner

    found = planner.status(sysroot, debian=is_debian(sysroot))
    callable_ = found.command is None or is_callable(sysroot, found.command)
    if as_json:
        import json
        from dataclasses import asdict

        click.echo(json.dumps({**asdict(found), "callable": callable_, "complete": found.complete}, indent=2))
    else:
        click.echo(as_text(found, callable_))
    return 0 if found.complete and callable_ else 1


def command_for(sysroot: Path, given: str | None) -> str:
    """Give what the hooks are to call; raises :class:`ConfigError` where somebody names what is not there."""
    command = own_command(sysroot) if given is None else given
    if is_callable(sysroot, command):
        return command
    if given is not None:
        raise ConfigError(f"{sysroot} has no command {given!r}", "name it as it is there: /usr/bin/aoeinit")
    click.echo(f"aoeinit: warning: {sysroot} has no command {command} yet; hooks will fail", err=True)
    return command


def own_command(sysroot: Path) -> str:
    """Give the path of this command, as the PATH of hooks may lack it; of another system only the name."""
    if os.path.realpath(sysroot) != "/":
        return "aoeinit"
    if Path(sys.argv[0]).name == "aoeinit" and os.access(sys.argv[0], os.X_OK):
        return os.path.abspath(sys.argv[0])
    return shutil.which("aoeinit") or "aoeinit"


def is_callable(sysroot: Path, command: str) -> bool:
    """Tell whether the system has what its hooks call."""
    from aoeinit.sysroot import resolve

    folders = ("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin")
    places = [command] if "/" in command else [f"{folder}/{command}" for folder in folders]
    found = (resolve(sysroot, each) for each in places)
    return any(each and each.file.is_file() and os.access(each.file, os.X_OK) for each in found)


def is_debian(sysroot: Path) -> bool:
    """Tell whether packages of kernels run the scripts in /etc/kernel/postinst.d."""
    from aoeinit.system import machine

    return "debian" in machine.distribution_ids(sysroot)


def require_consent(plan: "HooksPlan", *, yes: bool) -> None:
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


def carry_out(sysroot: Path, plan: "HooksPlan", *, record_first: bool) -> None:
    """Make the changes; the record is there before the first is made, and until the last is undone."""
    from aoeinit.install.hooks import RECORD, record_text
    from aoeinit.install.state import Change, Present, look
    from aoeinit.system.changes import apply, remove_folders

    before = look(sysroot, RECORD)
    after = Present(record_text(plan.record), 0o600) if plan.record.changes else None
    record = [Change(RECORD, before, after, "")] if before != after else []
    for change in (*record, *plan.changes) if record_first else (*plan.changes, *record):
        apply(sysroot, change)
    if not record_first and after is None:
        remove_folders(sysroot, plan.record.folders)


def warn(plan: "HooksPlan") -> None:
    """Print what the user should know."""
    for warning in plan.warnings:
        click.echo(f"aoeinit: warning: {warning}", err=True)


def echo(plan: "HooksPlan", *, as_json: bool, dry_run: bool, nothing: str) -> None:
    """Print what has changed, or would change."""
    if as_json:
        import json

        click.echo(
            json.dumps(
                {
                    "changed": not dry_run,
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
        return "mask"
    if before and before.content == after.content:
        return "make executable" if (after.mode or 0) & 0o111 else "make not executable"
    return "write" if before is None else "change"


def as_data(change: "Change") -> dict[str, Any]:
    """Give a change as values for JSON."""
    return {"path": f"/{change.path}", "what": verb(change), "why": change.why, "consent": change.consent}


def as_text(found: "Status", callable_: bool) -> str:
    """Say for people how a system stands."""
    by = f" (/{found.generator_file})" if found.generator_file else ""
    lines = [f"generator: {found.generator or 'not set'}{by}", f"hooks call: {found.command or 'nothing'}"]
    if not callable_:
        lines[-1] += ", which is not there"
    lines += [f"in place: /{path}" for path in found.in_place]
    lines += [f"differs: /{path}" for path in found.differing]
    lines += [f"missing: /{path}" for path in found.missing]
    lines += [f"also active: {each.name}, called through /{each.trigger}" for each in found.others]
    return "\n".join(lines)
