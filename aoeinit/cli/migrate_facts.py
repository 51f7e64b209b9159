"""Looking at system and target before a migration: what the preflight goes by."""

import os
import shutil
from pathlib import Path
from typing import Final

from aoeinit.aoe.target import Target
from aoeinit.cli import making
from aoeinit.cli.hooks import is_callable, own_command
from aoeinit.cli.migrating import bootable_releases
from aoeinit.cli.settings import settings_for
from aoeinit.config import change
from aoeinit.errors import AoeinitError
from aoeinit.install.migrate.disk import Disk, Identity
from aoeinit.install.migrate.layout import Layout
from aoeinit.install.migrate.preflight import Facts, TargetFacts, needed_programs
from aoeinit.install.migrate.source import Source
from aoeinit.install.network.interface import choose
from aoeinit.kernel.hardware import network_interfaces
from aoeinit.system import blocks
from aoeinit.system.commands import search_path

ROOT: Final = Path("/")
WAIT_SECONDS: Final = 20


def target_facts(disk: Disk, identity: Identity) -> TargetFacts:
    """Look at a disk."""
    server = blocks.attribute(disk.node, "mac")
    return TargetFacts(
        disk=disk,
        model=blocks.attribute(disk.node, "firmware-version"),
        server=":".join(server[at : at + 2] for at in range(0, len(server), 2)),
        interface=blocks.attribute(disk.node, "netif").partition(",")[0],
        holds=tuple(blocks.signatures(disk.node)),
        used_by=tuple(blocks.users(disk.node)),
        ours=blocks.table_uuid(disk.node) in {identity.short("table"), f"{identity.uuid('table')}"},
    )


def facts(
    source: Source,
    target: TargetFacts | AoeinitError,
    layout: Layout | AoeinitError,
    interface: str | None,
) -> tuple[Facts, str]:
    """Gather all that the preflight goes by, and the MAC of the interface that the machine will boot from."""
    chosen: str | AoeinitError
    try:
        known = [(each.name, each.mac) for each in network_interfaces(Path("/sys"))]
        chosen, mac = choose(known, name=interface, mac=None, serving=[getattr(target, "interface", "")])
    except AoeinitError as error:
        chosen, mac = error, ""
    programs = needed_programs(layout) if isinstance(layout, Layout) else frozenset()
    command = own_command(ROOT)
    return (
        Facts(
            source=source,
            target=target,
            layout=layout,
            programs=frozenset(each for each in programs if shutil.which(each, path=search_path())),
            kernels=kernels(layout.root.filesystem if isinstance(layout, Layout) else source.root.filesystem),
            running=frozenset(blocks.processes()),
            interface=chosen,
            has_grub=any(
                shutil.which(name, path=search_path()) for name in ("grub-install", "grub2-install")
            ),
            command=command if is_callable(ROOT, command) else None,
        ),
        mac,
    )


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


def find_disk(target: Target) -> Disk:
    """Find a target as a disk of this machine; raises :class:`AoeinitError` where it does not answer."""
    blocks.wait_for_target(target, WAIT_SECONDS)
    node = f"{blocks.ETHERD / str(target)}"
    if blocks.disk_of(node) != f"etherd!{target}":
        raise AoeinitError(f"{node} is {os.path.realpath(node)}", "remove what stands in the target's place")
    return Disk(target, node, blocks.size_of(node))
