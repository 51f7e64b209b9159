"""Looking at system and target before a migration: what the preflight goes by."""

import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from aoeinit.aoe import identify
from aoeinit.aoe.discovery import Found, Heads
from aoeinit.aoe.target import Target
from aoeinit.boot.report import read_driver
from aoeinit.cli import making
from aoeinit.cli.hooks import is_callable, own_command
from aoeinit.cli.network import require_card
from aoeinit.cli.settings import settings_for
from aoeinit.config import change
from aoeinit.doctor.entries import version_key
from aoeinit.errors import AoeinitError, ConfigError
from aoeinit.install.command import Command
from aoeinit.install.migrate.disk import Disk, Identity
from aoeinit.install.migrate.layout import Layout, Wanted
from aoeinit.install.migrate.plan import TO
from aoeinit.install.migrate.preflight import Facts, TargetFacts, needed_programs
from aoeinit.install.migrate.progress import RECORD, Progress, read_progress
from aoeinit.install.migrate.source import Source
from aoeinit.install.network.interface import ETHERNET_MTU, choose
from aoeinit.install.state import look
from aoeinit.kernel.hardware import network_interfaces
from aoeinit.kernel.release import installed_releases
from aoeinit.sysroot import resolve
from aoeinit.system import blocks, packets
from aoeinit.system.blank import first_data
from aoeinit.system.commands import run, search_path

ROOT: Final = Path("/")
WAIT_SECONDS: Final = 20
DISCOVER_SECONDS: Final = 1.0
UNREPLAYED: Final = {
    "ext3": ("noload",),
    "ext4": ("noload",),
    "xfs": ("norecovery",),
    "btrfs": ("rescue=nologreplay",),
}
"""What keeps a mount from replaying the journal: that writes, even if it is read-only."""


def target_facts(disk: Disk, identity: Identity, source: Source) -> TargetFacts:
    """Look at a disk."""
    server = blocks.attribute(disk.node, "mac")
    holds = tuple(blocks.signatures(disk.node))
    return TargetFacts(
        disk=disk,
        firmware=blocks.attribute(disk.node, "firmware-version"),
        server=":".join(server[at : at + 2] for at in range(0, len(server), 2)),
        interface=blocks.attribute(disk.node, "netif").partition(",")[0],
        holds=holds,
        used_by=tuple(blocks.users(disk.node)),
        ours=blocks.table_uuid(disk.node) in table_names(identity),
        data=None if holds else first_data(disk.file or disk.node, disk.size),
        within=point_with(disk.file, source) if disk.file else "",
    )


def require_elsewhere(source: Source, disk: Disk) -> None:
    """Refuse the disk that this system runs from; raises :class:`AoeinitError`."""
    root = source.root.device
    if blocks.is_block(root) and blocks.disk_of(root) == blocks.disk_of(disk.node):
        raise AoeinitError(f"this system is on {disk.target} already", "name another target")


def point_with(file: str, source: Source) -> str:
    """Give where the file system is mounted that has a file, if it is one that is copied."""
    words = ("findmnt", "--noheadings", "--first-only", "--nofsroot", "--output", "SOURCE", "--target", file)
    device = run(Command(words, "tells which file system it is on")).strip()
    return next((each.point for each in source.mounts if each.device == device), "")


def facts(
    source: Source,
    target: TargetFacts | AoeinitError,
    layout: Layout | AoeinitError,
    interface: str | None,
) -> Facts:
    """Gather all that the preflight goes by."""
    chosen: str | AoeinitError
    try:
        known = [(each.name, each.mac) for each in network_interfaces(Path("/sys"))]
        if interface:
            require_card(interface, Path("/sys"))
        over = "" if isinstance(target, AoeinitError) else target.interface
        chosen, mac = boot_card(known, interface, over)
    except AoeinitError as error:
        chosen, mac = error, ""
    programs = needed_programs(layout) if isinstance(layout, Layout) else frozenset()
    command = own_command(ROOT)
    return Facts(
        source=source,
        target=target,
        layout=layout,
        programs=frozenset(each for each in programs if shutil.which(each, path=search_path())),
        kernels=kernels(layout.root.filesystem if isinstance(layout, Layout) else source.root.filesystem),
        running=frozenset(blocks.processes()),
        interface=chosen,
        mac=mac,
        mtu=mtu_of(chosen) if isinstance(chosen, str) else ETHERNET_MTU,
        command=command if is_callable(ROOT, command) else None,
    )


def mtu_of(interface: str, sysfs: Path = Path("/sys")) -> int:
    """Tell the MTU that a card has now."""
    try:
        return int((sysfs / "class/net" / interface / "mtu").read_text())
    except (OSError, ValueError):
        return ETHERNET_MTU


def boot_card(known: Sequence[tuple[str, str]], name: str | None, over: str) -> tuple[str, str]:
    """Choose the card to boot from among ``known``, pairs of a name and a MAC: ``name``, if there is one.

    Raises :class:`ConfigError` where that is open, also where the target is reached ``over`` what is no card.
    """
    if name is None and over not in {"", "none", *(each for each, _ in known)}:
        raise ConfigError(
            f"the target is reached through {over}, which is no card",
            "name the card with --interface; for a VLAN put rd.aoe.vlan=N into GRUB_CMDLINE_LINUX first",
        )
    return choose(known, name=name, mac=None, serving=(over,))


def require_folders(wanted: Iterable[Wanted], sysroot: Path, name: str) -> None:
    """See that mount points of a layout file are folders; raises :class:`ConfigError` for one that is not."""
    for point in (volume.point for each in wanted for volume in each.volumes):
        there = resolve(sysroot, point)
        if there is None or there.links or not there.file.is_dir():
            raise ConfigError(f"{name}: {point} is no folder of this system", "make it first")


def kernels(filesystem: str) -> dict[str, AoeinitError | None]:
    """Tell of each kernel in /boot what keeps an image for this machine from being made, if anything does."""
    found: dict[str, AoeinitError | None] = {}
    for release in bootable_releases(ROOT):
        found[release] = None
        try:
            settings = settings_for(ROOT, {})
            types = tuple(dict.fromkeys((filesystem, *settings.filesystem)))
            making.plan(change(settings, {"filesystem": types}), release=release, sysroot=ROOT)
        except AoeinitError as error:
            found[release] = error
    return found


def bootable_releases(sysroot: Path) -> tuple[str, ...]:
    """List the kernels that are in /boot and have modules, the newest last."""
    there = (each for each in installed_releases(sysroot) if resolve(sysroot, f"boot/vmlinuz-{each}"))
    return tuple(sorted(there, key=version_key))


def find_disk(target: Target, heads: Heads) -> Disk:
    """Find a target as a disk of this machine.

    Raises :class:`AoeinitError` where it does not answer, and where several servers do that are not all
    among its ``heads``.
    """
    cards = list[str]()
    with suppress(AoeinitError):
        cards += [f"{each.mac} ({each.name})" for each in network_interfaces(Path("/sys"))]
    blocks.wait_for_target(target, WAIT_SECONDS, cards)
    node = f"{blocks.ETHERD / str(target)}"
    if blocks.disk_of(node) != f"etherd!{target}":
        raise AoeinitError(f"{node} is {os.path.realpath(node)}", "remove what stands in the target's place")
    state = blocks.attribute(node, "state")
    if not state.startswith("up"):
        raise AoeinitError(f"target {target} is {state or 'not up'}", "see to its server, and load aoe anew")
    found = heard(target, heads)
    reason = conflict(found, target, heads)
    if reason:
        raise AoeinitError(
            f"two servers answer for {target}, and each may have a disk of its own: {reason}",
            "stop one of them; servers of one disk are declared with --heads (see aoeinit discover)",
        )
    answer = identity_in(found)
    return Disk(
        *(target, node, blocks.size_of(node)),
        model=answer.model if answer else "",
        serial=answer.serial if answer else "",
    )


def heard(target: Target, heads: Heads) -> Found | None:
    """Ask for a target from user space; ``None`` where nothing is heard."""
    with suppress(AoeinitError):
        for found in packets.discover((), target, heads=heads, seconds=DISCOVER_SECONDS).targets:
            if found.target == target:
                return found
    return None


def identity_in(found: Found | None) -> identify.Identity | None:
    """Give what a target's disk says of itself; the driver keeps none of it but the size."""
    answers = (path.identity for path in found.paths) if found else ()
    return next((each for each in answers if each), None)


def conflict(found: Found | None, target: Target, heads: Heads) -> str | None:
    """Tell why the servers of a target may not have one disk, if anything says so.

    The driver writes to all of them in turn, and sysfs has only one. Where user space has ``found`` nothing,
    what the driver has heard counts.
    """
    if found:
        return found.conflict
    servers = dict.fromkeys(path.mac for path in read_driver(ROOT, f"{target}").paths)
    if len(servers) > 1 and not servers.keys() <= set(heads.get(target, ())):
        return f"the driver knows {' and '.join(servers)}"
    return None


def found_progress(source: Source, disk: Disk, identity: Identity, *, writes: bool) -> Progress | None:
    """Read what an earlier run has left on the target; ``None`` where somebody uses that.

    Unless this run ``writes``, the target stays as it is, with a journal that was not replayed.
    Raises :class:`AoeinitError` where there is nothing to go on with.
    """
    if blocks.table_uuid(disk.node) not in table_names(identity):
        raise AoeinitError(
            f"{disk.name} holds no migration of this system", "leave out --resume to begin one"
        )
    if any(blocks.users(disk.node)):
        return None  # the preflight tells
    name = f"{identity.uuid('filesystem /')}"
    root = next((each for each in blocks.partitions_of(disk.node) if each.uuid == name), None)
    if root is None:
        raise not_begun(disk)
    options = shown_with(root.fstype or "", writes=writes)
    shown = ("-o", ",".join(options)) if options else ()
    run(Command(("mount", "-t", root.fstype or "auto", *shown, root.path, f"{TO}"), "shows the record"))
    try:
        top = TO / (source.root.subvolume or "") if root.fstype == "btrfs" else TO
        state = look(top, RECORD)
        if state is None and has_files(top):
            raise AoeinitError(
                f"the root on {disk.name} holds files, and no record of how they came there",
                "--wipe destroys them",
            )
    finally:
        run(Command(("umount", f"{TO}"), "is no longer needed"))
    if state is None:
        raise not_begun(disk)
    return read_progress(state.content, identity, disk, {each.point for each in source.mounts})


def not_begun(disk: Disk) -> AoeinitError:
    """Make the error of a run that was cut short so early that it has not even left its layout."""
    return AoeinitError(
        f"{disk.name} has no record yet: the earlier run was cut short before any file was copied",
        "begin anew: leave out --resume, and add --wipe and the --layout that it had, if any",
    )


def shown_with(filesystem: str, *, writes: bool) -> tuple[str, ...]:
    """Give the options that a root is mounted with to read its record.

    A run that writes replays the journal, in which the record may be; another one may not: a replay writes.
    """
    top = ("subvol=/",) if filesystem == "btrfs" else ()
    return top if writes else (*top, "ro", *UNREPLAYED.get(filesystem, ()))


def has_files(top: Path) -> bool:
    """Tell whether there is any file, but for a record that was not finished."""
    return any(files for folder, _, files in os.walk(top) if folder != os.fspath((top / RECORD).parent))


def table_names(identity: Identity) -> frozenset[str]:
    """Name the partition tables that a migration makes, of either kind."""
    return frozenset({identity.short("table"), f"{identity.uuid('table')}"})
