"""The network services: what would take the interface from under the root."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from aoeinit.doctor.findings import Finding, advised, warning
from aoeinit.doctor.system import System, number_of
from aoeinit.errors import ConfigError
from aoeinit.install.network import udev
from aoeinit.install.network.conflicts import Fatal
from aoeinit.install.network.interface import BootInterface
from aoeinit.install.network.plan import plan_network
from aoeinit.install.state import Change

SHOWN: Final = 3


def examine(system: System) -> Iterator[Finding]:
    """Ask what ``aoeinit network`` would change, and what it would tell."""
    if system.interface is None:
        if udev.is_used(system.sysroot):
            yield warning(
                "aoeinit network was never run here: nothing keeps the link up under the root",
                f"{system.command('network')} --interface NAME --mac MAC",
            )
        return
    boot = _with_mtu(system, system.interface)
    fix = system.command("network")
    if system.running is None:
        fix += f" --interface {boot.name} --mac {boot.mac}"
    try:
        plan = plan_network(system.sysroot, boot)
    except ConfigError:
        return  # there is nothing that could touch the interface
    yield from _changed(plan.changes, fix)
    for told in plan.warnings:
        yield advised(told, fatal=isinstance(told, Fatal))


def _changed(changes: tuple[Change, ...], fix: str) -> Iterator[Finding]:
    """Tell of the files that would change: of one what it is for, of more only which they are."""
    if len(changes) > 1:
        names = ", ".join(f"/{change.path}" for change in changes[:SHOWN])
        more = f" and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
        yield warning(
            f"aoeinit network was not run, or others have undone it: {names}{more} are missing or differ",
            f"{fix}; with --dry-run it tells them all, and what each is for",
        )
        return
    for change in changes:
        state = "is not there" if change.before is None else "is not as it should be"
        yield warning(f"/{change.path} {state}: it {change.why}", fix)


def _with_mtu(system: System, boot: BootInterface) -> BootInterface:
    """Take the MTU that the next boot asks for."""
    entry = system.next_entry
    value = number_of(entry.value("rd.aoe.mtu") if entry else None)
    return boot if value is None else replace(boot, mtu=value)
