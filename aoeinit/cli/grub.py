"""``aoeinit grub``: puts GRUB on a target, and lets it start the system with its root there."""

import json
import os
import re
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aoeinit.aoe.target import Target
from aoeinit.cli.changes import as_data, carry_out, common_options, dry_run_option, line, warn
from aoeinit.cli.given import reading_given
from aoeinit.errors import AoeinitError, ConfigError

if TYPE_CHECKING:
    from aoeinit.install.command import Command
    from aoeinit.install.grub.config import GrubConfig
    from aoeinit.install.grub.entries import BootFileSystem
    from aoeinit.install.state import Change

target_option = click.option(
    "--target", metavar="eX.Y", help="The target.  [default: the one that the sysroot is mounted from]"
)


@click.group()
def grub() -> None:
    """Let a target start the system on it: the boot loader, and its command line."""


@grub.command()
@common_options
@target_option
@click.option(
    "--firmware",
    type=click.Choice(["auto", "bios", "efi"]),
    default="auto",
    show_default=True,
    help="What starts the machine; auto is all that the target has a place and the system a GRUB for.",
)
@dry_run_option
def install(sysroot: Path, target: str | None, firmware: str, dry_run: bool, as_json: bool) -> None:
    """Put GRUB on the target, and settle what updates of its packages would undo.

    The sysroot is the system on the target, with its /boot, and for EFI the EFI system partition, mounted.
    Nothing else is written to: no other disk, and none of the firmware's variables.
    """
    from aoeinit.install.grub.esp import PLACES
    from aoeinit.install.grub.install import plan_grub_install
    from aoeinit.install.grub.place import Firmware, read_table, read_table_command
    from aoeinit.system.commands import run

    device = f"/dev/etherd/{find_target(sysroot, target)}"
    require_block_device(device)
    table = read_table(run(read_table_command(device)))
    kinds = () if firmware == "auto" else (Firmware(firmware),)
    esp = next((each for each in PLACES if is_esp(sysroot, each, device)), None)
    commands = plan_grub_install(sysroot, device, table, kinds, esp=esp)
    require_on(mounted(sysroot, "boot"), device, sysroot)
    if not dry_run:
        for command in commands:
            run(command, sysroot)
    if as_json:
        click.echo(json.dumps({"changed": not dry_run, "commands": told(commands)}, indent=2))
    else:
        echo_commands(commands, dry_run=dry_run)


@grub.command()
@common_options
@target_option
@click.option(
    "--root", metavar="DEVICE", help="The value of root=.  [default: what the sysroot is mounted from]"
)
@click.option("--undo", is_flag=True, help="Put back what was there before.")
@dry_run_option
def config(
    sysroot: Path, target: str | None, root: str | None, undo: bool, dry_run: bool, as_json: bool
) -> None:
    """Name the root on the target in every command line, and nothing of the disk before it.

    What was there before is kept in /var/lib/aoeinit/grub.json.
    """
    from aoeinit.install.grub.cmdline import Parameters
    from aoeinit.install.grub.config import names_boot, plan_grub_config, plan_grub_undo

    if undo:
        if target or root:
            raise click.UsageError("--undo knows what was changed: leave --target and --root out.")
        show_or_do(sysroot, plan_grub_undo(sysroot), dry_run=dry_run, as_json=as_json, undo=True)
        return
    found = find_target(sysroot, target)
    parameters = Parameters(root or find_root(sysroot, found), found)
    device = f"/dev/etherd/{found}"
    row = mounted(sysroot, "boot")
    boot = None
    if is_on(row["source"], device):
        boot = boot_file_system(row)
    elif os.path.realpath(sysroot) == "/":
        # Somebody has forgotten --sysroot: this machine's own disk is not to lose its root.
        require_on(row, device, sysroot)
    elif names_boot(sysroot):
        click.echo(
            f"aoeinit: warning: {row['place']} is not on {device}: what names its file system stays", err=True
        )
    planned = plan_grub_config(sysroot, parameters, boot)
    show_or_do(sysroot, planned, dry_run=dry_run, as_json=as_json, undo=False)


def show_or_do(sysroot: Path, planned: "GrubConfig", *, dry_run: bool, as_json: bool, undo: bool) -> None:
    """Carry a plan out, unless it is only to be shown, and print it."""
    from aoeinit.system.commands import run

    plan = planned.plan
    warn(plan)
    if not dry_run:
        carry_out(sysroot, plan, record_first=not undo)
        for command in planned.commands:
            run(command, sysroot)
    if as_json:
        answer = {
            "changed": not dry_run,
            "changes": [as_data(each) for each in plan.changes],
            "commands": told(planned.commands),
            "warnings": plan.warnings,
        }
        click.echo(json.dumps(answer, indent=2))
        return
    for change in plan.changes:
        click.echo(f"{'would ' if dry_run else ''}{line(change)}")
        for text in differences(change):
            click.echo(text)
    if not plan.changes and dry_run and planned.commands:
        todo = " and ".join(command.text() for command in planned.commands)
        click.echo(f"the files are right; would only run {todo}")
        return
    if not plan.changes:
        click.echo("nothing to change: " + ("nothing was changed before" if undo else "the files are right"))
    echo_commands(planned.commands, dry_run=dry_run)


def differences(change: "Change") -> Iterator[str]:
    """Give the lines of a file that go and come; nothing for one that is new, or goes as a whole."""
    from difflib import unified_diff

    from aoeinit.install.fstab.lines import shown

    if change.before is None or change.after is None:
        return
    # What fills an environment block up is of no interest.
    before, after = (
        each.content.rstrip(b"#").decode(errors="surrogateescape").splitlines()
        for each in (change.before, change.after)
    )
    for each in islice(unified_diff(before, after, n=0, lineterm=""), 2, None):
        if not each.startswith("@@"):
            yield f"{each[0]} {shown(each[1:].expandtabs())}"


def echo_commands(commands: "tuple[Command, ...]", *, dry_run: bool) -> None:
    """Print what was run, or would be."""
    for command in commands:
        click.echo(f"{'would run' if dry_run else 'ran'} {command.text()}")


def told(commands: "tuple[Command, ...]") -> list[dict[str, str]]:
    """Give commands as values for JSON."""
    return [{"command": each.text(), "why": each.why} for each in commands]


def mounted(sysroot: Path, path: str) -> dict[str, Any]:
    """Tell what is mounted at or above a path of the sysroot: ``target``, ``source`` and ``fsroot``."""
    from aoeinit.install.command import Command
    from aoeinit.sysroot import resolve
    from aoeinit.system.commands import run

    found = resolve(sysroot, path)
    place = os.path.realpath(found.file if found else sysroot)
    columns = ("findmnt", "--json", "--nofsroot", "--output", "TARGET,SOURCE,FSROOT,FSTYPE")
    # Of several mounts in one place the last one counts.
    said = run(Command((*columns, "--target", place), "tells what is mounted", package="util-linux"))
    row: dict[str, Any] = json.loads(said)["filesystems"][-1]
    return {**row, "source": row["source"] or "nothing", "place": place}


def is_on(source: str, device: str) -> bool:
    """Tell whether a source of mounts is a disk or one of its partitions."""
    return re.fullmatch(re.escape(device) + r"(p[0-9]+)?", source) is not None


def require_on(row: dict[str, Any], device: str, sysroot: Path) -> None:
    """Raise :class:`ConfigError` unless what is mounted is on the target."""
    if not is_on(row["source"], device):
        raise ConfigError(
            f"{row['place']} is on {row['source']}, not on {device}",
            f"mount the target's file systems at {sysroot}, or name their place with --sysroot",
        )


def is_esp(sysroot: Path, path: str, device: str) -> bool:
    """Tell whether a FAT of the target is mounted at a path of the sysroot."""
    from aoeinit.sysroot import resolve

    if resolve(sysroot, path) is None:
        return False
    row = mounted(sysroot, path)
    return is_on(row["source"], device) and row["target"] == row["place"] and row["fstype"] == "vfat"


def find_target(sysroot: Path, given: str | None) -> Target:
    """Give the target that is named, or that the sysroot is mounted from."""
    if given is not None:
        with reading_given():
            return Target.parse(given)
    source = mounted(sysroot, "")["source"]
    found = re.fullmatch(r"/dev/etherd/(e[0-9]+\.[0-9]+)(p[0-9]+)?", source)
    if found is None:
        raise ConfigError(f"{sysroot} is on {source}, which is no target", "name the target: --target e11.0")
    return Target.parse(found[1])


def find_root(sysroot: Path, target: Target) -> str:
    """Give the device of the target that the sysroot is mounted from."""
    row = mounted(sysroot, "")
    if not is_on(row["source"], f"/dev/etherd/{target}"):
        raise ConfigError(
            f"{sysroot} is on {row['source']}, not on target {target}",
            f"mount it from there, or name the root: --root /dev/etherd/{target}p1",
        )
    return str(row["source"])


def boot_file_system(row: dict[str, Any]) -> "BootFileSystem":
    """Ask for the UUID of the file system that /boot is on, and for its place there."""
    from aoeinit.install.command import Command
    from aoeinit.install.grub.entries import BootFileSystem
    from aoeinit.system.commands import run

    words = ("blkid", "--output", "value", "--match-tag", "UUID", row["source"])
    uuid = run(Command(words, "tells the UUID", package="util-linux")).strip()
    if not uuid:
        raise ConfigError(f"{row['source']} has no UUID", "make a file system on it")
    below = os.path.relpath(row["place"], row["target"])
    folder = os.path.normpath(f"{row['fsroot'].rstrip('/')}/{below}")
    return BootFileSystem(uuid, folder.rstrip("/"))


def require_block_device(device: str) -> None:
    """Raise :class:`AoeinitError` where there is no such device."""
    try:
        found = stat.S_ISBLK(os.stat(device).st_mode)
    except OSError as error:
        raise AoeinitError(
            f"{device}: {error.strerror}", "see that the server is on and the driver loaded: modprobe aoe"
        ) from error
    if not found:
        raise AoeinitError(f"{device} is no block device", "remove it, and load the driver: modprobe aoe")
