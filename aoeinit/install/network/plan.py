"""The plan that keeps the interface under the root as the agent leaves it, whichever service has it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aoeinit.errors import ConfigError
from aoeinit.install import record
from aoeinit.install.network import ifcfg, ifupdown, links, netplan, network_manager, networkd, sleep, udev
from aoeinit.install.network.interface import BootInterface
from aoeinit.install.record import ChangePlan, plan_changes
from aoeinit.install.state import Change, State, look, undone

RECORD: Final = "var/lib/aoeinit/network.json"
"""Where it is kept what was there before, so that it can be put back."""

STARTS: Final = ("multi-user.target.wants", "network.target.wants", "network-online.target.wants")
UNKNOWN: Final = ("connman", "dhcpcd", "wicked", "network")
"""Services that are not known to leave an interface up when they end."""


def plan_network(sysroot: Path, boot: BootInterface) -> ChangePlan:
    """Plan what keeps the interface ``boot`` up, named and addressed as it is, from the agent to the end.

    Files are added, not changed, where the services let that be; what would cost the root and is left as it
    is, is told in the warnings, by file and line. Raises :class:`ConfigError` for a system in which nothing
    is known.
    """
    wanted = {change.path: change for change in _wanted(sysroot, boot)}
    if not wanted:
        raise ConfigError(
            f"{sysroot} has neither udev nor a network service that is known here",
            "name the root folder of the installed system with --sysroot",
        )
    for change in _obsolete(sysroot, boot, wanted):
        wanted.setdefault(change.path, change)
    return plan_changes(sysroot, RECORD, wanted.values(), _conflicts(sysroot, boot))


def plan_undo(sysroot: Path) -> ChangePlan:
    """Plan to put back what was there before; what somebody has changed since stays, but for our lines."""
    return record.plan_undo(sysroot, RECORD, _restored)


def _wanted(sysroot: Path, boot: BootInterface) -> Iterator[Change]:
    if udev.is_used(sysroot):
        yield from links.changes(sysroot, boot)
        yield from udev.changes(sysroot)
    yield from networkd.changes(sysroot, boot)
    yield from network_manager.changes(sysroot, boot)
    yield from ifupdown.changes(sysroot, boot)
    yield from sleep.changes(sysroot)


def _conflicts(sysroot: Path, boot: BootInterface) -> Iterator[str]:
    for service in (links, udev, networkd, network_manager, ifupdown, ifcfg, netplan):
        yield from service.conflicts(sysroot, boot)
    for name in UNKNOWN:
        units = [f"etc/systemd/system/{folder}/{name}.service" for folder in STARTS]
        if any(look(sysroot, unit) for unit in units):
            yield (
                f"{name}.service is enabled, and not known here; see that it leaves {boot.name} up "
                "when it ends, or disable it"
            )


def _obsolete(sysroot: Path, boot: BootInterface, wanted: dict[str, Change]) -> Iterator[Change]:
    """Undo what an earlier run did for another interface and this one has no need of."""
    for path, change in record.read_record(sysroot, RECORD).changes.items():
        current = look(sysroot, path)
        target = _restored(change, current)
        if path not in wanted and not isinstance(target, Change):
            yield Change(path, current, target, f"was not for {boot.name}")


def _restored(change: Change, current: State) -> State | Change:
    target = undone(change, current)
    # Of our files, only that of ifupdown has lines of others in it.
    return ifupdown.without(change, current) if isinstance(target, Change) and change.before else target
