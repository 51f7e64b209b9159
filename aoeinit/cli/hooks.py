"""``aoeinit hooks``: puts in place what makes and removes images with their kernels, and undoes it."""

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aoeinit.cli.changes import carry_out, common_options, dry_run_option, echo, require_consent, warn
from aoeinit.errors import ConfigError

if TYPE_CHECKING:
    from aoeinit.install.hooks import Status


@click.group()
def hooks() -> None:
    """Make and remove images when kernels are installed and removed."""


@hooks.command()
@common_options
@click.option("--command", metavar="PATH", help="What the hooks are to call.  [default: this aoeinit]")
@click.option("--yes", is_flag=True, help="Agree to silencing other generators of images.")
@dry_run_option
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
@dry_run_option
def remove(sysroot: Path, dry_run: bool, as_json: bool) -> None:
    """Put back what was there before the hooks were installed."""
    from aoeinit.install.hooks import plan_remove

    plan = plan_remove(sysroot)
    root = root_on_target(sysroot) if plan.changes else None
    if root:
        told = (
            f"the root is on {root}: without the hooks another generator may, at the next update of any "
            "package, replace the image with one that does not find the root"
        )
        plan = replace(plan, warnings=(*plan.warnings, told))
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


def root_on_target(sysroot: Path) -> str | None:
    """Name the device of a target that a system's root is on: the running one's, else what fstab says."""
    from aoeinit.install.fstab.change import FSTAB
    from aoeinit.install.fstab.lines import parse
    from aoeinit.install.state import look
    from aoeinit.sysroot import resolve
    from aoeinit.system import machine

    if os.path.realpath(sysroot) == "/":
        device = machine.root_device(Path("/proc/self/mountinfo"))
        if device and machine.is_on_target(device, Path("/sys")):
            return device
    found = resolve(sysroot, FSTAB)
    state = look(sysroot, found.path) if found and found.file.is_file() else None
    roots = (each for each in parse(state.content if state else b"") if each.is_disk)
    named = (each.source for each in roots if each.mount_point == "/")
    return next((each for each in named if each.startswith("/dev/etherd/")), None)


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
