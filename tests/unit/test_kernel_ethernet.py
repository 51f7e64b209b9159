from pathlib import Path

import pytest

from aoeinit.errors import KernelError
from aoeinit.kernel.ethernet import bus_modules, ethernet_modules, hardware_modules, require_aoe
from aoeinit.kernel.hardware import NetworkInterface
from aoeinit.kernel.index import Module
from tests.unit.kernel_samples import dep_lines, make_release

E1000 = "pci:v00008086d0000100Esv00001AF4sd00001100bc02sc00i00"
XHCI = "pci:v00001B36d0000000Dsv00001AF4sd00001100bc0Csc03i30"
USB = "usb:v0BDAp8153d3000dc00dsc00dp00icFFiscFFip00in00"
PHY = f"mdio:{0x001CC800:032b}"

ALIASES = (
    "alias pci:v00008086d0000100Esv*sd*bc*sc*i* e1000\n"
    "alias pci:v*d*sv*sd*bc0Csc03i30* xhci_pci\n"
    "alias usb:v0BDAp8153d*dc*dsc*dp*icFFiscFFip00in* r8152\n"
    "alias mdio:0000000000011100110010????????0? realtek\n"
    "alias pci:v000015B3d00001003sv* mlx4_core\n"
    "alias virtio:d00000001v* virtio_net\n"
)


def interface(*modaliases: str, device: str | None = None, driver: str | None = None) -> NetworkInterface:
    return NetworkInterface("eth0", "52:54:00:00:00:01", modaliases, device, driver)


def names(modules: tuple[Module, ...]) -> list[str]:
    return [module.name for module in modules]


def test_driver_bus_and_phy_are_those_of_the_target_kernel(tmp_path: Path) -> None:
    index = make_release(tmp_path, dep=dep_lines("r8152", "xhci-pci", "realtek", "e1000"), alias=ALIASES)
    found = hardware_modules(
        index, [interface(USB, XHCI, PHY, device=USB, driver="cdc_ether"), interface(E1000, device=E1000)]
    )
    assert names(found.modules) == ["r8152", "xhci_pci", "realtek", "e1000"]
    assert found.unserved == ()


def test_an_interface_without_driver_is_told_even_if_its_bus_has_one(tmp_path: Path) -> None:
    index = make_release(tmp_path, dep=dep_lines("xhci-pci"), alias=ALIASES)
    lonely = interface(USB, XHCI, device=USB, driver="r8152")
    found = hardware_modules(index, [lonely])
    assert names(found.modules) == ["xhci_pci"]
    assert found.unserved == (lonely,)


def test_a_device_without_alias_is_served_by_what_serves_its_bus(tmp_path: Path) -> None:
    index = make_release(tmp_path, dep=dep_lines("xhci-pci"), alias=ALIASES)
    assert hardware_modules(index, [interface(XHCI)]).unserved == ()
    assert len(hardware_modules(index, [interface()]).unserved) == 1


@pytest.mark.parametrize(
    ("builtin", "builtin_alias", "served"),
    [
        ("kernel/drivers/net/e1000.ko\n", f"e1000 {E1000}\n", True),
        ("kernel/drivers/net/e1000.ko\n", "", True),  # built-ins seldom list their aliases
        ("", "", False),
    ],
)
def test_a_builtin_driver_serves_an_interface(
    tmp_path: Path, builtin: str, builtin_alias: str, *, served: bool
) -> None:
    index = make_release(tmp_path, builtin=builtin, builtin_alias=builtin_alias)
    found = hardware_modules(index, [interface(E1000, device=E1000, driver="e1000")])
    assert found.modules == ()
    assert (found.unserved == ()) == served


def test_a_companion_makes_the_interface_of_another_driver(tmp_path: Path) -> None:
    index = make_release(tmp_path, dep=dep_lines("mlx4_core", "mlx4_en: mlx4_core"), alias=ALIASES)
    card = "pci:v000015B3d00001003sv00bc02"
    assert names(hardware_modules(index, [interface(card, device=card)]).modules) == ["mlx4_core", "mlx4_en"]


@pytest.mark.parametrize(
    ("driver", "buses"),
    [
        ("virtio_net", ["virtio_pci"]),
        ("r8152", ["xhci_pci", "ehci_pci"]),
        ("e1000", []),
        ("unknown", []),
    ],
)
def test_a_driver_brings_the_buses_it_is_useless_without(
    tmp_path: Path, driver: str, buses: list[str]
) -> None:
    dep = dep_lines("virtio_net", "virtio_pci", "r8152", "xhci-pci", "ehci-pci", "e1000")
    index = make_release(tmp_path, dep=dep, alias=ALIASES, builtin="kernel/virtio_mmio.ko\n")
    assert names(bus_modules(index, Module(driver, ""))) == buses


def test_all_ethernet_is_drivers_phys_and_buses_and_nothing_else(tmp_path: Path) -> None:
    drivers = ["ethernet/intel/e1000/e1000", "usb/r8152", "virtio_net", "xen-netfront", "vmxnet3/vmxnet3"]
    phys = ["phy/realtek", "pcs/pcs_xpcs", "mdio/mdio-i2c"]
    others = ["wireless/ath/ath9k", "can/vcan", "usb/qmi_wwan", "usb/cdc-phonet", "ppp/ppp_generic", "veth"]
    index = make_release(
        tmp_path,
        dep="".join(f"kernel/drivers/net/{path}.ko:\n" for path in [*drivers, *phys, *others])
        + "kernel/drivers/virtio/virtio_pci.ko.xz:\nkernel/drivers/usb/host/xhci-pci.ko.xz:\n"
        + "kernel/drivers/usb/host/sl811-hcd.ko.xz:\n",
        alias=ALIASES,
    )
    assert set(names(ethernet_modules(index))) == {
        *("e1000", "r8152", "virtio_net", "xen_netfront", "vmxnet3"),
        *("realtek", "pcs_xpcs", "mdio_i2c", "virtio_pci", "xhci_pci"),
    }


@pytest.mark.parametrize("indexes", [{"dep": dep_lines("aoe")}, {"builtin": "kernel/block/aoe/aoe.ko\n"}])
def test_a_kernel_may_have_aoe_as_a_module_or_built_in(tmp_path: Path, indexes: dict[str, str]) -> None:
    require_aoe(make_release(tmp_path, **indexes))


def test_a_kernel_without_aoe_is_refused(tmp_path: Path) -> None:
    index = make_release(tmp_path, dep=dep_lines("e1000"))
    with pytest.raises(KernelError, match=r"kernel 6.1.0-test has no aoe driver") as caught:
        require_aoe(index)
    assert "CONFIG_ATA_OVER_ETH" in (caught.value.hint or "")
