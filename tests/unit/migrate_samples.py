"""Systems to be moved, as their own tools describe them, and the commands of a migration as words."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from aoeinit.aoe.target import Target
from aoeinit.install.command import Command
from aoeinit.install.migrate.disk import Disk, Identity
from aoeinit.install.migrate.layout import Layout, lay_out, wanted_of
from aoeinit.install.migrate.plan import Action, Comparison, Copy, Migration, Mount
from aoeinit.install.migrate.preflight import TargetFacts
from aoeinit.install.migrate.source import Source, read_source

GIB = 1 << 30
MIB = 1 << 20

E11 = Target(11, 0)
DISK = Disk(E11, "/dev/etherd/e11.0", 10 * GIB)
HELD = TargetFacts(DISK, "0x4019", "52:54:00:11:ff:01", "enp0s3", ("dos at 0x1fe",), (), ours=False)
NO_SWAP = "Filename\tType\tSize\tUsed\tPriority\n"


def mounted(  # noqa: PLR0913 - findmnt's columns
    target: str,
    source: str,
    fstype: str = "ext4",
    *,
    used: int = GIB,
    size: int = 4 * GIB,
    fsroot: str = "/",
    options: str = "rw,relatime",
) -> dict[str, Any]:
    return {
        "target": target,
        "source": source,
        "fstype": fstype,
        "options": options,
        "fsroot": fsroot,
        "size": size,
        "used": used,
        "uuid": f"uuid-of-{source}" if source.startswith("/dev/") else None,
        "label": None,
    }


def device(path: str, kind: str = "part", *children: dict[str, Any]) -> dict[str, Any]:
    found = {"path": path, "type": kind, "size": 0, "fstype": None, "uuid": None, "label": None}
    return {**found, "children": list(children)} if children else found


def swaps(*rows: tuple[str, str, int]) -> str:
    """What /proc/swaps has: path, kind and KiB of each."""
    return NO_SWAP + "".join(f"{path}\t{kind}\t{size}\t0\t-2\n" for path, kind, size in rows)


def source_of(
    mounts: Sequence[dict[str, Any]],
    devices: Sequence[dict[str, Any]] = (),
    *,
    swap: str = NO_SWAP,
    fstab: Sequence[str] = (),
    firmware: str = "bios",
) -> Source:
    """Read a system whose fstab mounts something at ``fstab``."""
    lines = "".join(f"UUID=x {point} auto defaults 0 2\n" for point in fstab)
    return read_source(
        json.dumps({"filesystems": [mounted("/proc", "proc", "proc", used=0, size=0), *mounts]}),
        json.dumps({"blockdevices": list(devices)}),
        swap,
        lines,
        firmware=firmware,
    )


def debian() -> Source:
    """Debian, as its installer leaves it: plain partitions, /boot and swap apart, BIOS."""
    return source_of(
        [
            mounted("/", "/dev/vda3", used=600 * MIB, size=880 * MIB),
            mounted("/boot", "/dev/vda1", used=60 * MIB, size=170 * MIB),
            mounted("/srv/scratch", "tmpfs", "tmpfs"),
        ],
        [device("/dev/vda", "disk", *(device(f"/dev/vda{number}") for number in (1, 2, 3)))],
        swap=swaps(("/dev/vda2", "partition", 65532)),
        fstab=["/", "/boot", "/srv/scratch"],
    )


def fedora_lvm() -> Source:
    """Fedora on LVM: volumes for the root and for swap, /boot apart, EFI."""
    volumes = (device("/dev/mapper/fedora-root", "lvm"), device("/dev/dm-1", "lvm"))
    disk = device(
        "/dev/nvme0n1",
        "disk",
        device("/dev/nvme0n1p1"),
        device("/dev/nvme0n1p2"),
        device("/dev/nvme0n1p3", "part", *volumes),
    )
    return source_of(
        [
            mounted("/", "/dev/mapper/fedora-root", "xfs", used=5 * GIB, size=70 * GIB),
            mounted("/boot", "/dev/nvme0n1p2", "xfs", used=300 * MIB, size=1000 * MIB),
            mounted("/boot/efi", "/dev/nvme0n1p1", "vfat", used=8 * MIB, size=598 * MIB),
        ],
        [disk],
        swap=swaps(("/dev/dm-1", "partition", 2 * GIB // 1024), ("/dev/zram0", "partition", 8 << 20)),
        fstab=["/", "/boot", "/boot/efi"],
        firmware="efi",
    )


def fedora_btrfs() -> Source:
    """Fedora as it is today: one Btrfs with the subvolumes root and home, /boot apart, EFI."""
    root = "rw,relatime,seclabel,compress=zstd:1,subvolid=256,subvol=/root"
    home = "rw,relatime,seclabel,compress=zstd:1,subvolid=257,subvol=/home"
    return source_of(
        [
            mounted("/", "/dev/vda3", "btrfs", fsroot="/root", options=root, used=3 * GIB, size=18 * GIB),
            mounted("/home", "/dev/vda3", "btrfs", fsroot="/home", options=home, used=3 * GIB, size=18 * GIB),
            mounted("/boot", "/dev/vda2", used=250 * MIB, size=970 * MIB),
            mounted("/boot/efi", "/dev/vda1", "vfat", used=10 * MIB, size=200 * MIB),
        ],
        [device("/dev/vda", "disk", *(device(f"/dev/vda{number}") for number in (1, 2, 3)))],
        fstab=["/", "/home", "/boot", "/boot/efi"],
        firmware="efi",
    )


def migration_of(source: Source, layout: Layout | None = None, disk: Disk = DISK) -> Migration:
    return Migration(
        source=source,
        disk=disk,
        layout=layout or lay_out(wanted_of(source), disk.size, firmware=source.firmware),
        identity=Identity(source.root.uuid, disk.target),
        interface="enp0s3",
        mac="52:54:00:11:00:01",
        releases=("6.1.0-42-amd64",),
        command="/opt/aoeinit/bin/aoeinit",
        debian=True,
    )


def words_of(actions: Iterable[Action]) -> list[tuple[str, ...]]:
    found = []
    for action in actions:
        match action:
            case Command(words):
                found.append(words)
            case Mount(command) | Copy(command) | Comparison(command):
                found.append(command.words)
    return found
