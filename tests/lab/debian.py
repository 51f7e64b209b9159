"""A Debian system as its installer leaves it on a local disk, with users, odd files and aoeinit in it."""

import hashlib
import shutil
import struct
from dataclasses import dataclass, replace
from pathlib import Path

from aoeinit.trial.hardware import CONSOLE
from tests.lab.cache import cache_folder, filling
from tests.lab.disk import MIB, SECTOR, copy_into, make_empty
from tests.lab.efi import make_efi_partition
from tests.lab.filesystems import FORMATS, make_ext4
from tests.lab.kernel_package import KernelPackage, kernel_package
from tests.lab.lvm import EXTENT, GROUP, volume_starts, write_physical_volume
from tests.lab.programs import run
from tests.lab.report import write_report
from tests.lab.system import bare_system, inside

SUITE = "bookworm"
NEWER_SUITE = "trixie"
"""Whose kernel lies ready in the system, to be installed there."""
PACKAGES = (
    *("systemd-sysv", "udev", "dbus", "kmod", "procps", "iproute2", "rsync", "fdisk", "e2fsprogs"),
    *("initramfs-tools", "linux-base", "busybox-static", "libarchive13", "python3"),
    *("acl", "attr", "libcap2-bin", "ifupdown", "network-manager"),
)
FURNISH = Path(__file__).with_name("furnish.sh")
RUNNER = Path(__file__).with_name("runner.sh")
ADDRESS = "10.11.0.50/24"
INTERFACE = "ens3"
"""As udev names the network card in the first slot that QEMU gives to one."""
NOT_NEEDED = (
    *("usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man", "usr/share/lintian"),
    *("usr/lib/udev/hwdb.d", "usr/lib/x86_64-linux-gnu/gconv"),
)
DISABLED = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer"),
    *("e2scrub_reap.service", "NetworkManager.service", "NetworkManager-wait-online.service"),
)
BOOT_UUID = "b0070000-0000-4000-8000-000000000001"
SWAP_UUID = "5a4b0000-0000-4000-8000-000000000002"
ROOT_UUID = "70070000-0000-4000-8000-000000000003"
NETWORK = f"""\
[Match]
Name={INTERFACE}

[Network]
Address={ADDRESS}
Gateway=10.11.0.1
"""
GRUB_DEFAULTS = f"""\
GRUB_DEFAULT=0
GRUB_TIMEOUT=0
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
GRUB_CMDLINE_LINUX="{CONSOLE}"
GRUB_TERMINAL=console
"""
UNIT = """\
[Unit]
Description=Run the script of the lab
After=multi-user.target

[Service]
Type=oneshot
ExecStart=/usr/lib/aoelab/runner
"""
VOLUMES = {"root": 800, "swap": 64}
"""The logical volumes where LVM is used, in MiB."""
SIZES = {
    "esp": 64,
    "boot": 192,
    "swap": 64,
    "root": 1024,
    "volumes": 1 + sum(VOLUMES.values()) + EXTENT // MIB,
}
"""In MiB, for each kind of partition."""
EFI_TOOL = "EFI/tools/Test of Memory.efi"
"""A file that somebody has put on the EFI partition."""
FAT_SERIAL = 67
"""Where a FAT32 keeps the number by which fstab knows it: 4 bytes."""
SUBVOLUMES = """\
#!/bin/sh
# Runs instead of init: mkfs cannot make subvolumes of what it fills a Btrfs with.
mount -o remount,rw /
btrfs subvolume snapshot / /@
btrfs subvolume create /@home
rm -r /@/home/*
cp -a --reflink=always /home/. /@home
touch -r /home /@home
sync
mount -o remount,ro /
echo o >/proc/sysrq-trigger
sleep 600
"""


@dataclass(frozen=True, slots=True)
class Edition:
    """What an installer does differently: the table, its partitions and their types, the packages.

    ``root`` is how fstab and the kernel name the root's device, ``filesystem`` its type.
    """

    table: str
    kinds: dict[str, str]
    packages: tuple[str, ...]
    root: str = f"UUID={ROOT_UUID}"
    swap: str = f"UUID={SWAP_UUID}"
    filesystem: str = "ext4"

    @property
    def starts(self) -> dict[str, int]:
        """Where each partition begins, in bytes."""
        found, start = {}, MIB
        for name in self.kinds:
            found[name] = start
            start += SIZES[name] * MIB
        return found

    @property
    def size(self) -> int:
        """The size of the disk, in bytes."""
        return (2 + sum(SIZES[name] for name in self.kinds)) * MIB


BIOS = Edition(
    "dos",
    {"boot": "83, bootable", "swap": "82", "root": "83"},
    (*PACKAGES, "grub-pc", "lvm2", "btrfs-progs"),
)
EFI = Edition(
    "gpt",
    {"esp": "U", "boot": "L", "swap": "S", "root": "L"},
    (*PACKAGES, "grub-efi-amd64", "grub-efi-amd64-signed", "shim-signed", "dosfstools"),
)
MAPPED = f"/dev/mapper/{GROUP.replace('-', '--')}"
LVM = replace(
    BIOS,
    kinds={"boot": "83, bootable", "volumes": "8e"},
    root=f"{MAPPED}-root",
    swap=f"{MAPPED}-swap",
)
BTRFS = replace(BIOS, filesystem="btrfs")


def installed_tree(edition: Edition) -> Path:
    """The files of the system, from the cache; nobody may change them there."""
    kernels = [kernel_package(suite) for suite in (SUITE, NEWER_SUITE)]
    words = [f"{each.file.relative_to(cache_folder())}" for each in kernels] + [
        *edition.packages,
        *NOT_NEEDED,
        *DISABLED,
    ]
    words += [FURNISH.read_text(), *settings().values()]
    digest = hashlib.sha256("\n".join(words).encode()).hexdigest()[:12]
    folder = cache_folder() / "installed" / f"{SUITE}-{digest}"
    with filling(folder) as part:
        if part is not None:
            run(["cp", "-a", "--reflink=auto", f"{bare_system(SUITE, edition.packages)}/.", str(part)])
            install(part, *kernels)
    return folder


def install(tree: Path, kernel: KernelPackage, newer: KernelPackage) -> None:
    """Do what an installer does: settings, users, the kernel with its image."""
    for name in NOT_NEEDED:
        shutil.rmtree(tree / name, ignore_errors=True)
    configure(tree)
    inside(tree, "sh", "-c", FURNISH.read_text())
    archives = tree / "var/cache/apt/archives"
    for package in (kernel, newer):
        shutil.copy(package.file, archives)
    inside(tree, "dpkg", "--install", f"/var/cache/apt/archives/{kernel.file.name}")
    (archives / kernel.file.name).unlink()


def settings() -> dict[str, str]:
    """The files that are written, by path."""
    return {
        "etc/hostname": "hyperion\n",
        "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 hyperion\n",
        "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
        "etc/default/grub": GRUB_DEFAULTS,
        "etc/systemd/network/20-wired.network": NETWORK,
        "etc/systemd/system/aoelab.service": UNIT,
        "usr/lib/aoelab/runner": RUNNER.read_text(),
        "usr/lib/aoelab/subvolumes": SUBVOLUMES,
    }


def configure(tree: Path) -> None:
    for name, text in settings().items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    for name in ("runner", "subvolumes"):
        (tree / "usr/lib/aoelab" / name).chmod(0o755)
    write_report(tree, "installed")
    units = tree / "etc/systemd/system"
    (units / "multi-user.target.wants").mkdir(exist_ok=True)
    (units / "multi-user.target.wants/aoelab.service").symlink_to("../aoelab.service")
    # It would take the console away from the script.
    (units / "serial-getty@ttyS0.service").symlink_to("/dev/null")
    (tree / "srv/scratch").mkdir(parents=True)
    inside(tree, "systemctl", "enable", "systemd-networkd.service")
    inside(tree, "systemctl", "disable", *DISABLED)
    answers = "grub-pc grub-pc/install_devices multiselect /dev/vda\n"
    inside(tree, "sh", "-c", f"echo '{answers}' | debconf-set-selections")


def make_source(disk: Path, edition: Edition, project: Path) -> None:
    """Make a disk with the system, and the folder ``project`` as its /opt/aoeinit."""
    tree, boot, part = (disk.with_suffix(f".{name}") for name in ("tree", "boot", "part"))
    run(["cp", "-a", "--reflink=auto", str(installed_tree(edition)), str(tree)])
    shutil.copytree(project, tree / "opt/aoeinit", symlinks=True)
    (tree / "usr/local/sbin/aoeinit").symlink_to("/opt/aoeinit/bin/aoeinit")
    (tree / "boot").rename(boot)
    (tree / "boot").mkdir()
    (boot / "efi").mkdir()
    make_empty(disk, edition.size)
    run(["sfdisk", "--quiet", str(disk)], stdin=table(edition))
    serial = ""
    for name, start in edition.starts.items():
        make_empty(part, SIZES[name] * MIB)
        match name:
            case "esp":
                make_efi_partition(part, {EFI_TOOL: next(boot.glob("vmlinuz-*"))}, mib=SIZES[name])
                serial = fat_serial(part)
            case "boot":
                make_ext4(part, boot, BOOT_UUID, "")
            case "swap":
                run(["mkswap", "--uuid", SWAP_UUID, str(part)])
            case "root":
                (tree / "etc/fstab").write_text(fstab(edition, serial))
                FORMATS[edition.filesystem](part, tree, ROOT_UUID, "")
            case "volumes":
                (tree / "etc/fstab").write_text(fstab(edition, serial))
                make_volumes(part, tree)
        copy_into(disk, part, start)
    shutil.rmtree(boot)
    shutil.rmtree(tree)


def make_volumes(part: Path, tree: Path) -> None:
    """Fill a physical volume of LVM."""
    write_physical_volume(part, VOLUMES)
    volume = part.with_suffix(".volume")
    for name, start in volume_starts(VOLUMES).items():
        make_empty(volume, VOLUMES[name] * MIB)
        if name == "root":
            make_ext4(volume, tree, ROOT_UUID, "")
        else:
            run(["mkswap", "--uuid", SWAP_UUID, str(volume)])
        copy_into(part, volume, start)


def table(edition: Edition) -> str:
    """What sfdisk(8) is told."""
    lines = [
        f"start={edition.starts[name] // SECTOR}, size={SIZES[name] * MIB // SECTOR}, type={kind}"
        for name, kind in edition.kinds.items()
    ]
    return "\n".join([f"label: {edition.table}", *lines]) + "\n"


def fat_serial(part: Path) -> str:
    with part.open("rb") as file:
        file.seek(FAT_SERIAL)
        (number,) = struct.unpack("<I", file.read(4))
    return f"{number >> 16:04X}-{number & 0xFFFF:04X}"


def fstab(edition: Edition, esp: str) -> str:
    """What the installer writes; ``esp`` is the number of the EFI system partition, if there is one."""
    root, swap = edition.root, edition.swap
    lines = [
        "# /etc/fstab: static file system information.",
        "#",
        "# <file system> <mount point>   <type>  <options>       <dump>  <pass>",
        "# / was on /dev/vda3 during installation",
        *(
            [f"{root} / btrfs defaults,subvol=@ 0 0", f"{root} /home btrfs defaults,subvol=@home 0 0"]
            if edition.filesystem == "btrfs"
            else [f"{root} /               ext4    errors=remount-ro 0       1"]
        ),
        f"UUID={BOOT_UUID} /boot           ext4    defaults        0       2",
        *([f"UUID={esp}  /boot/efi       vfat    umask=0077      0       1"] if esp else []),
        f"{swap} none            swap    sw              0       0",
        "tmpfs\t/srv/scratch\ttmpfs\tsize=8m,mode=1777\t0 0",
    ]
    return "\n".join(lines) + "\n"
