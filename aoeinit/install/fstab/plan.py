"""What moves an fstab(5) to an AoE target: new devices and types in the lines of what is on the target.

Everything else stays byte for byte. Where nothing certain can be done, a warning names the line.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from aoeinit.aoe.target import Target
from aoeinit.errors import ConfigError
from aoeinit.install.fstab.device import Device
from aoeinit.install.fstab.lines import KIND, OPTIONS, SOURCE, Line, escaped, parse, shown, tag_of

PATIENT: Final = {"noauto", "nofail", "x-systemd.automount"}
"""Options with which a boot does not wait for a device."""

COMPATIBLE: Final = {"ext4": {"ext2", "ext3", "ext4"}}
"""Types whose driver mounts more than its own."""

ANY_TYPE = re.compile(
    r"""defaults|r[wo]|(no)?(atime|relatime|strictatime|lazytime|diratime|suid|dev|exec|auto|user|fail|discard)
    |a?sync|dirsync|users|owner|group|_netdev|(fs|def|root)?context=.*|[xX]-.*|comment=.*""",
    re.VERBOSE,
)
"""Options that every file system takes (mount(8)), or that mount, udev or systemd keep to themselves."""

_EARLY = re.compile(r"/|/(usr|etc|var|tmp)(/.*)?", re.DOTALL)
"""The mount points that early boot needs (systemd.io, "Mount Point Availability Requirements")."""

_AOE = re.compile(r"/dev/etherd/(e[0-9]+\.[0-9]+)(?:p[0-9]+)?")


class By(StrEnum):
    """How the lines name the target's devices."""

    PATH = "path"
    UUID = "uuid"


@dataclass(frozen=True, slots=True)
class LineChange:
    """A line that becomes another one; both without their ends."""

    number: int
    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True)
class FstabPlan:
    """The new text, the lines in which it differs, and what the user should know."""

    text: bytes
    changes: tuple[LineChange, ...]
    warnings: tuple[str, ...]


def plan_fstab(
    text: bytes,
    mounts: Mapping[str, Device],
    swaps: Sequence[Device] = (),
    *,
    target: Target,
    by: By = By.PATH,
) -> FstabPlan:
    """Plan to move an fstab to a target.

    ``mounts`` are the devices by mount point, ``swaps`` those of the lines for swap in their order; what is
    in neither stays. ``target`` is the one that the system boots from.

    Raises :class:`ConfigError` where a device has no UUID to be named by.
    """
    lines = parse(text)
    plan = rewrite(lines, by_mount_point(lines, mounts, swaps), target=target, by=by)
    return FstabPlan(plan.text, plan.changes, (*plan.warnings, *unused(lines, mounts, swaps, by)))


def by_mount_point(
    lines: Sequence[Line], mounts: Mapping[str, Device], swaps: Sequence[Device]
) -> dict[int, Device]:
    """Give the devices by the number of the line that is theirs: of several for a mount point the first."""
    disks = [line for line in lines if line.is_disk]
    found = {line.number: device for line, device in zip(filter(_swap, disks), swaps, strict=False)}
    for point, device in mounts.items():
        first = next((line for line in disks if not line.is_swap and line.mount_point == point), None)
        if first:
            found[first.number] = device
    return found


def _swap(line: Line) -> bool:
    return line.is_swap


def rewrite(
    lines: Sequence[Line], devices: Mapping[int, Device], *, target: Target, by: By = By.PATH
) -> FstabPlan:
    """Plan to give lines their devices, which are known by the lines' numbers."""
    devices = with_subvolumes(lines, devices, by)
    moved = tuple(
        _moved(line, devices[line.number], target, by) if line.number in devices else line for line in lines
    )
    changes = tuple(
        LineChange(old.number, old.body, new.body)
        for old, new in zip(lines, moved, strict=True)
        if old.body != new.body
    )
    warnings = (
        f"line {old.number}: {warning}"
        for old, new in zip(lines, moved, strict=True)
        for warning in _warnings(old, new, devices.get(old.number), target)
    )
    return FstabPlan(b"".join(line.raw for line in moved), changes, tuple(warnings))


def with_subvolumes(lines: Sequence[Line], devices: Mapping[int, Device], by: By) -> dict[int, Device]:
    """Add the lines for other subvolumes of a btrfs whose device is known by one of its lines."""
    whole: dict[str, Device] = {}
    for line in lines:
        device = devices.get(line.number)
        if device and "btrfs" in line.kinds and device.fstype in {None, "btrfs"}:
            whole.setdefault(line.source, device)
            whole.setdefault(spelled(device, by), device)
    others = {
        line.number: whole[line.source]
        for line in lines
        if line.is_disk and "btrfs" in line.kinds and line.source in whole
    }
    return {**others, **devices}


def spelled(device: Device, by: By) -> str:
    """Name a device for the first field of a line."""
    if by is By.PATH:
        return device.path
    if device.uuid is None:
        raise ConfigError(
            f"{device.path} has no UUID that this machine sees",
            "load the driver (modprobe aoe), make a file system on it, or name it with --by path",
        )
    return f"UUID={device.uuid}"


def _moved(line: Line, device: Device, target: Target, by: By) -> Line:
    """Change what has to be: the device, the type if that is another, ``_netdev`` where it helps."""
    by_tag = tag_of(line.source) is not None
    moved = line
    if by_tag == (by is By.PATH) or not device.is_named_by(line.source):
        moved = line.with_field(SOURCE, escaped(spelled(device, by)))
    if device.fstype and not line.is_swap and not _mounts(line.kinds, device.fstype):
        moved = moved.with_field(KIND, escaped(device.fstype))
    if _waits_for_network(line, device, target) and "_netdev" not in line.options:
        moved = moved.with_field(OPTIONS, b",".join((*line.fields[OPTIONS : OPTIONS + 1], b"_netdev")))
    return moved


def _mounts(kinds: Sequence[str], fstype: str) -> bool:
    """Tell whether a line with these types mounts such a file system: ``ntfs3`` is a driver for ``ntfs``."""
    return any(
        kind == "auto" or kind.startswith(fstype) or fstype in COMPATIBLE.get(kind, ()) for kind in kinds
    )


def _waits_for_network(line: Line, device: Device, target: Target) -> bool:
    """Tell whether a mount is one for the network to come first: on a target that no boot agent looks for."""
    return _elsewhere(device, target) is not None and not is_early(line) and not line.is_swap


def _elsewhere(device: Device, target: Target) -> str | None:
    """Name the other target that a device is on."""
    found = _AOE.fullmatch(device.path)
    return found[1] if found and found[1] != str(target) else None


def is_early(line: Line) -> bool:
    """Tell whether early boot needs what a line mounts."""
    return _EARLY.fullmatch(line.mount_point) is not None


def _warnings(old: Line, new: Line, device: Device | None, target: Target) -> Iterator[str]:
    """Say of a line what the user should know."""
    if not old.is_entry:
        return
    if old.trouble:
        yield f"{old.trouble}; it was left as it is"
        return
    if old.is_swap and (device or is_on(old, target) or _is_file(old.source)):
        yield (
            f"swap over the network ({shown(new.source)}) can deadlock when memory is short; "
            "zram (zram-generator, zram-tools) swaps into memory instead"
        )
    if device:
        yield from _warnings_of_moved(old, new, device, target)
    elif old.is_disk and not is_on(old, target) and PATIENT.isdisjoint(old.options):
        yield (
            f"{place(old)} is on {shown(old.source)}, not on {target}, and was left as it is; without that "
            "disk a boot waits 90 s and may stop there: add nofail to its options, or remove the line"
        )


def place(line: Line) -> str:
    """Say for people where a line mounts something."""
    return "swap" if line.is_swap else shown(line.mount_point)


def _is_file(source: str) -> bool:
    return source.startswith("/") and not source.startswith("/dev/")


def is_on(line: Line, target: Target) -> bool:
    """Tell whether a line names a device of a target by its path."""
    found = _AOE.fullmatch(line.source)
    return found is not None and found[1] == str(target)


def _warnings_of_moved(old: Line, new: Line, device: Device, target: Target) -> Iterator[str]:
    where = place(old)
    other = _elsewhere(device, target)
    if not _AOE.fullmatch(device.path):
        yield f"{where} is on {device.path}, which is no AoE device: see that it is there at boot"
    if other and (is_early(old) or old.is_swap):
        yield f"{where} is on {other}; when it is needed only {target} is sure to be there"
    if "_netdev" in old.options and is_early(old) and not other:
        yield f"_netdev makes {where} wait for the network that needs it; {target} is there before: remove it"
    if any(option.startswith("subvolid=") for option in old.options) and not _same(old, device):
        yield f"{where} names its subvolume by subvolid=, which a copy does not keep: use subvol= alone"
    special = [option for option in old.options if option and not ANY_TYPE.fullmatch(option)]
    if old.kinds != new.kinds and special and family(old.kinds[0]) != family(new.kinds[0]):
        options = shown(",".join(special))
        yield f"{where} is {new.kinds[0]} now: see whether that takes the options {options}"


def _same(line: Line, device: Device) -> bool:
    """Tell whether a device holds the very file system that a line had before, as a copy of the disk does."""
    tag = tag_of(line.source)
    return tag is not None and tag[0] == "UUID" and device.is_named_by(line.source)


def family(kind: str) -> str:
    """Name what a type of file system shares its options with."""
    return "ext" if kind in COMPATIBLE["ext4"] else kind


def unused(
    lines: Sequence[Line], mounts: Mapping[str, Device], swaps: Sequence[Device], by: By
) -> Iterator[str]:
    """Say for which of the devices there is no line, and what such a line would be, and if ``/`` has none."""
    entries = [line for line in lines if line.is_entry and not line.trouble]
    points = {line.mount_point for line in entries if not line.is_swap}
    if "/" not in points:
        yield "no line mounts /: the agent does, but nothing checks it, and without rw it stays read-only"
    for point, device in mounts.items():
        if point not in points:
            order = 1 if point == "/" else 2
            line = f"{spelled(device, by)} {point} {device.fstype or 'auto'} defaults 0 {order}"
            yield f"no line mounts {shown(point)}, and none was added; it would be: {shown(line)}"
    for device in swaps[sum(line.is_swap and line.is_disk for line in entries) :]:
        yield f"no line is for swap on {device.path}; it would be: {spelled(device, by)} none swap sw 0 0"
