"""The system that is to be moved, as its own tools describe it: file systems, swap, what lies below them."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aoeinit.errors import AoeinitError

MOUNT_COLUMNS: Final = "TARGET,SOURCE,FSTYPE,OPTIONS,FSROOT,SIZE,USED,UUID,LABEL"
"""What :func:`read_mounts` wants of ``findmnt --json --bytes --list --nofsroot``."""

DEVICE_COLUMNS: Final = "PATH,TYPE,SIZE,FSTYPE,UUID,LABEL"
"""What :func:`read_devices` wants of ``lsblk --json --bytes --tree``."""

BOOT_POINTS: Final = ("/boot", "/efi", "/boot/efi")
"""Where systemd mounts the partitions of the boot loader without a line in fstab."""


@dataclass(frozen=True, slots=True)
class Mounted:
    """A mounted file system; sizes in bytes. ``files`` is how many it has, and 0 where that is not counted.

    ``subvolume`` is what of a Btrfs is mounted, as its path there without the first slash, and ``None`` for
    other types. ``shown`` is the folder of the file system that stands at ``point``, usually ``/``.
    """

    point: str
    device: str
    filesystem: str
    options: tuple[str, ...]
    shown: str
    size: int
    used: int
    uuid: str
    label: str
    files: int = 0

    @property
    def subvolume(self) -> str | None:
        """The subvolume of a Btrfs; the top level is the empty one."""
        return self.shown.strip("/") if self.filesystem == "btrfs" else None


@dataclass(frozen=True, slots=True)
class Device:
    """A block device; ``below`` are the types, as lsblk(8) has them, of itself and all that it is made of.

    ``holds`` is the signature on it.
    """

    path: str
    size: int
    holds: str
    uuid: str
    label: str
    below: frozenset[str]


@dataclass(frozen=True, slots=True)
class Swap:
    """Swap that is in use: a device or a file, and its size in bytes."""

    path: str
    size: int
    is_file: bool


@dataclass(frozen=True, slots=True)
class Source:
    """The system that is to be moved.

    ``mounts`` are the file systems that belong to it, parents first; ``others`` are mounted, too, but are
    none of it. ``firmware`` is ``bios`` or ``efi``. ``snapshots`` are those subvolumes of the root's Btrfs
    that are read-only copies of others, as paths from its top level.
    """

    mounts: tuple[Mounted, ...]
    others: tuple[Mounted, ...]
    devices: Mapping[str, Device]
    swaps: tuple[Swap, ...]
    firmware: str
    snapshots: tuple[str, ...] = ()

    @property
    def root(self) -> Mounted:
        """The root file system."""
        return self.mounts[0]

    def below(self, device: str) -> frozenset[str]:
        """Tell what a device is made of."""
        found = self.devices.get(device)
        return found.below if found else frozenset()


def read_source(mounts: str, devices: str, swaps: str, fstab: str, *, firmware: str) -> Source:
    """Put together what findmnt, lsblk, ``/proc/swaps`` and ``/etc/fstab`` tell.

    Raises :class:`AoeinitError` for what is not as these programs write it, and for a root on no disk.
    """
    known = read_devices(devices)
    all_mounts = read_mounts(mounts)
    wanted = {"/", *BOOT_POINTS, *fstab_points(fstab)}
    own = tuple(each for each in all_mounts if each.point in wanted and is_whole(each))
    if not own or own[0].point != "/":
        kinds = [each.filesystem for each in all_mounts if each.point == "/"] or ["nothing"]
        raise AoeinitError(
            f"the root of this system is on no disk: {kinds[0]} is mounted there",
            "migrate moves systems that were installed on a disk",
        )
    others = tuple(each for each in all_mounts if each not in own and is_whole(each))
    return Source(own, others, known, tuple(read_swaps(swaps)), firmware)


def is_whole(mounted: Mounted) -> bool:
    """Tell whether a file system of a disk is mounted as a whole, or a subvolume, and no folder in it."""
    if not mounted.device.startswith("/dev/") and mounted.filesystem not in {"zfs", "bcachefs"}:
        return False
    if mounted.filesystem != "btrfs":
        return mounted.shown == "/" or mounted.filesystem == "zfs"
    named = [option.partition("=")[2] for option in mounted.options if option.startswith("subvol=")]
    return not named or named[0].strip("/") == mounted.shown.strip("/")


def read_mounts(text: str) -> tuple[Mounted, ...]:
    """Read findmnt's list; of several on one place the last counts. Parents come first."""
    found: dict[str, Mounted] = {}
    try:
        for each in json.loads(text)["filesystems"]:
            found[each["target"]] = Mounted(
                point=each["target"],
                device=re.sub(r"\[.*\]$", "", each["source"] or ""),
                filesystem=each["fstype"] or "",
                options=tuple((each["options"] or "").split(",")),
                shown=each["fsroot"] or "/",
                size=_bytes(each["size"]),
                used=_bytes(each["used"]),
                uuid=each["uuid"] or "",
                label=each["label"] or "",
            )
    except (ValueError, KeyError, TypeError) as error:
        raise AoeinitError(f"findmnt does not answer as expected: {error!r}") from error
    return tuple(
        found[point] for point in sorted(found, key=lambda point: (point.count("/"), point)) if point
    )


def read_devices(text: str) -> dict[str, Device]:
    """Read lsblk's tree by the paths of the devices; what is made of several stands there several times."""
    found: dict[str, Device] = {}
    try:
        for each, below in _walk(json.loads(text)["blockdevices"], frozenset()):
            earlier = found.get(each["path"])
            found[each["path"]] = Device(
                path=each["path"],
                size=_bytes(each["size"]),
                holds=each["fstype"] or "",
                uuid=each["uuid"] or "",
                label=each["label"] or "",
                below=below | (earlier.below if earlier else frozenset()),
            )
    except (ValueError, KeyError, TypeError) as error:
        raise AoeinitError(f"lsblk does not answer as expected: {error!r}") from error
    return found


def _walk(
    devices: Iterable[dict[str, Any]], above: frozenset[str]
) -> Iterator[tuple[dict[str, Any], frozenset[str]]]:
    for each in devices:
        below = above | {each["type"]}
        yield each, below
        yield from _walk(each.get("children", ()), below)


def read_swaps(text: str) -> Iterator[Swap]:
    """Read ``/proc/swaps`` (proc(5)), sizes there in KiB; compressed memory is no swap that can be moved."""
    for line in text.splitlines()[1:]:
        match line.split():
            case [path, kind, size, *_] if not path.startswith("/dev/zram") and size.isdecimal():
                yield Swap(unescape(path), int(size) * 1024, is_file=kind == "file")


def read_snapshots(text: str, mounts: Iterable[Mounted] = ()) -> tuple[str, ...]:
    """Read what ``btrfs subvolume list -s -r`` tells; what is mounted is in use, and no mere copy."""
    used = {each.subvolume for each in mounts}
    return tuple(path for path in re.findall(r"^ID .* path (.+)$", text, re.MULTILINE) if path not in used)


def fstab_points(text: str) -> frozenset[str]:
    """Give the mount points in an fstab(5)."""
    fields = [line.split() for line in text.splitlines() if not line.lstrip().startswith("#")]
    points = (unescape(each[1]) for each in fields if len(each) > 2)  # noqa: PLR2004 - device, point, type
    return frozenset(point.rstrip("/") or "/" for point in points if point.startswith("/"))


def unescape(text: str) -> str:
    """Read a name as the kernel and fstab(5) write it: blanks and the like are octal numbers."""
    raw = re.sub(rb"\\([0-3][0-7]{2})", lambda match: bytes([int(match[1], 8)]), text.encode())
    return raw.decode(errors="surrogateescape")


def _bytes(value: str | int | None) -> int:
    # util-linux writes numbers as such since 2.33, before as strings, and null where it cannot tell.
    return int(value) if value is not None else 0
