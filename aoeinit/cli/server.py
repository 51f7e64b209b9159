"""``aoeinit server``: sets up what diskless machines find in their network."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aoeinit.cli.changes import common_options, dry_run_option
from aoeinit.cli.given import reading_given
from aoeinit.cli.server_boot import FORMATS, dhcp, fleet_of, ipxe, macs_of, render
from aoeinit.cli.server_install import (
    EXPORT_RECORD,
    FLEET_RECORD,
    kept_dhcp,
    planned,
    put_in_place,
    take_back,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aoeinit.server.exports import Export
    from aoeinit.server.fleet import Fleet
    from aoeinit.server.lan import Client
    from aoeinit.server.text import File

DEFAULT_BUFFERS = 16

install_option = click.option("--install", is_flag=True, help="Put it in place, rather than print it.")
undo_option = click.option("--undo", is_flag=True, help="Put back what was there before --install.")


@click.group()
def server() -> None:
    """Set up what a diskless machine finds in its network: a target, DHCP, and what iPXE starts."""


server.add_command(dhcp)
server.add_command(ipxe)


@server.command()
@common_options
@click.option("--target", "name", metavar="eX.Y", help="The name that clients know the disk by.")
@click.option("--device", metavar="PATH", help="The disk: a block device, or a file.")
@click.option("--interface", metavar="NAME", help="The network card that the clients are on.")
@click.option(
    "--mac",
    "macs",
    metavar="MAC[,MAC]",
    multiple=True,
    help="The clients that may use it, repeatable; or the word any.",
)
@click.option("--read-only", is_flag=True, help="Let nobody write: for a disk that many share.")
@click.option(
    "--writes",
    type=click.Choice(["sync", "direct", "cached"]),
    default="sync",
    show_default=True,
    help="What a client's data survives: sync a loss of power; direct that of disks without a cache.",
)
@click.option(
    "--buffers",
    type=int,
    default=DEFAULT_BUFFERS,
    show_default=True,
    help="How many frames may be on their way to the server.",
)
@install_option
@undo_option
@dry_run_option
def export(
    sysroot: Path,
    name: str | None,
    device: str | None,
    interface: str | None,
    macs: tuple[str, ...],
    read_only: bool,
    writes: str,
    buffers: int,
    install: bool,
    undo: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Export a disk as a target, by a service that runs vblade, shut in and started again whenever it ends.

    Where Debian's package vblade is installed, its own unit is used, with a file in /etc/vblade.conf.d. What
    another file exports already is refused. A client whose data is to survive needs writes=sync: vblade does
    not know when a client asks for its data to be on the disk.

    --install keeps what was there before in /var/lib/aoeinit/server-export.json; --undo takes back everything
    that it has put in place.
    """
    from aoeinit.aoe.target import Target
    from aoeinit.server.exports import Export, Writes
    from aoeinit.server.vblade import is_of

    if undo:
        if any((name, device, interface, macs, install)):
            raise click.UsageError("--undo takes back all exports: leave the other options out.")
        take_back(sysroot, EXPORT_RECORD, as_json=as_json, dry_run=dry_run)
        return
    if name is None or device is None or interface is None or not macs:
        raise click.UsageError("an export needs --target, --device, --interface and --mac.")
    require_install(install=install, dry_run=dry_run)
    with reading_given():
        admitted = () if macs == ("any",) else macs_of(macs)
        target = Target.parse(name)
        made = Export(target, device, interface, admitted, read_only, Writes(writes), buffers).checked()
    files = export_files(sysroot, [made])
    if not install:
        show(files, as_json=as_json)
        return
    plan = planned(sysroot, EXPORT_RECORD, [made], files, lambda path: is_of(made, path))
    put_in_place(sysroot, plan, as_json=as_json, dry_run=dry_run)


@server.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@common_options
@click.option(
    "--output", metavar="DIR", type=click.Path(path_type=Path), help="Write all of it to a new folder."
)
@install_option
@click.option(
    "--dhcp", "kind", type=click.Choice(FORMATS), help="With --install: the DHCP server that is to be set up."
)
@undo_option
@dry_run_option
def fleet(
    file: Path | None,
    sysroot: Path,
    output: Path | None,
    install: bool,
    kind: str | None,
    undo: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Set up the exports, DHCP and iPXE of many clients that stand in one FILE.

    What two clients cannot both have, such as a MAC or a disk that one of them writes to, is refused with the
    line. Without --output or --install the file is only checked. docs/server.md tells what stands in it.

    --install replaces what an earlier run has put in place (its DHCP only with --dhcp), and keeps what was
    there before that in /var/lib/aoeinit/server-fleet.json.
    """
    from dataclasses import replace

    from aoeinit.server.text import File

    if undo:
        if file or output or install:
            raise click.UsageError("--undo takes back all of it: leave FILE and the other options out.")
        take_back(sysroot, FLEET_RECORD, as_json=as_json, dry_run=dry_run)
        return
    if file is None:
        raise click.UsageError("name the FILE, or --undo.")
    if output and install:
        raise click.UsageError("either --output or --install.")
    if kind and not install:
        raise click.UsageError("--dhcp belongs to --install.")
    require_install(install=install, dry_run=dry_run)
    found = fleet_of(file)
    files = export_files(sysroot, found.exports)
    if output:
        from aoeinit.cli.server_folder import write_all

        write_all(output, found, files)
        return
    if not install:
        told = f"{len(found.clients)} clients, {len(found.exports)} disks: nothing is wrong with {file}"
        click.echo(fleet_as_json(found) if as_json else told)
        return
    kept = kept_dhcp(sysroot) if kind is None else {}
    if kind:
        path, text = render(kind, found.lan, found.clients)
        files.append(File(path, text, f"tells {len(found.clients)} clients their targets"))
    plan = planned(sysroot, FLEET_RECORD, found.exports, files, lambda path: path not in kept)
    stays = (f"/{path} stays as it is: --dhcp {name} writes it anew" for path, name in kept.items())
    put_in_place(sysroot, replace(plan, warnings=(*plan.warnings, *stays)), as_json=as_json, dry_run=dry_run)


def require_install(*, install: bool, dry_run: bool) -> None:
    """Refuse a dry run of what changes nothing anyway."""
    if dry_run and not install:
        raise click.UsageError("--dry-run belongs to --install and --undo.")


def export_files(sysroot: Path, exports: "Iterable[Export]") -> "list[File]":
    """Write what runs vblade on the system."""
    from aoeinit.server.vblade import files, has_debians_unit

    return list(files(exports, debian=has_debians_unit(sysroot)))


def show(files: "Sequence[File]", *, as_json: bool) -> None:
    """Print files, each behind its name."""
    if as_json:
        click.echo(files_as_json(files))
        return
    parts = (
        f"# /{file.path} -> {file.text}\n" if file.is_link else f"# /{file.path}\n{file.text}"
        for file in files
    )
    click.echo("\n".join(parts), nl=False)


def fleet_as_json(fleet: "Fleet") -> str:
    """Give clients and exports as values for JSON."""
    import json
    from dataclasses import asdict

    def plain(value: "Client | Export") -> dict[str, object]:
        fields = {**asdict(value), "target": str(value.target)}
        if "address" in fields:
            fields["address"] = str(fields["address"]) if fields["address"] else None
        return fields

    told = {"clients": [*map(plain, fleet.clients)], "exports": [*map(plain, fleet.exports)]}
    return json.dumps(told, indent=2)


def files_as_json(files: "Iterable[File]") -> str:
    """Give files as values for JSON."""
    import json
    from dataclasses import asdict

    return json.dumps([{**asdict(file), "path": f"/{file.path}"} for file in files], indent=2)
