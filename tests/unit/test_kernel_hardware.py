from pathlib import Path

import pytest

from aoeinit.errors import KernelError
from aoeinit.kernel.hardware import NetworkInterface, network_interfaces

BRIDGE = "pci:v00008086d00007AB8sv00001028sd00000B2Cbc06sc04i00"
E1000 = "pci:v00008086d0000100Esv00001AF4sd00001100bc02sc00i00"
XHCI = "pci:v00001B36d0000000Dsv00001AF4sd00001100bc0Csc03i30"
USB = "usb:v0BDAp8153d3000dc00dsc00dp00icFFiscFFip00in00"
REALTEK_PHY = f"mdio:{0x001CC800:032b}"


class Sysfs:
    """A made-up /sys, which is written as the kernel lays it out."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "class/net").mkdir(parents=True)

    def attribute(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")

    def link(self, path: str, target: str) -> None:
        """Link to a path from the root of sysfs, relatively, as sysfs does."""
        up = "../" * path.count("/")
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).symlink_to(up + target)

    def interface(self, device: str, name: str, *, link_type: str = "1", virtual: bool = False) -> str:
        path = f"{device}/net/{name}"
        self.attribute(f"{path}/address", "52:54:00:AB:CD:EF")
        self.attribute(f"{path}/type", link_type)
        if not virtual:
            self.link(f"{path}/device", device)
        self.link(f"class/net/{name}", path)
        return path

    def the_one(self) -> NetworkInterface:
        (interface,) = network_interfaces(self.root)
        return interface


def test_a_pci_card_asks_for_its_driver(tmp_path: Path) -> None:
    sysfs = Sysfs(tmp_path)
    device = "devices/pci0000:00/0000:00:1c.0/0000:02:00.0"
    sysfs.attribute("devices/pci0000:00/0000:00:1c.0/modalias", BRIDGE)
    sysfs.attribute(f"{device}/modalias", E1000)
    sysfs.link(f"{device}/driver", "bus/pci/drivers/e1000")
    sysfs.link("bus/pci/drivers/e1000/module", "module/e1000")
    (tmp_path / "module/e1000").mkdir(parents=True)
    sysfs.interface(device, "eth0")
    assert sysfs.the_one() == NetworkInterface("eth0", "52:54:00:ab:cd:ef", (E1000,), E1000, "e1000")


def test_an_adapter_asks_for_the_buses_above_it_as_well(tmp_path: Path) -> None:
    sysfs = Sysfs(tmp_path)
    controller = "devices/pci0000:00/0000:00:14.0"
    device = f"{controller}/usb1/1-2/1-2:1.0"
    sysfs.attribute(f"{controller}/modalias", XHCI)
    sysfs.attribute(f"{device}/modalias", USB)
    sysfs.interface(device, "enx0")
    assert sysfs.the_one().modaliases == (USB, XHCI)
    assert sysfs.the_one().device == USB


def test_a_device_without_alias_has_those_of_its_bus_only(tmp_path: Path) -> None:
    sysfs = Sysfs(tmp_path)
    sysfs.attribute("devices/platform/soc/modalias", "of:NsocT(null)Cvendor,soc")
    sysfs.interface("devices/platform/soc/port0", "lan0")
    assert sysfs.the_one().modaliases == ("of:NsocT(null)Cvendor,soc",)
    assert sysfs.the_one().device is None


def test_the_phy_in_use_asks_for_its_driver(tmp_path: Path) -> None:
    sysfs = Sysfs(tmp_path)
    device = "devices/pci0000:00/0000:02:00.0"
    phy = "devices/platform/Fixed MDIO bus.0/mdio_bus/fixed-0/fixed-0:00"
    sysfs.attribute(f"{device}/modalias", E1000)
    sysfs.attribute(f"{phy}/phy_id", "0x001cc800")
    interface = sysfs.interface(device, "eth0")
    sysfs.link(f"{interface}/phydev", phy)
    assert sysfs.the_one().modaliases == (E1000, REALTEK_PHY)
    assert REALTEK_PHY == "mdio:00000000000111001100100000000000"


def test_a_phy_that_is_not_attached_yet_asks_too_and_once(tmp_path: Path) -> None:
    sysfs = Sysfs(tmp_path)
    device = "devices/pci0000:00/0000:02:00.0"
    for number, identity in enumerate(["0x001cc800", "0x001cc800", "0x00000000", "nonsense"]):
        sysfs.attribute(f"{device}/mdio_bus/r8169-0-200/r8169-0-200:0{number}/phy_id", identity)
    sysfs.interface(device, "eth0")
    assert sysfs.the_one().modaliases == (REALTEK_PHY,)


def test_interfaces_that_aoe_cannot_use_are_left_out(tmp_path: Path) -> None:
    sysfs = Sysfs(tmp_path)
    for name in ("lo", "br0", "ifb0"):
        sysfs.interface("devices/virtual", name, virtual=True)
    sysfs.attribute("class/net/bonding_masters", "bond0")
    sysfs.attribute(sysfs.interface("devices/a", "wlan0") + "/phy80211/name", "phy0")
    sysfs.attribute(sysfs.interface("devices/b", "wlan1") + "/wireless/status", "0")
    sysfs.interface("devices/c", "can0", link_type="280")
    sysfs.interface("devices/d", "ib0", link_type="32")
    sysfs.interface("devices/e", "eth1")
    sysfs.interface("devices/f", "eth0")
    assert [interface.name for interface in network_interfaces(tmp_path)] == ["eth0", "eth1"]


def test_links_do_not_lead_out_of_the_given_sysfs(tmp_path: Path) -> None:
    sysfs = Sysfs(tmp_path / "sys")
    (tmp_path / "sys/class/net/eth0").symlink_to("../../../../outside/eth0")
    outside = tmp_path / "outside/eth0"
    (outside / "device").mkdir(parents=True)
    (outside / "type").write_text("1\n")
    assert network_interfaces(sysfs.root) == ()


def test_a_folder_that_is_no_sysfs_is_told(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match="class/net") as caught:
        network_interfaces(tmp_path)
    assert "sysfs" in str(caught.value.hint)
