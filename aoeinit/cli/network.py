"""``aoeinit network``: keeps the link up under the root, whichever service looks after the network."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aoeinit.cli.changes import carry_out, common_options, dry_run_option, echo
from aoeinit.cli.given import reading_given

if TYPE_CHECKING:
    from aoeinit.install.network.interface import BootInterface


@click.command()
@common_options
@click.option(
    "--interface",
    metavar="NAME",
    help="The interface that reaches the target.  [default: the one that does, else the only one]",
)
@click.option("--mac", metavar="MAC", help="Its MAC.  [default: what this machine's interface has]")
@click.option("--undo", is_flag=True, help="Put back what was there before.")
@dry_run_option
def network(
    sysroot: Path, interface: str | None, mac: str | None, undo: bool, dry_run: bool, as_json: bool
) -> int:
    """Keep the interface under the root up, as the boot agent leaves it, until the end of a shutdown.

    Settles it with systemd's .link files, systemd-networkd, NetworkManager and ifupdown, as far as they are
    there; masks suspend; has udev make /dev/disk/by-uuid and the like for AoE targets. What would take the
    root away and cannot be settled, such as a bridge, is told by file and line.

    For another machine's system give --sysroot, --interface and --mac. What was there before is kept in
    /var/lib/aoeinit/network.json, so that --undo can restore it exactly. The exit code is 1 where the next
    boot would lose the root all the same.
    """
    from aoeinit.install.network.conflicts import Fatal
    from aoeinit.install.network.plan import plan_network, plan_undo

    if undo and (interface or mac):
        raise click.UsageError("--undo knows the interface: leave --interface and --mac out.")
    plan = plan_undo(sysroot) if undo else plan_network(sysroot, boot_interface(sysroot, interface, mac))
    for warning in plan.warnings:
        level = "error" if isinstance(warning, Fatal) else "warning"
        click.echo(f"aoeinit: {level}: {warning}", err=True)
    if not dry_run:
        carry_out(sysroot, plan, record_first=not undo)
    echo(plan, as_json=as_json, dry_run=dry_run, nothing="nothing to undo" if undo else "all is settled")
    return 1 if any(isinstance(each, Fatal) for each in plan.warnings) else 0


def boot_interface(sysroot: Path, name: str | None, mac: str | None) -> "BootInterface":
    """Find the interface that a system is reached through; raises :class:`ConfigError` where that is open."""
    from aoeinit.aoe.ethernet import parse_interface, parse_mac
    from aoeinit.errors import ConfigError
    from aoeinit.install.network.interface import BootInterface, require_card_name
    from aoeinit.install.network.links import recorded

    with reading_given():
        name = parse_interface(name) if name else None
        mac = parse_mac(mac) if mac else None
    runs_here = os.path.realpath(sysroot) == "/"
    if name and runs_here:
        require_card(name, Path("/sys"))
    if name and mac:
        require_card_name(name)
        return BootInterface.checked(name, mac)
    if runs_here:
        return running_interface(name, mac)
    found = recorded(sysroot)
    if found is None or name or mac:
        raise ConfigError(
            f"{sysroot} does not tell the interface it will be booted through",
            "give both --interface and --mac, as ip link shows them on the machine that will boot it",
        )
    return found


def require_card(name: str, sysfs: Path) -> None:
    """Raise :class:`ConfigError` for an interface of this machine that is none of an Ethernet card."""
    from aoeinit.errors import ConfigError
    from aoeinit.kernel.hardware import network_interfaces

    found = sysfs / "class/net" / name
    if not found.is_dir() or name in {each.name for each in network_interfaces(sysfs)}:
        return
    kind = re.search(r"^DEVTYPE=(\w+)$", (found / "uevent").read_text(errors="replace"), re.MULTILINE)
    what = f" but a {kind[1]}" if kind else ""
    below = ", ".join(sorted(each.name.removeprefix("lower_") for each in found.glob("lower_*")))
    way_out = f"name the card below it: {below}" if below else "name an Ethernet card, as ip link shows it"
    if what == " but a vlan":
        way_out += "; boot with rd.aoe.vlan= for the virtual LAN"
    raise ConfigError(f"{name} is no Ethernet card{what}", way_out)


def running_interface(name: str | None, mac: str | None) -> "BootInterface":
    """Find the interface of the running machine."""
    from aoeinit.boot.report import read_boot_report
    from aoeinit.errors import AoeinitError
    from aoeinit.install.network.interface import ETHERNET_MTU, BootInterface, choose
    from aoeinit.kernel.hardware import network_interfaces

    try:
        state = read_boot_report(Path("/")).state
    except AoeinitError:
        state = {}  # another initramfs has booted it
    # A virtual LAN has the MAC of the card it is on.
    serving = {state["mac"]} if "mac" in state else serving_interfaces(Path("/sys"))
    known = [(each.name, each.mac) for each in network_interfaces(Path("/sys"))]
    found = choose(known, name=name, mac=mac, serving=serving)
    mtu = state.get("mtu", "")
    return BootInterface.checked(*found, int(mtu) if mtu.isdecimal() else ETHERNET_MTU)


def serving_interfaces(sysfs: Path) -> set[str]:
    """Name the interfaces through which the driver sees targets now."""
    found = set()
    for file in sysfs.glob("block/etherd!*/netif"):
        found |= set(file.read_text(errors="replace").strip().split(","))
    return found - {"", "none"}
