"""The running machine: what the driver says, and who answers for the target."""

from collections.abc import Iterator
from typing import Final

from aoeinit.aoe.discovery import Found
from aoeinit.boot.contract import DEAD_SECONDS
from aoeinit.doctor.findings import Finding, error, graded, warning
from aoeinit.doctor.system import Running, System, number_of

DEAD: Final = "/sys/module/aoe/parameters/aoe_deadsecs"


def examine(system: System) -> Iterator[Finding]:
    """Look at the driver, at the last boot, and at the servers."""
    if system.running is None:
        return
    if system.running.local_root is None:
        yield from _driver(system.running)
    yield from _last_boot(system, system.running)
    yield from _servers(system, system.running)


def _driver(running: Running) -> Iterator[Finding]:
    seconds = running.driver.dead_seconds if running.driver else None
    if seconds is not None and seconds != DEAD_SECONDS:
        yield warning(
            f"the driver gives up when a server is away for {seconds} s, and the root is lost",
            f"echo {DEAD_SECONDS} >{DEAD}; an image of aoeinit does so at each boot",
        )


def _last_boot(system: System, running: Running) -> Iterator[Finding]:
    if running.report is None:
        return
    state, driver = running.report.state, running.report.driver
    if running.report.pin and not running.report.pin.startswith("kept"):
        yield warning(f"other servers are not kept out: {running.report.pin}", "install the package nftables")
    began, now = number_of(state.get("mtu")), driver.mtu
    if now is not None and began is not None and now != began:
        yield warning(
            f"the MTU of {driver.interfaces[0]} is {now}, and was {began} when the root was mounted",
            f"ip link set {driver.interfaces[0]} mtu {began}; then look what has changed it",
        )
    entry = system.next_entry
    asked = number_of(entry.value("rd.aoe.mtu") if entry else None)
    if asked is not None and began is not None and began < asked and "rd.aoe.mtu" in _names(running):
        yield warning(
            f"rd.aoe.mtu={asked}, but the last boot went on with {began}: something loses large frames",
            "let switch and server take large frames, or take rd.aoe.mtu= out",
        )


def _names(running: Running) -> set[str]:
    return {each.partition("=")[0] for each in running.report.parameters} if running.report else set()


def _servers(system: System, running: Running) -> Iterator[Finding]:
    """Compare who answers with who may, and with who did."""
    if running.answers is None or system.target is None:
        return
    found = next((each for each in running.answers.targets if each.target == system.target), None)
    if found is None:
        yield error(
            f"{system.target} does not answer",
            "see that its server is on, and admits this machine's MAC; aoeinit discover shows who answers",
        )
        return
    yield from _of_target(system, running, found)


def _of_target(system: System, running: Running, found: Found) -> Iterator[Finding]:
    entry = system.next_entry
    pinned = (entry.value("rd.aoe.server") if entry else None) or ""
    named = {each.lower().replace("-", ":") for each in pinned.split(",")} - {""}
    strangers = [each for each in found.servers if named and each not in named]
    sizes = {path.identity.sectors for path in found.paths if path.identity}
    if strangers:
        yield error(
            f"{found.target} is answered for by {' and '.join(strangers)}, whom rd.aoe.server={pinned} does "
            "not name",
            "switch that server off, or name it if it is right",
        )
    elif len(found.servers) > 1 and not named:
        yield graded(
            f"{' and '.join(found.servers)} answer for {found.target}"
            + (" with disks of different sizes" if len(sizes) > 1 else ""),
            f"rd.aoe.server={','.join(found.servers)} if they have one disk, else give one another slot",
            fatal=len(sizes) > 1,
        )
    state = running.report.state if running.report else {}
    before = set(filter(None, state.get("paths", state.get("server", "")).split(",")))
    if before and state.get("target") == str(found.target) and not before & set(found.servers):
        yield warning(
            f"{found.target} is served by {' and '.join(found.servers)} now; at the last boot it was "
            f"{' and '.join(sorted(before))}",
            "see that this is the right disk: aoeinit discover",
        )
