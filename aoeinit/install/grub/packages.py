"""What packages would undo when they are updated: their answers in debconf, the files they own."""

from pathlib import Path
from typing import Final

from aoeinit.install.command import Command
from aoeinit.install.grub.esp import REMOVABLE, Vendor
from aoeinit.install.grub.place import Firmware
from aoeinit.install.state import Change, Present, look
from aoeinit.sysroot import resolve

RPM_MACROS: Final = "etc/rpm/macros.aoeinit"

BIOS_ANSWERS: Final = """\
grub-pc grub-pc/install_devices multiselect {device}
grub-pc grub-pc/install_devices_disks_changed multiselect {device}
grub-pc grub-pc/install_devices_empty boolean false
"""
EFI_ANSWERS: Final = """\
{package} grub2/force_efi_extra_removable boolean true
{package} grub2/update_nvram boolean false
"""
EFI_PACKAGES: Final = {
    "x86_64-efi": "grub-efi-amd64",
    "arm64-efi": "grub-efi-arm64",
    "i386-efi": "grub-efi-ia32",
}


def has_debconf(sysroot: Path) -> bool:
    """Tell whether the system's packages ask through debconf."""
    return resolve(sysroot, "usr/bin/debconf-set-selections") is not None


def answer_debconf(firmware: Firmware, device: str, platform: str) -> Command:
    """Let updates of Debian's GRUB packages do again what was done now, and nothing else."""
    if firmware is Firmware.BIOS:
        answers = BIOS_ANSWERS.format(device=device)
        why = f"lets updates of GRUB go to {device}, not to the disk before"
    else:
        answers = EFI_ANSWERS.format(package=EFI_PACKAGES[platform])
        why = f"lets updates of GRUB go to {REMOVABLE}, and leaves the firmware's variables alone"
    return Command(("debconf-set-selections",), why, input=answers.encode(), inside=True)


def keep_fallback_out(sysroot: Path, vendor: Vendor) -> Change | None:
    """Let rpm leave out shim's fallback program, which ``grub install`` takes off the target.

    Beside the shim it would start instead of GRUB, and write boot entries to the firmware's variables.
    ``%_netsharedpath`` is rpm's list of paths that it installs nothing to.
    """
    if resolve(sysroot, "usr/bin/rpm") is None:
        return None
    before = look(sysroot, RPM_MACROS)
    line = f"%_netsharedpath /{fallback(vendor)}\n".encode()
    why = "keeps updates of shim from putting back the program that would start instead of GRUB"
    return Change(RPM_MACROS, before, Present(line, 0o644), why)


def fallback(vendor: Vendor) -> str:
    """Give the path of shim's fallback program."""
    return f"{vendor.removable}/fb{vendor.suffix}.efi"
