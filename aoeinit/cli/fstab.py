"""``aoeinit fstab``: makes the lines of /etc/fstab name the devices of an AoE target."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aoeinit.cli.changes import as_data, common_options, dry_run_option, line
from aoeinit.cli.given import reading_given
from aoeinit.errors import AoeinitError, ConfigError

if TYPE_CHECKING:
    from aoeinit.aoe.target import Target
    from aoeinit.install.fstab.device import Device
    from aoeinit.install.fstab.lines import Line
    from aoeinit.install.fstab.plan import FstabPlan
    from aoeinit.install.state import Change, Present

Devices = Sequence["Device"]


@click.command()
@click.option(
    "--target", "name", metavar="eX.Y", required=True, help="The target that the system boots from."
)
@click.option(
    "--map",
    "maps",
    metavar="MOUNTPOINT=pN|DEVICE",
    multiple=True,
    help="Where on the target a line's file system is, or swap=pN; repeatable.  [default: by UUID and label]",
)
@click.option(
    "--by",
    type=click.Choice(["path", "uuid"]),
    default="path",
    show_default=True,
    help="How lines name devices; uuid needs the udev rule of aoeinit network.",
)
@dry_run_option
@common_options
def fstab(sysroot: Path, name: str, maps: tuple[str, ...], by: str, dry_run: bool, as_json: bool) -> None:
    """Make the lines of /etc/fstab name the devices of a target.

    Only what has to change does; the first run keeps the old file as /etc/fstab.before-aoeinit.
    """
    from aoeinit.aoe.target import Target
    from aoeinit.install.fstab.change import plan_change, read_fstab
    from aoeinit.system.changes import apply

    with reading_given():
        target = Target.parse(name)
    before = read_fstab(sysroot)
    plan, warnings = planned(before, target, maps, by)
    changes = plan_change(sysroot, before, plan)
    warnings = (*warnings, *missing_rule(sysroot, by))
    for warning in warnings:
        click.echo(f"aoeinit: warning: {warning}", err=True)
    if not dry_run:
        for change in changes:
            apply(sysroot, change)
    tell(plan, changes, warnings, as_json=as_json, dry_run=dry_run)


def planned(
    before: "Present", target: "Target", maps: Sequence[str], by: str
) -> "tuple[FstabPlan, tuple[str, ...]]":
    """Plan the new file, with all warnings."""
    from aoeinit.install.fstab.lines import parse
    from aoeinit.install.fstab.match import matched
    from aoeinit.install.fstab.plan import By, by_mount_point, rewrite, unused
    from aoeinit.system.partitions import partitions_of

    there = partitions_of(target)
    if there is None and not maps:
        raise AoeinitError(
            f"this machine does not see {target}",
            "load the driver (modprobe aoe), or name the partitions, as in --map /=p1",
        )
    lines = parse(before.content)
    mounts, swaps = mapped(maps, target, there)
    given = by_mount_point(lines, mounts, swaps)
    refuse_sharing(lines, given)
    devices = matched(lines, given, there or (), target=target)
    plan = rewrite(lines, devices, target=target, by=By(by))
    unseen = (f"this machine does not see {target}: types of file systems were not compared",)
    warnings = (*(unseen if there is None else ()), *plan.warnings, *unused(lines, mounts, swaps, By(by)))
    return plan, warnings


def mapped(
    texts: Iterable[str], target: "Target", there: Devices | None
) -> "tuple[dict[str, Device], tuple[Device, ...]]":
    """Read the values of --map: devices by mount point, and those for swap."""
    mounts: dict[str, Device] = {}
    swaps: list[Device] = []
    for text in texts:
        point, _, place = text.rpartition("=")
        if not re.fullmatch(r"p[1-9][0-9]*|/dev/.+", place) or not (point == "swap" or point[:1] == "/"):
            raise click.UsageError(
                f"--map {text} is not understood; write it as in --map /home=p3 or --map swap=p2"
            )
        path = f"/dev/etherd/{target}{place}" if place.startswith("p") else place
        device = device_at(path, target, there)
        if there is not None or device.path == place:
            refuse_content(device, text, swap=point == "swap")
        if point == "swap":
            if device in swaps:
                raise click.UsageError(f"--map names {device.path} for swap twice; name each partition once")
            swaps.append(device)
            continue
        point = "/" + point.strip("/")
        if point in mounts:
            raise click.UsageError(f"--map names {point} twice; name each mount point once")
        mounts[point] = device
    return mounts, tuple(swaps)


def device_at(path: str, target: "Target", there: Devices | None) -> "Device":
    """Find a device: one of the target, or any other that this machine has."""
    from aoeinit.install.fstab.device import Device
    from aoeinit.system.partitions import probed

    for each in there or ():
        if each.path == path:
            return each
    if not re.fullmatch(rf"/dev/etherd/{re.escape(str(target))}(p[0-9]+)?", path):
        return probed(path)
    if there is None:
        return Device(path)
    names = ", ".join(each.name for each in there) or "nothing"
    raise ConfigError(f"{target} has no {os.path.basename(path)}", f"it has {names}")


def refuse_content(device: "Device", text: str, *, swap: bool) -> None:
    """Refuse a device that does not hold what a line needs; raises :class:`ConfigError`."""
    from aoeinit.install.fstab.match import NO_FILE_SYSTEM

    wrong = device.fstype != "swap" if swap else device.fstype is None or device.fstype in NO_FILE_SYSTEM
    if wrong:
        wanted = "swap area" if swap else "file system"
        raise ConfigError(
            f"--map {text}: {device.path} holds no {wanted}, but {device.fstype or 'nothing known'}",
            f"name another, or make a {wanted} on it first",
        )


def refuse_sharing(lines: "Sequence[Line]", given: "Mapping[int, Device]") -> None:
    """Refuse one device for lines that name several now; raises :class:`ConfigError`.

    A btrfs may take in what were several file systems, each as a subvolume.
    """
    from aoeinit.install.fstab.plan import place

    first: dict[str, Line] = {}
    for each in (entry for entry in lines if entry.number in given):
        path = given[each.number].path
        other = first.setdefault(path, each)
        subvolumes = "btrfs" in other.kinds and "btrfs" in each.kinds
        if other.source != each.source and not subvolumes:
            raise ConfigError(
                f"--map gives {path} to line {other.number} ({place(other)}) and to line {each.number} "
                f"({place(each)}), which are two devices now",
                "give each a partition of its own, or remove the line of what is a folder now",
            )


def missing_rule(sysroot: Path, by: str) -> Iterator[str]:
    """Say where the names that lines use by --by uuid will not be there at boot."""
    from aoeinit.install.fstab.change import has_rule
    from aoeinit.install.network import udev

    if by == "uuid" and not has_rule(sysroot):
        yield f"/{udev.PATH} is missing, without which AoE devices have no UUIDs: run aoeinit network"


def tell(
    plan: "FstabPlan", changes: "Sequence[Change]", warnings: Sequence[str], *, as_json: bool, dry_run: bool
) -> None:
    """Print what has changed, or would change, line by line."""
    if as_json:
        import json

        lines = [
            {"number": each.number, "before": os.fsdecode(each.before), "after": os.fsdecode(each.after)}
            for each in plan.changes
        ]
        told = {"changed": bool(changes) and not dry_run, "changes": [as_data(each) for each in changes]}
        click.echo(json.dumps({**told, "lines": lines, "warnings": warnings}, indent=2))
        return
    click.echo("\n".join(as_text(plan, changes, would="would " if dry_run else "")))


def as_text(plan: "FstabPlan", changes: "Sequence[Change]", would: str) -> Iterator[str]:
    """Say it for people."""
    from aoeinit.install.fstab.change import BACKUP, FSTAB
    from aoeinit.install.fstab.lines import shown

    if not changes:
        yield "nothing to change: every line is as it should be"
        return
    yield from (f"{would}{line(change)}" for change in changes)
    for each in plan.changes:
        yield f"line {each.number}:"
        yield f"- {shown(each.before.expandtabs())}"
        yield f"+ {shown(each.after.expandtabs())}"
    yield f"to undo it there: cp -p /{BACKUP} /{FSTAB}"
