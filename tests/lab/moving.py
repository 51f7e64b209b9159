"""A system on a disk of its own that moves to its target: what it starts from, and what may differ then."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from aoeinit.trial.hardware import CONSOLE, DirectBoot
from tests.lab.debian import ADDRESS, EFI, INTERFACE, SUITE, Edition, installed_tree
from tests.lab.disk import SECTOR, Condition, Disk, condition
from tests.lab.efi import EfiDirectBoot, efi_direct_boot, files_of_efi_partition
from tests.lab.ext4 import Ext4
from tests.lab.kernel_package import kernel_package
from tests.lab.manifest import Manifest, read_manifest
from tests.lab.programs import LabError, run
from tests.lab.report import Report
from tests.lab.vmlinux import unpacked

TARGET = "e11.0"
ROOT_PATH = f"aoe:{TARGET}"
DEVICES = {name: f"/dev/etherd/{TARGET}p{number}" for number, name in enumerate(("boot", "swap", "root"), 1)}
"""The partitions that migrate makes for a machine with a BIOS."""
MIGRATE_SECONDS = 900
"""How long a migration may take, under emulation, on a busy machine."""
MIGRATE = f"""\
set -o pipefail
aoeinit migrate --target {TARGET} --yes 2>&1 | cat
"""

FACTS = f"""\
set -e
/usr/lib/aoelab/report
address() {{
	ip -o -4 address show dev {INTERFACE} | tr -s ' ' | cut -d' ' -f4
}}
# multi-user.target waits for the network's service, and not for the network.
for _ in $(seq 120); do
	[ -n "$(address)" ] && break
	sleep 1
done
echo "aoelab-address=$(address)"
echo "aoelab-swap=$(swapon --noheadings --raw --show=NAME)"
echo "aoelab-boot=$(findmnt --noheadings --output SOURCE /boot)"
"""
"""What a moved system tells of itself."""

SLEEPS = ("sleep", "suspend", "hibernate", "hybrid-sleep", "suspend-then-hibernate")
ESP_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"

RUNNING = (
    *("*/tmp/systemd-private-*", "*/lost+found"),
    "/var/log/*",
    "/var/lib/systemd/*",
)
"""What a system writes as long as it runs, and while it is copied; and what mkfs makes."""

CHANGED = (
    *RUNNING,
    *("/etc/fstab*", "/etc/default/grub", "/boot/grub/*", "/boot/initrd.img-*"),
    *("/etc/aoeinit*", "/var/lib/aoeinit*"),
    *("/etc/kernel/install.conf", "/etc/kernel/install.d/*", "/etc/kernel/post*.d/initramfs-*"),
    "/etc/initramfs-tools/update-initramfs.conf",
    # What GRUB's package asks at its next upgrade is answered.
    "/var/cache/debconf/*.dat*",
    *("/etc/systemd/network/00-aoeinit.link", "/etc/udev/rules.d/61-aoeinit-etherd.rules"),
    *("/etc/network/interfaces.d/aoeinit", "/etc/systemd/system/ifup@*.service.d*"),
    "/etc/NetworkManager/conf.d/zz-aoeinit.conf",
    *(f"/etc/systemd/system/{name}.target" for name in SLEEPS),
)
"""What is another in a moved system, and must be; nothing else may be."""


def local_boot(edition: Edition, more: str = "") -> DirectBoot:
    """Start the installed system from its disk, with the kernel and the image that it has there."""
    boot = installed_tree(edition) / "boot"
    release = kernel_package(SUITE).release
    kernel = unpacked(boot / f"vmlinuz-{release}")
    return DirectBoot(
        kernel, boot / f"initrd.img-{release}", f"{CONSOLE} quiet root={edition.root} ro {more}"
    )


def efi_local_boot(folder: Path) -> EfiDirectBoot:
    """The same through EFI firmware, which keeps its variables in ``folder``."""
    boot = installed_tree(EFI) / "boot"
    release = kernel_package(SUITE).release
    kernel, image = boot / f"vmlinuz-{release}", boot / f"initrd.img-{release}"
    return efi_direct_boot(folder, DirectBoot(kernel, image, f"{CONSOLE} quiet root={EFI.root} ro"))


def check_moved(report: Report, release: str, filesystem: str = "ext4", **devices: str) -> None:
    """Hold what a moved system tells against what it was, and against the target's ``devices``."""
    assert report.one("release") == release
    assert report.one("root").split()[:2] == [devices["root"], filesystem]
    assert {name: report.one(name) for name in ("boot", "swap")} == {
        name: devices[name] for name in ("boot", "swap")
    }
    assert report.one("address") == ADDRESS
    assert report.one("system") == "multi-user.target active"
    assert report.every("failed") == []
    assert report.state["interface"] == INTERFACE


def copy_disk(disk: Path, copy: Path) -> Path:
    run(["cp", "--sparse=always", "--reflink=auto", str(disk), str(copy)])
    return copy


def places(disk: Path) -> dict[str, int]:
    """Where the file systems of a system's root and its /boot begin, in bytes."""
    table = json.loads(run(["sfdisk", "--json", str(disk)]))["partitiontable"]
    found: dict[str, int] = {}
    with disk.open("rb") as file:
        for partition in table["partitions"]:
            start = partition["start"] * SECTOR
            try:
                filesystem = Ext4(file, start)
            except LabError:
                continue  # swap, or the EFI system partition
            names = dict(filesystem.entries(filesystem.inode(2)))
            found["/" if "etc" in names else "/boot"] = start
    return found


def conditions(disk: Path) -> set[Condition]:
    """How the file systems of a disk were left."""
    return {condition(Disk(disk, start=start)) for start in places(disk).values()}


CLEAN = {Condition(clean=True, needs_recovery=False)}


def manifest(disk: Path) -> Manifest:
    return read_manifest(disk, places(disk))


def efi_files(disk: Path) -> dict[str, str]:
    """Give the digests of the files on a disk's EFI partition."""
    table = json.loads(run(["sfdisk", "--json", str(disk)]))["partitiontable"]
    (start,) = [each["start"] for each in table["partitions"] if each["type"] == ESP_TYPE]
    return files_of_efi_partition(disk, start * SECTOR)


def edit(disk: Path, commands: Sequence[str]) -> None:
    """Change the root of a disk by commands of debugfs(8), which ends well whatever becomes of them."""
    place = f"{disk}?offset={places(disk)['/']}"
    said = run(["sh", "-c", 'exec debugfs -w -f - "$0" 2>&1', place], stdin="\n".join(commands) + "\n")
    usual = re.compile(r"debugfs [\d.]+ |debugfs: |Allocated inode: ")
    if complaints := [line for line in said.splitlines() if line and not usual.match(line)]:
        raise LabError(f"debugfs: {complaints}")
