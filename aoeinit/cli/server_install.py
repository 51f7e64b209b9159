"""Putting in place what ``aoeinit server`` makes, taking it back, and what is to be run then."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aoeinit.cli.changes import carry_out, echo, warn
from aoeinit.cli.server_boot import paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from aoeinit.install.record import ChangePlan
    from aoeinit.install.state import Change
    from aoeinit.server.exports import Export
    from aoeinit.server.text import File

EXPORT_RECORD = "var/lib/aoeinit/server-export.json"
FLEET_RECORD = "var/lib/aoeinit/server-fleet.json"
RECORDS = {"export": EXPORT_RECORD, "fleet": FLEET_RECORD}
"""What each command keeps, by its name."""
SERVICES = {
    "dnsmasq": "dnsmasq.service",
    "dhcpd": "isc-dhcp-server.service",
    "kea": "kea-dhcp4-server.service",
    "networkd": "systemd-networkd.service",
}
"""What reads the settings, by its name on Debian."""
INCLUDES = {
    "dhcpd": ("/etc/dhcp/dhcpd.conf", 'include "/{path}";'),
    "kea": ("/etc/kea/kea-dhcp4.conf", '<?include "/{path}"?> as all of its text'),
}
"""What has to be in a file of the admin's, so that the settings are read at all."""


def planned(
    sysroot: Path,
    record_path: str,
    exports: "Iterable[Export]",
    files: "Sequence[File]",
    is_obsolete: "Callable[[str], bool]",
) -> "ChangePlan":
    """Plan to put files in place; raises :class:`ConfigError` for what another file exports already."""
    from aoeinit.install.files import plan_files, wanted_file
    from aoeinit.server.existing import existing, refuse_twice, refuse_two_names

    refuse_shared(sysroot, record_path, files)
    refuse_two_names(sysroot, exports)
    wanted = [wanted_file(sysroot, file.path, file.text, file.why, is_link=file.is_link) for file in files]
    refuse_foreign(sysroot, record_path, wanted)
    plan = plan_files(sysroot, record_path, wanted, is_obsolete)
    ours = {*(file.path for file in files), *(change.path for change in plan.changes)}
    refuse_twice(sysroot, exports, existing(sysroot), ours)
    return plan


def refuse_shared(sysroot: Path, record_path: str, files: "Iterable[File]") -> None:
    """Raise :class:`ConfigError` for what the other command has put in place: its undo would take it."""
    from aoeinit.errors import ConfigError
    from aoeinit.install.record import read_record

    for command, other in RECORDS.items():
        taken = read_record(sysroot, other).changes if other != record_path else {}
        for file in files:
            if file.path in taken and taken[file.path].after:
                raise ConfigError(
                    f"/{file.path} was put in place by aoeinit server {command} already",
                    f"run aoeinit server {command} --undo first",
                )


def refuse_foreign(sysroot: Path, record_path: str, wanted: "Iterable[Change]") -> None:
    """Raise :class:`ConfigError` for what is neither in the record nor written by aoeinit."""
    from aoeinit.errors import ConfigError
    from aoeinit.install.record import read_record
    from aoeinit.server.text import HEADER

    record = read_record(sysroot, record_path).changes
    for change in wanted:
        found = change.before
        if found is None or found == change.after or (change.path in record and record[change.path].after):
            continue
        if found.is_link or not found.content.startswith(HEADER.encode()):
            raise ConfigError(
                f"/{change.path} is there already, and aoeinit has not written it",
                "move it away if it is no longer needed, or else choose another target",
            )


def kept_dhcp(sysroot: Path) -> dict[str, str]:
    """Give the DHCP settings that an earlier run of the fleet has put in place, with their servers."""
    from aoeinit.install.record import read_record

    record = read_record(sysroot, FLEET_RECORD).changes
    return {path: name for name, path in paths().items() if path in record and record[path].after}


def put_in_place(sysroot: Path, plan: "ChangePlan", *, as_json: bool, dry_run: bool) -> None:
    """Carry out a plan, and say which command makes systemd do what has changed."""
    warn(plan)
    if not dry_run:
        carry_out(sysroot, plan, record_first=True)
    echo(plan, as_json=as_json, dry_run=dry_run, nothing="all is in place")
    if not as_json and not dry_run:
        tell_next(sysroot, plan)


def take_back(sysroot: Path, record_path: str, *, as_json: bool, dry_run: bool) -> None:
    """Put back what was there before."""
    from aoeinit.install.record import plan_undo

    plan = plan_undo(sysroot, record_path)
    warn(plan)
    if not dry_run:
        carry_out(sysroot, plan, record_first=False)
    echo(plan, as_json=as_json, dry_run=dry_run, nothing="nothing to undo")
    if not as_json and not dry_run:
        tell_next(sysroot, plan)


def tell_next(sysroot: Path, plan: "ChangePlan") -> None:
    """Say which commands make the services read what has changed."""
    from aoeinit.server.vblade import has_debians_unit, restart

    changed = {change.path for change in plan.changes}
    removed = {change.path for change in plan.changes if change.after is None}
    services = {path: name for name, path in paths().items() if path in changed}
    run = "now run" if sysroot.resolve() == Path("/") else "on that system run"
    if changed - services.keys():
        click.echo(f"{run}: {restart(removed, debian=has_debians_unit(sysroot))}")
    for path, name in services.items():
        if name in INCLUDES:
            reader, line = INCLUDES[name]
            words = line.format(path=path)
            told = f"must no longer have {words}" if path in removed else f"needs {words}"
            click.echo(f"{reader} {told}")
        click.echo(f"{run}: systemctl restart {SERVICES[name]}")
