"""A small system that lacks nothing to boot from its target, made by the steps that a user would take."""

import os
import stat
import struct
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner

from aoeinit.aoe.target import Target
from aoeinit.cli.changes import carry_out
from aoeinit.cli.doctor_facts import gather
from aoeinit.cli.making import plan, write
from aoeinit.cli.settings import settings_for
from aoeinit.doctor.system import System
from aoeinit.inspect.reading import read_image
from aoeinit.install.grub.cmdline import Parameters
from aoeinit.install.grub.config import plan_grub_config
from aoeinit.install.hooks import plan_install
from aoeinit.install.network.interface import BootInterface
from aoeinit.install.network.plan import plan_network
from tests.unit.grub_samples import DEBIAN_DEFAULTS, fill
from tests.unit.inspect_samples import Made, archive
from tests.unit.kernel_samples import RELEASE
from tests.unit.system_sample import CARD
from tests.unit.system_sample import make_system as make_bare_system

TARGET = Target(11, 0)
ROOT = "/dev/etherd/e11.0p2"
BOOT = BootInterface(CARD.name, CARD.mac)
IMAGE = f"boot/initrd.img-{RELEASE}"
KERNEL = f"boot/vmlinuz-{RELEASE}"
MENU = "boot/grub/grub.cfg"
GRUBENV = "boot/grub/grubenv"

ENTRY = f"""\
	load_video
	linux	/vmlinuz-{RELEASE} root={ROOT} ro quiet
	initrd	/initrd.img-{RELEASE}
}}
"""
GRUB_CFG = f"""\
if [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "${{next_entry}}" ] ; then
   set default="${{next_entry}}"
   set next_entry=
else
   set default="${{saved_entry}}"
fi
function load_video {{
  insmod all_video
}}
menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple' {{
{ENTRY}submenu 'Advanced options for Debian GNU/Linux' $menuentry_id_option 'gnulinux-advanced' {{
menuentry 'Debian GNU/Linux, with Linux {RELEASE}' $menuentry_id_option 'gnulinux-{RELEASE}' {{
{ENTRY}}}
menuentry 'UEFI Firmware Settings' $menuentry_id_option 'uefi-firmware' {{
	fwsetup
}}
"""
FSTAB = f"""\
# made by hand
{ROOT} / ext4 errors=remount-ro 0 1
/dev/etherd/e11.0p1 /boot ext4 defaults 0 2
UUID=5c1f3a52-64b7-4c09-9e2a-0f5d7c61b384 /media/stick vfat noauto 0 0
"""
INTERFACES = f"""\
source /etc/network/interfaces.d/*
allow-hotplug {CARD.name}
iface {CARD.name} inet dhcp
"""
FILES = {
    "etc/os-release": "ID=debian\n",
    "etc/fstab": FSTAB,
    "etc/aoeinit.toml": 'target = "e11.0"\n',
    "etc/default/grub": DEBIAN_DEFAULTS,
    "etc/network/interfaces": INTERFACES,
    "etc/kernel/postinst.d/initramfs-tools": "",
    "usr/sbin/update-initramfs": "",
    "usr/sbin/grub-mkconfig": "",
    "usr/sbin/ifup": "",
    "usr/local/sbin/aoeinit": "",
    "usr/lib/udev/rules.d/60-persistent-storage.rules": "",
    "usr/lib/systemd/systemd": "",
    "usr/lib/systemd/system/ifup@.service": "",
    "sbin/init": "",
    MENU: GRUB_CFG,
    GRUBENV: "# GRUB Environment Block\nsaved_entry=gnulinux-simple\n",
}
PROGRAMS = ("sbin/init", "usr/local/sbin/aoeinit", "etc/kernel/postinst.d/initramfs-tools")


def make_system(sysroot: Path) -> Path:
    """Make a system on a target: as Debian has it, then changed by aoeinit, and with its image."""
    make_bare_system(sysroot)
    fill(sysroot, FILES)
    for name in PROGRAMS:
        (sysroot / name).chmod(0o755)
    (sysroot / KERNEL).write_bytes(bzimage(RELEASE))
    carry_out(sysroot, plan_network(sysroot, BOOT), record_first=True)
    carry_out(sysroot, plan_install(sysroot, command="aoeinit", debian=True), record_first=True)
    carry_out(sysroot, plan_grub_config(sysroot, Parameters(ROOT, TARGET)).plan, record_first=True)
    make_image(sysroot)
    return sysroot


def make_image(sysroot: Path) -> None:
    """Build the image on the machine itself."""
    sysfs = make_sysfs(sysroot.parent / "sys")
    settings = settings_for(sysroot, {})
    write(plan(settings, release=RELEASE, sysroot=sysroot, sysfs=sysfs), sysroot / IMAGE, settings)
    os.utime(sysroot / "etc/aoeinit.toml", (0, 0))


def make_sysfs(folder: Path, modalias: str = "pci:v1d2") -> Path:
    """Write what sysfs says of a machine with the one card."""
    if not folder.exists():
        interface = folder / f"devices/card/net/{CARD.name}"
        interface.mkdir(parents=True)
        (folder / "devices/card/modalias").write_text(modalias)
        (interface / "address").write_text(CARD.mac)
        (interface / "type").write_text("1")
        (interface / "device").symlink_to("../../../card")
        (folder / "class/net").mkdir(parents=True)
        (folder / f"class/net/{CARD.name}").symlink_to(f"../../devices/card/net/{CARD.name}")
    return folder


def bzimage(release: str) -> bytes:
    """Make the beginning of a kernel, with its version (Linux' Documentation/arch/x86/boot.rst)."""
    head = bytearray(0x400)
    head[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", head, 0x20E, 0x100)
    version = f"{release} (made up) #1 SMP".encode()
    head[0x300 : 0x300 + len(version)] = version
    return bytes(head)


def respell(sysroot: Path, path: str, old: str, new: str) -> None:
    """Change the text of a file, which stays as old as it was."""
    file = sysroot / path
    text, times = file.read_text(), file.stat()
    assert old in text
    file.write_text(text.replace(old, new))
    os.utime(file, (times.st_atime, times.st_mtime))


def spoil_image(image: Path, keep: Callable[[str], bool]) -> None:
    """Leave out of an image what ``keep`` does not want, by its path."""
    items = read_image(image.read_bytes()).items
    entries = [
        Made(item.path, item.mode, item.link.encode() if item.is_link else item.content or b"")
        for item in items
        if keep(item.path) and not stat.S_ISBLK(item.mode)
    ]
    image.write_bytes(archive(entries))


def facts_of(sysroot: Path) -> System:
    """Gather what the files tell, and what sysfs says."""
    return gather(sysroot, sysroot.parent / "sys")[0]


def run_doctor(sysroot: Path, *options: str) -> tuple[int, str]:
    """Run the command as a user would."""
    from aoeinit.cli.doctor import doctor  # noqa: PLC0415 - as the command line does

    words = ["--sysroot", f"{sysroot}", "--sysfs", f"{sysroot.parent / 'sys'}", *options]
    result = CliRunner().invoke(doctor, words, standalone_mode=False)
    assert result.exception is None, result.exception
    return int(result.return_value), result.output
