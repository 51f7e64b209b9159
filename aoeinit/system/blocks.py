"""Block devices of this machine: what the system is on, and what the target is."""

import errno
import json
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from aoeinit.aoe.target import Target
from aoeinit.errors import AoeinitError
from aoeinit.install.command import Command
from aoeinit.install.fstab.device import Device
from aoeinit.install.migrate.source import (
    BOOT_POINTS,
    DEVICE_COLUMNS,
    MOUNT_COLUMNS,
    Source,
    Swap,
    read_snapshots,
    read_source,
)
from aoeinit.system.commands import run, search_path
from aoeinit.system.partitions import probed

ETHERD: Final = Path("/dev/etherd")
SYS_BLOCK: Final = Path("/sys/block")
PROBE_SECONDS: Final = 2
"""How long to wait for an answer before the driver is told to ask again."""
TABLE_SECONDS: Final = 1
"""How long the kernel may take to read a table itself."""
SECTOR: Final = 512
"""The unit of sizes in sysfs, in bytes, whatever the device's own sectors are."""


def source_system() -> Source:
    """Tell what the running system consists of."""
    for point in BOOT_POINTS:
        # systemd may mount it only when somebody looks.
        if os.path.isdir(point):
            os.listdir(point)
    mounts = run(
        Command(
            ("findmnt", "--json", "--bytes", "--list", "--nofsroot", "--output", MOUNT_COLUMNS),
            "lists what is mounted",
        )
    )
    fstab = Path("/etc/fstab")
    source = read_source(
        mounts,
        devices_text(),
        Path("/proc/swaps").read_text(errors="replace"),
        fstab.read_text(errors="replace") if fstab.is_file() else "",
        firmware="efi" if Path("/sys/firmware/efi").is_dir() else "bios",
    )
    counted = tuple(replace(each, files=files_in(each.point)) for each in source.mounts)
    source = replace(source, mounts=counted, swaps=tuple(named_swaps(source)))
    if source.root.subvolume is None or not shutil.which("btrfs", path=search_path()):
        return source
    # What can be written to is in use, as the layers of containers are.
    words = ("btrfs", "subvolume", "list", "-s", "-r", "/")
    listed = run(Command(words, "lists read-only snapshots"))
    return replace(source, snapshots=read_snapshots(listed, source.mounts))


def files_in(point: str) -> int:
    """Tell how many files a file system has; 0 for a type that makes inodes as it needs them."""
    found = os.statvfs(point)
    return found.f_files - found.f_ffree


def named_swaps(source: Source) -> Iterator[Swap]:
    """Name swap as lsblk(8) does: ``/dev/mapper/swap``, where the kernel has ``/dev/dm-1``."""
    names = {os.path.realpath(path): path for path in source.devices}
    for swap in source.swaps:
        yield replace(swap, path=names.get(os.path.realpath(swap.path), swap.path))


def devices_text() -> str:
    """Give what lsblk(8) tells of all devices, with all that is made of them."""
    words = ("lsblk", "--json", "--bytes", "--tree", "--output", DEVICE_COLUMNS)
    return run(Command(words, "lists block devices"))


def load_driver() -> bool:
    """Load the aoe driver unless it is there; tell whether that was necessary."""
    if Path("/sys/module/aoe").is_dir() or (ETHERD / "discover").exists():
        return False
    try:
        run(Command(("modprobe", "aoe"), "loads the driver of AoE targets", package="kmod"))
    except AoeinitError as error:
        raise AoeinitError(
            f"the driver aoe cannot be loaded: {error.message}",
            "start a kernel that has it: those of Debian and Fedora do, those of RHEL do not",
        ) from error
    return True


def wait_for_target(target: Target, seconds: float, cards: Sequence[str] = ()) -> None:
    """Wait until the driver knows the target; raises :class:`AoeinitError` if no server answers for it.

    ``cards`` are this machine's, as they are told then.
    """
    end = time.monotonic() + seconds
    ask = time.monotonic() + PROBE_SECONDS
    while not (SYS_BLOCK / f"etherd!{target}").is_dir() or not is_block(f"{ETHERD / str(target)}"):
        now = time.monotonic()
        if now >= end:
            raise silent(target, sorted(each.name[7:] for each in SYS_BLOCK.glob("etherd!*")), cards)
        if now >= ask:
            ask = now + PROBE_SECONDS
            (ETHERD / "discover").write_text("discover\n")
        time.sleep(0.05)


def silent(target: Target, others: Sequence[str], cards: Sequence[str]) -> AoeinitError:
    """Make the error of a target that does not answer where ``others`` do, or none."""
    own = ", ".join(cards) or "this machine's MAC address"
    way = "" if others else ", and that the interface is up"
    return AoeinitError(
        f"target {target} does not answer; there is {', '.join(others) or 'none at all'}",
        f"see that the server exports it to {own}{way}",
    )


def is_block(node: str) -> bool:
    """Tell whether something is a block device."""
    try:
        return stat.S_ISBLK(os.stat(node).st_mode)
    except OSError:
        return False


def disk_of(node: str) -> str:
    """Give the name in sysfs of the disk that a device is, or is a partition of: ``etherd!e11.0``.

    Links are followed. Raises :class:`AoeinitError` for what is no block device.
    """
    if not is_block(node):
        raise AoeinitError(f"{node} is no block device", "see what is there with lsblk")
    number = os.stat(node).st_rdev
    place = Path(os.path.realpath(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}"))
    return place.parent.name if (place / "partition").exists() else place.name


def size_of(node: str) -> int:
    """Give the bytes that a disk has."""
    return int(attribute(node, "size") or 0) * SECTOR


def attribute(node: str, name: str) -> str:
    """Read an attribute of a disk in sysfs; empty where it has none."""
    try:
        return (SYS_BLOCK / disk_of(node) / name).read_text().strip()
    except OSError:
        return ""


def table_uuid(node: str) -> str:
    """Give the name of the partition table on a disk, in lower case; empty where there is none."""
    words = ("blkid", "--probe", "--output", "value", "--match-tag", "PTUUID", node)
    try:
        return run(Command(words, "reads its table", package="util-linux")).strip().lower()
    except AoeinitError:
        return ""  # it ends with an error where it finds nothing


def partitions_of(node: str) -> tuple[Device, ...]:
    """List a disk's partitions, and what is on them."""
    name = disk_of(node)
    numbers = {
        int((each.parent / "partition").read_text()) for each in (SYS_BLOCK / name).glob("*/partition")
    }
    between = "p" * node[-1].isdigit()
    return tuple(probed(f"{node}{between}{number}") for number in sorted(numbers))


def signatures(node: str) -> Iterator[str]:
    """Say what is on a disk."""
    words = ("wipefs", "--json", "--no-act", node)
    text = run(Command(words, "lists signatures", package="util-linux")).strip()
    for each in json.loads(text)["signatures"] if text else ():
        yield f"{each['type']} at {each['offset']}"
    for partition in partitions_of(node):
        label = f" {partition.label!r}" if partition.label else ""
        number = partition.path.removeprefix(node).removeprefix("p")
        yield f"partition {number} {partition.fstype or 'with nothing known on it'}{label}"


def users(node: str) -> Iterator[str]:
    """Say what keeps a disk busy: mounts in any namespace, swap, other devices made of it."""
    try:
        os.close(os.open(node, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC))
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise AoeinitError(f"cannot open {node}: {error.strerror}", "run as root") from error
        known: Sequence[str] = ()
        with suppress(AoeinitError):
            words = ("lsblk", "--json", "--tree", "--output", "PATH,TYPE,MOUNTPOINT", node)
            known = uses(run(Command(words, "tells what uses a disk")))
        yield from known or ("it is mounted where this process does not see it, or open",)


def uses(text: str) -> tuple[str, ...]:
    """Say what is mounted of a disk, swapped to or made of it; ``text`` is what lsblk(8) tells of it."""
    try:
        return tuple(dict.fromkeys(_uses(json.loads(text)["blockdevices"])))
    except (ValueError, KeyError, TypeError) as error:
        raise AoeinitError(f"lsblk does not answer as expected: {error!r}") from error


def _uses(devices: Sequence[dict[str, Any]]) -> Iterator[str]:
    for each in devices:
        point, below = each["mountpoint"], each.get("children", ())
        if point:
            yield f"{each['path']} is {'swap' if point == '[SWAP]' else f'mounted at {point}'}"
        elif not below and each["type"] not in {"disk", "part", "loop"}:
            yield f"{each['path']} is made of it"
        yield from _uses(below)


def tell_kernel(node: str) -> None:
    """Tell the kernel of the partitions on a disk: some do not read tables themselves, not of every disk."""
    run(Command(("partx", "--update", node), "tells the kernel of the partitions", package="util-linux"))


def wait_for_nodes(
    disk: str, nodes: tuple[str, ...], seconds: float, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Wait until the devices of new partitions are there; raises :class:`AoeinitError` if they never come."""
    end = time.monotonic() + seconds
    if any(not is_block(node) for node in nodes):
        sleep(TABLE_SECONDS)
    if any(not is_block(node) for node in nodes):
        tell_kernel(disk)
    while missing := [node for node in nodes if not is_block(node)]:
        if time.monotonic() >= end:
            raise AoeinitError(
                f"{missing[0]} has not appeared", "see the kernel's log, and whether udev runs"
            )
        sleep(0.05)


def processes() -> Iterator[str]:
    """Give the names of the programs that run."""
    for each in Path("/proc").glob("[0-9]*/comm"):
        try:
            yield each.read_text(errors="replace").strip()
        except OSError:
            continue  # it has ended meanwhile
