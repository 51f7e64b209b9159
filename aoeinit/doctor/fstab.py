"""The lines of /etc/fstab: what the boot would wait for and not get."""

from collections.abc import Iterator

from aoeinit.doctor.findings import Finding, error, graded, warning
from aoeinit.doctor.system import System
from aoeinit.install.fstab.change import has_rule
from aoeinit.install.fstab.device import Device
from aoeinit.install.fstab.lines import Line, shown, tag_of
from aoeinit.install.fstab.plan import PATIENT, By, is_on, place, rewrite, unused
from aoeinit.sysroot import resolve


def examine(system: System) -> Iterator[Finding]:
    """Ask what ``aoeinit fstab`` would change, and look for devices that will not be there."""
    if system.target is None:
        return
    fix = system.command(f"fstab --target {system.target}")
    devices: dict[int, Device] = {}
    for line in system.fstab:
        if not line.is_disk or (is_patient(line) and not is_on(line, system.target)):
            continue
        device = _device(system, line)
        if device:
            devices[line.number] = device
        elif system.running is None and tag_of(line.source):
            continue  # whether the target has it, only the machine that sees the target can tell
        else:
            yield graded(_missing(system, line), fix, fatal=stops(system, line))
    yield from _planned(system, devices, fix)
    yield from _rule(system)


def is_patient(line: Line) -> bool:
    """Tell whether a boot goes on without what the line mounts."""
    return not PATIENT.isdisjoint(line.options)


def stops(system: System, line: Line) -> bool:
    """Tell whether a boot stops where the device is missing: swap and ``_netdev`` only cost 90 s."""
    if line.is_swap or is_patient(line) or "_netdev" in line.options:
        return False
    return not is_there(system, line)


def is_there(system: System, line: Line) -> bool:
    """Tell whether the running machine has the device, on whatever disk."""
    if system.running is None:
        return False
    tag = tag_of(line.source)
    path = f"/dev/disk/by-{tag[0].lower()}/{tag[1]}" if tag else line.source
    found = resolve(system.sysroot, path)
    return found is not None and found.file.exists()


def _device(system: System, line: Line) -> Device | None:
    there = system.running.partitions if system.running else None
    if there is not None:
        return next((each for each in there if each.is_named_by(line.source)), None)
    return Device(line.source) if system.target and is_on(line, system.target) else None


def _missing(system: System, line: Line) -> str:
    where = f"/etc/fstab:{line.number}: {place(line)} is on {shown(line.source)}"
    there = system.running.partitions if system.running else None
    if there is not None and system.target and is_on(line, system.target):
        return f"{where}, which {system.target} does not have"
    if is_there(system, line):
        return f"{where}, not on {system.target}: without that disk a boot waits 90 s for it"
    after = "stops" if stops(system, line) else "goes on after 90 s"
    return f"{where}, not on {system.target}: a boot waits for it, and {after}"


def _planned(system: System, devices: dict[int, Device], fix: str) -> Iterator[Finding]:
    """Ask the planner about the lines whose devices are known, and about those that make no sense."""
    if system.target is None:
        return
    lines = [each for each in system.fstab if each.number in devices or each.trouble or not each.is_disk]
    plan = rewrite(lines, devices, target=system.target)
    for change in plan.changes:
        before, after = (Line.parse(change.number, text) for text in (change.before, change.after))
        if before.kinds != after.kinds:
            told = f"{devices[change.number].path} holds {after.kinds[0]}, not {','.join(before.kinds)}"
            yield error(f"/etc/fstab:{change.number}: {told}", fix)
    for told in plan.warnings:
        yield warning(f"/etc/fstab: {told}", _way_out(told, fix))
    overlay = system.next_entry is not None and system.next_entry.values("rd.overlay")
    for told in () if overlay else unused(system.fstab, {}, (), By.PATH):
        yield warning(f"/etc/fstab: {told}", "add one")


def _way_out(told: str, fix: str) -> str:
    return "take the line out, and install what it names" if "swap over the network" in told else fix


def _rule(system: System) -> Iterator[Finding]:
    """Tell of names that udev does not make for targets."""
    named = [
        each
        for each in system.fstab
        if each.is_disk and tag_of(each.source) and not is_patient(each) and not is_there(system, each)
    ]
    if named and not has_rule(system.sysroot):
        fatal = any(each.mount_point != "/" and stops(system, each) for each in named)
        yield graded(
            f"/etc/fstab:{named[0].number}: {shown(named[0].source)}, and no udev rule gives AoE devices "
            "such names",
            system.command("network"),
            fatal=fatal,
        )
