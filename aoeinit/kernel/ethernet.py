"""Which modules serve Ethernet and AoE: those of this machine, of one driver, or of every machine."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from aoeinit.errors import KernelError
from aoeinit.kernel.hardware import NetworkInterface
from aoeinit.kernel.index import Module, ModuleIndex

BUSES: Final = {
    "pcmcia": ("yenta_socket",),
    "usb": ("xhci_pci", "xhci_pci_renesas", "ehci_pci", "ohci_pci", "uhci_hcd"),
    "virtio": ("virtio_pci", "virtio_mmio", "virtio_ccw"),
}
"""For the bus in a driver's aliases, the modules that make such a bus out of what the machine has. No symbol
links a driver to them, so that they are no dependencies. The drivers of Hyper-V's vmbus, of ssb and of bcma
use symbols of theirs; Xen's bus is built in."""

COMPANIONS: Final = {"mlx4_core": "mlx4_en"}
"""Drivers whose network interfaces are made by another module, for which no device in sysfs asks: the driver
requests it itself, by name or through an auxiliary device that exists only while the driver runs."""

ETHERNET_FOLDERS: Final = tuple(
    f"kernel/drivers/{folder}/"
    for folder in (
        *("net/ethernet", "net/fjes", "net/hyperv", "net/usb", "net/vmxnet3", "s390/net"),
        *("net/mdio", "net/pcs", "net/phy"),
    )
)

ETHERNET_DRIVERS: Final = frozenset({"virtio_net", "xen_netfront"})
"""Ethernet drivers that stand beside all other kinds of network drivers."""

MODEMS: Final = frozenset(
    {
        *("cdc_mbim", "cdc_phonet", "hso", "huawei_cdc_ncm", "ipheth", "kalmia"),
        *("lg_vl600", "qmi_wwan", "sierra_net"),
    }
)
"""Drivers for mobile modems and telephones among those of USB Ethernet adapters."""


@dataclass(frozen=True, slots=True)
class HardwareModules:
    """The modules that interfaces need, and the interfaces for which the kernel has no driver."""

    modules: tuple[Module, ...]
    unserved: tuple[NetworkInterface, ...]


def hardware_modules(index: ModuleIndex, interfaces: Iterable[NetworkInterface]) -> HardwareModules:
    """Find the modules of interfaces, of the buses above them and of their PHYs in this kernel's aliases.

    The indexes hold few aliases of built-in drivers, so that a driver which runs the interface now and is
    built into this kernel serves it too.
    """
    modules: dict[Module, None] = {}
    unserved: list[NetworkInterface] = []
    for interface in interfaces:
        modules.update(dict.fromkeys(_modules(index, interface.modaliases)))
        if not _is_served(index, interface):
            unserved.append(interface)
    for module in tuple(modules):
        modules.update(dict.fromkeys(_companions(index, module)))
    return HardwareModules(tuple(modules), tuple(unserved))


def driver_modules(index: ModuleIndex, driver: Module) -> tuple[Module, ...]:
    """List what a driver that was named by hand is useless without: buses, itself, and its companion."""
    return (*bus_modules(index, driver), driver, *_companions(index, driver))


def is_network_driver(module: Module) -> bool:
    """Tell whether a module can be a network driver; one that is no part of the kernel may be anything."""
    return "/net/" in module.path or not module.path.startswith("kernel/")


def bus_modules(index: ModuleIndex, module: Module) -> tuple[Module, ...]:
    """List the modules without which a driver's devices cannot appear; nothing for what is built in."""
    schemes = {pattern.partition(":")[0] for pattern in index.alias_patterns.get(module.name, ())}
    names = [name for bus, names in BUSES.items() if bus in schemes for name in names]
    return tuple(filter(None, map(index.module, names)))


def ethernet_modules(index: ModuleIndex) -> tuple[Module, ...]:
    """List every Ethernet driver of the kernel, every PHY driver and the buses of all of these.

    Drivers that are no part of the kernel itself (``extra``, ``updates``) tell nowhere of what kind they are:
    these have to be asked for by name.
    """
    drivers = [module for module in index.modules.values() if is_ethernet_driver(module)]
    buses = [bus for driver in drivers for bus in bus_modules(index, driver)]
    return tuple(dict.fromkeys([*drivers, *buses]))


def _companions(index: ModuleIndex, module: Module) -> tuple[Module, ...]:
    name = COMPANIONS.get(module.name)
    return () if name is None else tuple(_modules(index, [name]))


def require_aoe(index: ModuleIndex) -> None:
    """Refuse a kernel that has ``aoe`` neither as a module nor built in with a :class:`KernelError`."""
    if index.module("aoe") is None and "aoe" not in index.builtins:
        raise KernelError(
            f"kernel {index.release} has no aoe driver",
            "use one built with CONFIG_ATA_OVER_ETH: those of Debian and Fedora are, those of RHEL are not",
        )


def _modules(index: ModuleIndex, names: Iterable[str]) -> Iterator[Module]:
    return (found for name in names for found in index.resolve(name) if isinstance(found, Module))


def _is_served(index: ModuleIndex, interface: NetworkInterface) -> bool:
    # What is found for a bus says nothing about the interface, unless the device has no alias of its own.
    asked = (interface.device,) if interface.device else interface.modaliases
    return interface.driver in index.builtins or any(map(index.resolve, asked))


def is_ethernet_driver(module: Module) -> bool:
    """Tell whether a module is an Ethernet driver of the kernel, or one of PHYs, by its path."""
    in_folder = module.path.startswith(ETHERNET_FOLDERS) and module.name not in MODEMS
    return in_folder or module.name in ETHERNET_DRIVERS
