"""The network services: what would take the interface from under the root."""

from collections.abc import Iterator
from dataclasses import replace

from aoeinit.doctor.findings import Finding, graded, warning
from aoeinit.doctor.system import System, number_of
from aoeinit.errors import ConfigError
from aoeinit.install.network import udev
from aoeinit.install.network.conflicts import Fatal
from aoeinit.install.network.interface import BootInterface
from aoeinit.install.network.plan import plan_network


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
    for change in plan.changes:
        state = "is not there" if change.before is None else "is not as it should be"
        yield warning(f"/{change.path} {state}: it {change.why}", fix)
    for told in plan.warnings:
        yield graded(told, "as it says", fatal=isinstance(told, Fatal))


def _with_mtu(system: System, boot: BootInterface) -> BootInterface:
    """Take the MTU that the next boot asks for."""
    entry = system.next_entry
    value = number_of(entry.value("rd.aoe.mtu") if entry else None)
    return boot if value is None else replace(boot, mtu=value)
