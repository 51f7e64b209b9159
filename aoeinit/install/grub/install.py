"""Putting GRUB on a target: the commands for BIOS and for EFI firmware."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from aoeinit.errors import ConfigError
from aoeinit.install.command import Command
from aoeinit.install.grub.esp import ARCHITECTURES, Vendor, vendors
from aoeinit.install.grub.packages import answer_debconf, fallback, has_debconf
from aoeinit.install.grub.place import Firmware, Table, choose_firmware, require_esp, require_gap
from aoeinit.install.state import look
from aoeinit.sysroot import resolve

PROGRAMS: Final = ("grub-install", "grub2-install")
MODULES: Final = ("usr/lib/grub", "usr/lib/grub2", "usr/share/grub2")
BIOS_PLATFORM: Final = "i386-pc"


def plan_grub_install(
    sysroot: Path, device: str, table: Table, firmware: Iterable[Firmware] = (), *, esp: str | None = None
) -> tuple[Command, ...]:
    """Plan to put GRUB on the target ``device``; without ``firmware`` for all that have a place and a GRUB.

    ``esp`` is where the sysroot has the target's EFI system partition mounted (``boot/efi``), ``None`` if
    it has not. Nothing but the target is written to: no other disk, and none of the firmware's variables.

    Raises :class:`ConfigError` where there is no room, or no GRUB for the firmware in the sysroot.
    """
    kinds = tuple(firmware) or _possible(sysroot, choose_firmware(table))
    if Firmware.BIOS in kinds:
        require_gap(table)
    commands: list[Command] = []
    for kind in kinds:
        commands += (
            _for_bios(sysroot, device) if kind is Firmware.BIOS else _for_efi(sysroot, device, table, esp)
        )
    return tuple(commands)


def _possible(sysroot: Path, kinds: tuple[Firmware, ...]) -> tuple[Firmware, ...]:
    """Give those that the system has a GRUB for; all where it has none, which is then told."""
    efi = _platform(sysroot, ARCHITECTURES.values()) or any(True for _ in vendors(sysroot))
    has = {Firmware.BIOS: _platform(sysroot, (BIOS_PLATFORM,)), Firmware.EFI: efi}
    return tuple(kind for kind in kinds if has[kind]) or kinds


def _for_bios(sysroot: Path, device: str) -> Iterator[Command]:
    name = _program(sysroot)
    if name is None or _platform(sysroot, (BIOS_PLATFORM,)) is None:
        raise ConfigError(
            f"{sysroot} has no GRUB for BIOS", "install grub-pc in it (grub2-pc and its modules on Fedora)"
        )
    # A device.map names the disks of another machine; it was used before GRUB could find devices itself.
    words = (name, f"--target={BIOS_PLATFORM}", "--recheck", device)
    yield Command(words, "puts GRUB for BIOS in front of the target's partitions", inside=True)
    if has_debconf(sysroot):
        yield answer_debconf(Firmware.BIOS, device, BIOS_PLATFORM)


def _for_efi(sysroot: Path, device: str, table: Table, esp: str | None) -> Iterator[Command]:
    partitions = require_esp(table)
    if esp is None:
        raise ConfigError(
            f"the EFI system partition of {device} is not mounted in {sysroot}",
            f"mount {partitions[0].device} at {sysroot / 'boot/efi'}",
        )
    platform = _platform(sysroot, ARCHITECTURES.values())
    if _program(sysroot) == PROGRAMS[0] and platform:
        yield from _by_grub_install(sysroot, device, esp, platform)
        return
    found = next((each for each in vendors(sysroot) if each.esp == esp), None)
    if found is None:
        raise ConfigError(
            f"{sysroot} has no GRUB for EFI",
            "install grub-efi-amd64 and shim-signed in it (grub2-efi-x64 and shim-x64 on Fedora)",
        )
    yield from _by_copies(sysroot, found)


def _by_grub_install(sysroot: Path, device: str, esp: str, platform: str) -> Iterator[Command]:
    """Let grub-install do it, which on Debian takes the signed programs where they are installed."""
    debian = has_debconf(sysroot)
    # The word with which Debian's packages call it once debconf has the answers below.
    removable = "--force-extra-removable" if debian else "--removable"
    words = (
        PROGRAMS[0],
        f"--target={platform}",
        f"--efi-directory=/{esp}",
        removable,
        "--no-nvram",
        "--recheck",
        *_identity(sysroot, platform),
    )
    yield Command(words, "puts GRUB where EFI firmware looks on any disk", inside=True)
    if debian:
        yield answer_debconf(Firmware.EFI, device, platform)


def _identity(sysroot: Path, platform: str) -> Iterator[str]:
    """Have GRUB's small configuration where the signed GRUB looks for it, whatever GRUB_DISTRIBUTOR says.

    A folder of the EFI partition is built into it: ``/EFI/debian``.
    """
    suffix = next(each for each, name in ARCHITECTURES.items() if name == platform)
    signed = look(sysroot, f"usr/lib/grub/{platform}-signed/grub{suffix}.efi.signed")
    found = re.search(rb"/EFI/([\w.-]+)\0", signed.content) if signed else None
    if found:
        yield f"--bootloader-id={found[1].decode()}"


def _by_copies(sysroot: Path, vendor: Vendor) -> Iterator[Command]:
    """Copy what packages have put into a vendor's folder: Fedora's grub2-install refuses EFI."""
    here, there, suffix = vendor.path, vendor.removable, vendor.suffix
    names = {
        f"shim{suffix}.efi": f"BOOT{suffix.upper()}.EFI",
        f"grub{suffix}.efi": f"grub{suffix}.efi",
        f"mm{suffix}.efi": f"mm{suffix}.efi",
        "grub.cfg": "grub.cfg",
    }
    if resolve(sysroot, there) is None:
        yield Command(("mkdir", "-p", f"/{there}"), "makes the folder where firmware looks", inside=True)
    for source, name in names.items():
        if not _same(sysroot, f"{here}/{source}", f"{there}/{name}"):
            words = ("cp", f"/{here}/{source}", f"/{there}/{name}")
            yield Command(words, "puts it where EFI firmware, and then shim, look", inside=True)
    if resolve(sysroot, fallback(vendor)):
        why = "takes away what would start instead of GRUB and write boot entries to the firmware"
        yield Command(("rm", f"/{fallback(vendor)}"), why, inside=True)


def _same(sysroot: Path, one: str, other: str) -> bool:
    """Tell whether there is nothing to copy: no source, or a copy already."""
    source, copy = look(sysroot, one), look(sysroot, other)
    return source is None or (copy is not None and source.content == copy.content)


def _program(sysroot: Path) -> str | None:
    return next((name for name in PROGRAMS if resolve(sysroot, f"usr/sbin/{name}")), None)


def _platform(sysroot: Path, platforms: Iterable[str]) -> str | None:
    return next(
        (each for each in platforms for folder in MODULES if resolve(sysroot, f"{folder}/{each}/moddep.lst")),
        None,
    )
