"""Which device of a target belongs to which line of fstab(5), where nobody has said so."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from aoeinit.aoe.target import Target
from aoeinit.errors import ConfigError
from aoeinit.install.fstab.device import Device
from aoeinit.install.fstab.lines import Line, shown
from aoeinit.install.fstab.plan import PATIENT, By, place, with_subvolumes

EFI: Final = {"/boot/efi", "/efi"}
EFI_LABELS: Final = {"efi", "esp", "efi system", "efi system partition", "efi-system"}
LABELS: Final = {"/": {"/", "root", "rootfs"}, **{point: {point, *EFI_LABELS} for point in EFI}}
"""Labels that say what a file system is for; of any other mount point it is its path, or its last part."""

NO_FILE_SYSTEM: Final = {"swap", "LVM2_member", "crypto_LUKS", "linux_raid_member", "zfs_member"}


def matched(
    lines: Sequence[Line], given: Mapping[int, Device], partitions: Sequence[Device], *, target: Target
) -> dict[int, Device]:
    """Add to the given devices, by line, those partitions of the target that can only be meant.

    A line's own UUID or label comes first, for a disk that was copied; then a label that is the mount point;
    then the only swap area, the only vfat for an EFI system partition, the only one that can hold the root.

    Raises :class:`ConfigError` where the root's is open, and where nothing was given and several are open.
    """
    found = dict(given)
    for rule in (_by_name, _by_label, _only_one):
        for line in _open(lines, found):
            left = [each for each in partitions if _fits(each, line)]
            if rule is not _by_name:  # several lines may mount subvolumes of one file system
                left = [each for each in left if each not in found.values()]
            candidates = rule(line, left, [each for each in _open(lines, found) if each is not line])
            if len(candidates) == 1:
                found[line.number] = candidates[0]
        found = with_subvolumes(lines, found, By.PATH)
    unclear = [line for line in _open(lines, found) if PATIENT.isdisjoint(line.options)]
    spare = [each for each in partitions if each.fstype and each not in found.values()]
    if any(line.mount_point == "/" for line in unclear) or (unclear and spare and not given):
        raise _unclear(unclear, partitions, target)
    return found


def _open(lines: Iterable[Line], found: Mapping[int, Device]) -> list[Line]:
    return [line for line in lines if line.is_disk and line.number not in found]


def _fits(device: Device, line: Line) -> bool:
    """Tell whether a device holds what a line is for: swap, or a file system."""
    if line.is_swap:
        return device.fstype == "swap"
    return device.fstype is not None and device.fstype not in NO_FILE_SYSTEM


def _by_name(line: Line, devices: Sequence[Device], _others: Sequence[Line]) -> list[Device]:
    return [each for each in devices if each.is_named_by(line.source)]


def _by_label(line: Line, devices: Sequence[Device], _others: Sequence[Line]) -> list[Device]:
    point = line.mount_point
    names = LABELS.get(point, {point, point.rpartition("/")[2]})
    return [each for each in devices if {(each.label or "").lower(), (each.partlabel or "").lower()} & names]


def _only_one(line: Line, devices: Sequence[Device], others: Sequence[Line]) -> list[Device]:
    """Give the devices that are left for a line that no other one can be confused with."""
    if line.is_swap:
        return [] if any(each.is_swap for each in others) else list(devices)
    if line.mount_point in EFI:
        return [each for each in devices if each.fstype == "vfat"]
    rivals = [each for each in others if not each.is_swap and each.mount_point not in EFI]
    if line.mount_point != "/" or any(each.source != line.source for each in rivals):
        return []
    return [each for each in devices if each.fstype != "vfat"]


def _unclear(lines: Iterable[Line], partitions: Iterable[Device], target: Target) -> ConfigError:
    wanted = [f"  line {each.number}: {_described(each)}" for each in lines]
    there = [f"  {each.text()}" for each in partitions] or ["  nothing that this machine sees"]
    return ConfigError(
        "\n".join((f"nothing tells where on {target} these are:", *wanted, f"{target} has:", *there)),
        "name them, as in --map /=p1 --map /boot=p2 --map swap=p3; what is not named then stays as it is",
    )


def _described(line: Line) -> str:
    kind = "" if line.is_swap else f" ({shown(','.join(line.kinds))})"
    return f"{place(line)}{kind}, now on {shown(line.source)}"
