"""The boot loader: kernels and images that entries name, and the root that their command lines name."""

from collections.abc import Iterator

from aoeinit.doctor.entries import Entry, locate, lost_default
from aoeinit.doctor.findings import Finding, advised, error, graded, warning
from aoeinit.doctor.system import NETWORK, System, listed_targets, plain_root, target_of
from aoeinit.errors import ConfigError
from aoeinit.install.fstab.device import Device
from aoeinit.install.fstab.lines import tag_of
from aoeinit.install.grub.cmdline import TAGS, Parameters
from aoeinit.install.grub.config import mkconfig, plan_grub_config


def examine(system: System) -> Iterator[Finding]:
    """Compare every entry with what is there, and ask for what ``aoeinit grub config`` would change."""
    faulty = set()
    for entry in sorted(system.entries, key=lambda each: not each.is_default):
        for finding in (*_files(system, entry), *_root(system, entry)):
            faulty.add(entry.file)
            yield finding
    lost = lost_default(system.sysroot)
    if lost:
        yield warning(
            f"/{lost[0]}: the default is {lost[1]}, which is not in the menu: GRUB starts the first entry",
            "grub-set-default 0, or the title of an entry",
        )
    yield from _planned(system, faulty)


def _files(system: System, entry: Entry) -> Iterator[Finding]:
    for what, path in (("kernel", entry.kernel), *(("image", each) for each in entry.initrds)):
        if path and locate(system.sysroot, path) is None:
            fix = remake(system) if what == "kernel" else system.build(entry.release or "KVER")
            yield graded(
                f"/{entry.file} names the {what} {path}, which is not there", fix, fatal=entry.is_default
            )
    if not entry.initrds and (entry.is_default or entry.value("root")):  # else a test of the memory, or so
        yield graded(
            f"/{entry.file} starts {entry.kernel} without an image",
            f"{system.build(entry.release or 'KVER')}, then {remake(system)}",
            fatal=entry.is_default,
        )


def remake(system: System) -> str:
    """Say how the menu is made anew."""
    commands = mkconfig(system.sysroot)
    if not commands:
        return "mend the entry"
    return " ".join(commands[0].words) if system.running else system.command("grub config")


def _root(system: System, entry: Entry) -> Iterator[Finding]:
    value = entry.value("root")
    fix = _fix(system, entry)
    target = target_of(value or "")
    listed = () if target else listed_targets(entry)
    if listed and system.target and system.target not in listed:
        what = f"/{entry.file}: rd.aoe={entry.value('rd.aoe')} does not name {system.target}"
        yield graded(what, fix, fatal=entry.is_default)
    if not value:
        return  # rd.aoe=, the firmware, the image or the only target that answers tells
    if target is None and not any(value.startswith(tag) and value != tag for tag in TAGS):
        what = f"/{entry.file}: root={value} is no device of a target"
        yield graded(what, fix, fatal=entry.is_default)
    elif target and system.target and target != system.target:
        what = f"/{entry.file}: root={value} is not on {system.target}"
        yield graded(what, fix, fatal=entry.is_default)
    else:
        yield from _other_root(system, entry, value, fix)


def _other_root(system: System, entry: Entry, value: str, fix: str) -> Iterator[Finding]:
    """Compare with the root of fstab, and with the partitions that there are."""
    root = plain_root(value)
    line = system.root_line
    there = system.running.partitions if system.running else None
    if there is not None and not any(each.is_named_by(root) for each in there):
        names = ", ".join(each.name for each in there) or "none"
        what = f"/{entry.file}: root={value} is nothing on {system.target}, which has {names}"
        yield graded(what, fix, fatal=entry.is_default)
    elif line and _differ(root, line.source, there):
        what = f"/{entry.file}: root={value}, but /etc/fstab mounts {line.source} as /"
        yield graded(what, fix, fatal=entry.is_default)


def _differ(root: str, source: str, there: tuple[Device, ...] | None) -> bool:
    """Tell whether two names are of two devices, as far as that is known."""
    if there is not None:
        mounted = [each for each in there if each.is_named_by(source)]  # if none, that is fstab's fault
        return bool(mounted) and not any(each.is_named_by(root) for each in mounted)
    one, other = tag_of(root), tag_of(source)
    if one and other:
        (key, value), (other_key, other_value) = one, other
        same = value.lower() == other_value.lower() if key.endswith("UUID") else value == other_value
        return key == other_key and not same
    return root != source and root.startswith(NETWORK) and source.startswith(NETWORK)


def _fix(system: System, entry: Entry) -> str:
    if not entry.kernel:
        image = locate(system.sysroot, entry.initrds[0]) or entry.initrds[0].lstrip("/")
        return system.command(f"build --kernel {entry.release or 'KVER'} --uki /{image}")
    line = system.root_line
    root = f" --root {line.source}" if line and target_of(line.source) else ""
    return system.command(f"grub config{f' --target {system.target}' if system.target else ''}{root}")


def _planned(system: System, faulty: set[str]) -> Iterator[Finding]:
    """Tell what new entries, or those that are right but for the disk before, would be made of."""
    line, entry = system.root_line, system.next_entry
    right = entry.value("root") if entry and entry.file not in faulty else None
    named = plain_root(right) if right else line.source if line else ""
    if system.target is None or not (target_of(named) == system.target or named.startswith(TAGS)):
        return
    try:
        plan = plan_grub_config(system.sysroot, Parameters(named, system.target)).plan
    except ConfigError as failure:
        if system.entries:
            yield warning(failure.message, failure.hint or "see there")
        return
    for change in plan.changes:
        if change.path not in faulty:
            yield warning(
                f"/{change.path} is not as a root on {system.target} needs it", _grub(system, named)
            )
    for told in plan.warnings:
        yield advised(told)


def _grub(system: System, root: str) -> str:
    return system.command(f"grub config --target {system.target} --root {root}")


def no_loader(system: System) -> Iterator[Finding]:
    """Say that a system with a kernel has nothing to start it."""
    if system.kernels and not system.entries and mkconfig(system.sysroot):
        yield error("GRUB is installed, and its menu has no entry", remake(system))
