"""The machine's network interfaces and what they ask for, from sysfs.

Sources: Documentation/ABI/testing/sysfs-class-net and sysfs-bus-mdio of Linux.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aoeinit.errors import KernelError
from aoeinit.kernel.content import locate
from aoeinit.kernel.names import module_name

ARPHRD_ETHER: Final = "1"
"""An interface's ``type`` when it carries Ethernet (include/uapi/linux/if_arp.h); CAN, InfiniBand, raw IP
over a modem and others differ, and AoE cannot run on them."""

PCI_BRIDGE: Final = "bc06sc04i"
"""In the modalias of every PCI bridge. Their driver is part of the kernel; what an alias finds for them is
hot-plugging only."""


@dataclass(frozen=True, slots=True)
class NetworkInterface:
    """A real Ethernet interface; ``mac`` is in lower case.

    ``modaliases`` are those of its device, of the devices on whose buses that one is, and of its PHYs;
    ``device`` is the first alone, ``None`` for a device without. ``driver`` names the module that runs the
    device now, under the running kernel, or its driver where that tells of no module.
    """

    name: str
    mac: str
    modaliases: tuple[str, ...]
    device: str | None
    driver: str | None


def network_interfaces(sysfs: Path) -> tuple[NetworkInterface, ...]:
    """List the Ethernet interfaces that have a device, sorted by name; ``sysfs`` is ``/sys`` or a copy.

    Bridges, bonds, ``lo`` and the like have none; wireless interfaces are left out. Raises
    :class:`KernelError` where there is no sysfs.
    """
    folder = sysfs / "class/net"
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise KernelError(
            f"cannot list the network interfaces in {folder}: {error.strerror}",
            "name the folder where sysfs is mounted, or a copy of it that has class/net and devices",
        ) from error
    return tuple(filter(None, (_interface(sysfs, name) for name in names)))


def _interface(sysfs: Path, name: str) -> NetworkInterface | None:
    interface = locate(sysfs, f"class/net/{name}")
    device = locate(sysfs, f"class/net/{name}/device")
    if interface is None or device is None or not _is_wired_ethernet(interface.file):
        return None
    own, *above = _modaliases_upwards(sysfs, device.path)
    found = [own, *(modalias for modalias in above if PCI_BRIDGE not in modalias)]
    found += [_phy_modalias(identity) for identity in _phy_identities(sysfs, interface.path, device.file)]
    return NetworkInterface(
        name=name,
        mac=_attribute(interface.file / "address").lower(),
        modaliases=tuple(dict.fromkeys(filter(None, found))),
        device=own or None,
        driver=_driver(sysfs, device.path),
    )


def _is_wired_ethernet(interface: Path) -> bool:
    wireless = any((interface / mark).exists() for mark in ("phy80211", "wireless"))
    return not wireless and _attribute(interface / "type") == ARPHRD_ETHER


def _modaliases_upwards(sysfs: Path, device: str) -> Iterator[str]:
    """Give the modalias of a device and of all above it, empty for one without."""
    while device not in {"", "devices"}:
        yield _attribute(sysfs / device / "modalias")
        device = os.path.dirname(device)


def _driver(sysfs: Path, device: str) -> str | None:
    found = locate(sysfs, f"{device}/driver/module") or locate(sysfs, f"{device}/driver")
    return None if found is None else module_name(found.path)


def _phy_identities(sysfs: Path, interface: str, device: Path) -> Iterator[int]:
    """Give the identity of the PHY that the interface uses, and of those on its device's own MDIO bus.

    Many drivers attach the PHY, and make the link, only when the interface goes up.
    """
    attached = locate(sysfs, f"{interface}/phydev")
    phys = [attached.file] if attached else []
    for phy in [*phys, *sorted(device.glob("mdio_bus/*/*"))]:
        try:
            identity = int(_attribute(phy / "phy_id"), 16)
        except ValueError:
            continue
        # All zeros: a PHY that tells its identity in another way (clause 45).
        if 0 < identity < 1 << 32:
            yield identity


def _phy_modalias(identity: int) -> str:
    """Write a PHY's identity, registers 2 and 3, in binary (MDIO_ID_FMT, include/linux/mod_devicetable.h)."""
    return f"mdio:{identity:032b}"


def _attribute(path: Path) -> str:
    # An attribute that is not there, or that the driver will not tell now, is as good as empty.
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
