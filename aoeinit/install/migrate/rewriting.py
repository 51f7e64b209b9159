"""What changes in the copy of a system so that it boots from its target."""

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from aoeinit.config_files import FOLDER, load_settings
from aoeinit.errors import ConfigError
from aoeinit.install.fstab.change import plan_change, read_fstab
from aoeinit.install.fstab.device import Device
from aoeinit.install.fstab.lines import OPTIONS, escaped, parse
from aoeinit.install.fstab.plan import ANY_TYPE, family, plan_fstab
from aoeinit.install.grub.cmdline import Parameters
from aoeinit.install.grub.config import plan_grub_config
from aoeinit.install.grub.entries import BootFileSystem
from aoeinit.install.grub.install import plan_grub_install
from aoeinit.install.grub.place import BIOS_BOOT, Firmware, Table
from aoeinit.install.grub.place import Partition as Place
from aoeinit.install.hooks import plan_install
from aoeinit.install.migrate.copying import holder
from aoeinit.install.migrate.layout import BIOS, SWAP, Partition, Volume
from aoeinit.install.migrate.making import filesystem_uuid
from aoeinit.install.migrate.plan import Action, Files, Migration
from aoeinit.install.network.interface import ETHERNET_MTU, BootInterface
from aoeinit.install.network.plan import plan_network
from aoeinit.install.record import ChangePlan
from aoeinit.install.state import Change, Present, look

TARGET_FILE: Final = f"{FOLDER}/50-target.toml"

SELINUX: Final = "etc/selinux/config"
RELABEL: Final = ".autorelabel"

ESP_TYPE: Final = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"


def fstab(sysroot: Path, migration: Migration) -> Iterator[Action]:
    """Name the target's partitions in fstab; what was joined to another file system is no line any more."""
    before = read_fstab(sysroot)
    devices = {volume.point: _device(migration, each) for volume, each in migration.layout.volumes}
    swaps = [_device(migration, each) for each in migration.layout.swaps]
    joined = {each.point for each in migration.source.mounts} - set(devices)
    text = _commented(before.content, joined, swap=not swaps)
    moved = plan_fstab(text, devices, swaps, target=migration.disk.target).changes
    text = _fitting(text, {each.number for each in moved}, migration)
    plan = plan_fstab(text, devices, swaps, target=migration.disk.target)
    added = b"".join(_missing_lines(plan.text, devices, swaps))
    end = b"\n" if added and not plan.text.endswith(b"\n") else b""
    warnings = tuple(f"/etc/fstab: {each}" for each in plan.warnings if not each.startswith("no line "))
    yield Files(plan_change(sysroot, before, replace(plan, text=plan.text + end + added)), warnings)


def _commented(text: bytes, joined: Collection[str], *, swap: bool) -> bytes:
    """Make comments of the lines that have no partition any more: a boot would wait for each of them."""
    lines = []
    for line in parse(text):
        if line.is_disk and swap and line.is_swap:
            lines.append(b"# has no partition any more: ")
        elif line.is_disk and line.mount_point in joined:
            lines.append(b"# is a part of another file system now: ")
        lines.append(line.raw)
    return b"".join(lines)


def _fitting(text: bytes, moved: Collection[int], migration: Migration) -> bytes:
    """Take options away from lines that are moved with which their new file systems cannot be mounted."""
    layout, source = migration.layout, migration.source
    volumes = {volume.point: (volume, each.filesystem) for volume, each in layout.volumes}
    kinds = {each.point: each.filesystem for each in source.mounts}
    lines = []
    for line in parse(text):
        fitting = line
        if line.number in moved and not line.is_swap:
            was = kinds.get(line.mount_point, line.kinds[0])
            volume, becomes = volumes.get(line.mount_point, (Volume(line.mount_point), was))
            options = _fitting_options(line.options, volume, is_other=family(was) != family(becomes))
            if options != line.options:
                fitting = line.with_field(OPTIONS, os.fsencode(",".join(options)))
        lines.append(fitting.raw)
    return b"".join(lines)


def _fitting_options(options: tuple[str, ...], volume: Volume, *, is_other: bool) -> tuple[str, ...]:
    """Give options for a file system that may be of a type that ``is_other``.

    The copy of a subvolume has its name, but another number; the top level of a Btrfs has always the same.
    """
    numbered = any(each.startswith("subvolid=") for each in options)
    by_name = f"subvol={os.fsdecode(escaped(f'/{volume.subvolume}'))}" if volume.subvolume else ""
    named = next((each for each in options if each.startswith("subvol=")), by_name)
    if is_other:
        kept = tuple(each for each in options if ANY_TYPE.fullmatch(each))
        return (*kept, *filter(None, [by_name])) or ("defaults",) * bool(options)
    if not (numbered and named):
        return options
    kept = tuple(each for each in options if not each.startswith("subvolid="))
    return kept if named in kept else (*kept, named)


def _missing_lines(text: bytes, devices: Mapping[str, Device], swaps: Sequence[Device]) -> Iterator[bytes]:
    """Write lines for what the layout has and fstab has not: a file system of its own, or swap."""
    lines = [line for line in parse(text) if line.is_entry and not line.trouble]
    there = {line.mount_point for line in lines if not line.is_swap}
    for point, device in devices.items():
        if point not in there:
            options = "umask=0077" if device.fstype == "vfat" else "defaults"
            yield f"{device.path} {point} {device.fstype} {options} 0 2\n".encode()
    for device in swaps[sum(line.is_swap and line.is_disk for line in lines) :]:
        yield f"{device.path} none swap sw 0 0\n".encode()


def _device(migration: Migration, partition: Partition) -> Device:
    return Device(
        path=migration.disk.future_part(partition.number),
        fstype=partition.filesystem,
        uuid=filesystem_uuid(partition, migration.identity),
        label=partition.label,
        size=partition.size,
    )


def network(sysroot: Path, migration: Migration) -> Iterator[Action]:
    """Let nothing take down the link that the root hangs on, nor change its MTU."""
    boot = BootInterface(migration.interface, migration.mac, migration.mtu)
    yield _recorded(plan_network(sysroot, boot))


def _recorded(plan: ChangePlan) -> Files:
    """Keep a record of changes, so that the command that plans them can undo them on the moved system."""
    return Files(plan.changes, plan.warnings, plan)


def configuration(sysroot: Path, migration: Migration) -> Iterator[Action]:
    """Let every image know the target, not only those that are made now."""
    settings, _ = load_settings(sysroot)
    if settings.target != migration.disk.target:
        text = f'# The AoE target that this system is on.\ntarget = "{migration.disk.target}"\n'
        after = Present(text.encode(), 0o644)
        change = Change(TARGET_FILE, look(sysroot, TARGET_FILE), after, "names the target for all images")
        yield Files((change,))


def hooks(sysroot: Path, migration: Migration) -> Iterator[Action]:
    """Let new kernels get their images."""
    try:
        yield _recorded(plan_install(sysroot, command=migration.command, debian=migration.debian))
    except ConfigError as error:
        yield Files((), (f"{error.message}; {error.hint}",))


def grub(sysroot: Path, migration: Migration) -> Iterator[Action]:
    """Put GRUB on the target, and tell it where the root is."""
    layout, disk = migration.layout, migration.disk
    root = layout.volumes[0][0]
    flags = (f"rootflags=subvol={root.subvolume}",) if root.subvolume else ()
    # Whatever gives the card its MTU now does so again, when the root hangs on it.
    frames = (f"rd.aoe.mtu={migration.mtu}",) if migration.mtu != ETHERNET_MTU else ()
    parameters = Parameters(disk.future_part(layout.root.number), disk.target, (*flags, *frames))
    boot = holder("/boot", layout)
    folder = "" if any(volume.point == "/boot" for volume in boot.volumes) else "/boot"
    if folder and root.subvolume:
        folder = f"/{root.subvolume}/boot"
    config = plan_grub_config(
        sysroot, parameters, BootFileSystem(filesystem_uuid(boot, migration.identity), folder)
    )
    yield _recorded(config.plan)
    esp = next((each.volumes[0].point.strip("/") for each in layout.partitions if each.efi), None)
    firmware = (Firmware.EFI if migration.source.firmware == "efi" else Firmware.BIOS,)
    for command in plan_grub_install(sysroot, disk.node, _table(migration), firmware, esp=esp):
        # What packages are told for later has to be right on the machine that boots from the target.
        told = command.input.replace(disk.node.encode(), f"/dev/etherd/{disk.target}".encode())
        yield replace(command, input=told)
    yield from config.commands


def _table(migration: Migration) -> Table:
    kinds = {SWAP: "82", BIOS: BIOS_BOOT}
    places = (
        Place(
            migration.disk.part(each.number),
            each.start,
            each.size,
            ESP_TYPE if each.efi else kinds.get(each.filesystem, "83"),
        )
        for each in migration.layout.partitions
    )
    return Table(migration.disk.node, migration.layout.table, tuple(places))


def relabel(sysroot: Path) -> Iterator[Action]:
    """Ask SELinux for the labels of the files that were written, where it is in use."""
    state = look(sysroot, SELINUX)
    found = re.search(rb"^[ \t]*SELINUX[ \t]*=[ \t]*(\w+)", state.content, re.MULTILINE) if state else None
    if found and found[1] != b"disabled":
        why = "lets SELinux label the files that were written, at the first boot"
        change = Change(RELABEL, look(sysroot, RELABEL), Present(b"", 0o644), why)
        yield Files((change,))


def boot_files(migration: Migration) -> tuple[tuple[str, ...], ...]:
    """Name what has to be there for a boot, each with the names that it can have."""
    menus = ("boot/grub/grub.cfg", "boot/grub2/grub.cfg")
    if migration.source.firmware == "efi":
        esp = next(each.volumes[0].point.strip("/") for each in migration.layout.partitions if each.efi)
        return (menus, tuple(f"{esp}/EFI/BOOT/{name}" for name in ("BOOTX64.EFI", "BOOTAA64.EFI")))
    return (menus, ("boot/grub/i386-pc/core.img", "boot/grub2/i386-pc/core.img"))
