"""Interfaces: which are candidates, when they have a link, and which are set down."""

import pytest

from tests.agent.machine import Machine, mac_of
from tests.agent.test_names import names

CANDIDATES = 'for folder in /sys/class/net/*; do is_candidate "$folder" && echo "$folder"; done'


def test_only_ethernet_hardware_is_a_candidate(machine: Machine) -> None:
    for index, name in enumerate(("eth0", "wlan0", "ib0", "br0"), 2):
        machine.plug_in(name, index)
    (machine.root / "sys/class/net/wlan0/phy80211").mkdir()
    machine.put("sys/class/net/ib0/type", "32\n")
    (machine.root / "sys/class/net/br0/device").rmdir()
    assert machine.run(CANDIDATES).output == "/sys/class/net/eth0\n"


@pytest.mark.parametrize(
    "asked",
    ["eth1", "lan", "52:54:00:00:00:0b", "52:54:00:00:00:0B", "52-54-00-00-00-0b", "52-54-00-00-00-0B"],
)
def test_an_interface_is_asked_for_by_name_or_mac(machine: Machine, asked: str) -> None:
    machine.plug_in("eth0", 10)
    machine.plug_in("eth1", 11)
    machine.put("etc/aoeinit/interfaces", f"{mac_of(11)} lan\n")
    assert machine.run(f"rd_aoe_nic={asked}; {CANDIDATES}").output == "/sys/class/net/eth1\n"


@pytest.mark.parametrize("asked", ["eth", "eth?", "*", "eth0 eth1", "", "52:54:00:00:00"])
def test_other_names_match_no_interface(machine: Machine, asked: str) -> None:
    machine.plug_in("eth0", 10)
    script = f"rd_aoe_nic='{asked}'; is_candidate /sys/class/net/eth0 && echo candidate"
    assert machine.run(script).output == ("" if asked else "candidate\n")


@pytest.mark.parametrize("asked", ["eth0", mac_of(2), f"eth7,{mac_of(2)}"])
def test_an_interface_that_comes_back_is_the_one_asked_for(machine: Machine, asked: str) -> None:
    """A card on USB that restarts has another index."""
    machine.plug_in("eth0", 2)
    machine.plug_in("eth1", 3)
    again = (
        "mkdir -p /sys/class/net/eth0; cp -r /sys/class/net/eth1/* /sys/class/net/eth0\n"
        f"echo {mac_of(2)} >/sys/class/net/eth0/address; echo 9 >/sys/class/net/eth0/ifindex\n"
    )
    outcome = machine.run(
        f"rd_aoe_nic={asked}; adopt_interfaces; rm -r /sys/class/net/aoe0\n{again}"
        'adopt_interfaces; adopt_interfaces; echo "$interfaces"'
    )
    assert outcome.output == "2 9\n"
    assert names(machine) == {"aoe0": "9", "eth1": "3"}


def test_an_interface_that_does_not_come_up_is_a_problem(machine: Machine) -> None:
    machine.plug_in("eth0", 2)
    machine.on("ip up", "refuse 'ip: SIOCSIFFLAGS: No such file or directory'")
    problem = f"cannot raise aoe0 ({mac_of(2)}): ip: SIOCSIFFLAGS: No such file or directory"
    assert machine.run("adopt_interfaces").kmsg == [f"<4>aoeinit: {problem}"]


def test_no_interface_at_all(machine: Machine) -> None:
    assert machine.run("adopt_interfaces || echo none").output == "none\n"


def test_a_link_counts_once_it_has_carrier(machine: Machine) -> None:
    machine.plug_in("eth0", 2, carrier=False)
    machine.plug_in("eth1", 3, carrier=False)
    script = "has_carrier || echo none; echo 1 >/sys/class/net/eth1/carrier; has_carrier && echo link"
    assert machine.run(script).output == "none\nlink\n"


def test_a_link_whose_carrier_cannot_be_read_has_none(machine: Machine) -> None:
    """The kernel answers with an error while an interface is down."""
    machine.plug_in("eth0", 2)
    machine.on("ip up", "false")
    outcome = machine.run("mkdir -p /sys/class/net/eth0/carrier; has_carrier || echo none")  # read() fails
    assert outcome.output == "none\n"


def test_candidates_are_described_with_their_macs(machine: Machine) -> None:
    machine.plug_in("eth0", 2)
    machine.plug_in("eth1", 3)
    outcome = machine.run('interfaces="2 9 3"; describe_interfaces; echo "$described"')
    assert outcome.output == f"eth0 ({mac_of(2)}), eth1 ({mac_of(3)})\n"


@pytest.mark.parametrize(
    ("netif", "lowered"),
    [("eth0", ["eth1"]), ("eth1,eth0", []), ("none", []), ("", []), ("eth", ["eth0", "eth1"])],
)
def test_interfaces_that_do_not_serve_are_lowered(machine: Machine, netif: str, lowered: list[str]) -> None:
    machine.plug_in("eth0", 2)
    machine.plug_in("eth1", 3)
    machine.put("sys/block/etherd!e11.0/netif", f"{netif}\n")
    outcome = machine.run("target=e11.0; adopt_interfaces; lower_idle_interfaces")
    assert [line for line in outcome.log if " down" in line] == [
        f"ip link set dev {name} down" for name in lowered
    ]


@pytest.mark.parametrize(("timeout", "after"), [("0", ""), ("180", "18200"), ("5", "700")])
def test_waiting_for_an_interface_does_not_move_the_deadline(
    still: Machine, timeout: str, after: str
) -> None:
    still.plug_in("eth0", 2)
    start = f"mkdir -p /run/aoeinit; timeout={timeout}; image_nic=; start_events"
    assert still.run(f'{start}; await_interface; echo "$deadline"; stop_events').output == f"{after}\n"


@pytest.mark.parametrize(("timeout", "seconds"), [("0", 30), ("180", 30), ("5", 5)])
def test_an_interface_is_waited_for_thirty_seconds_at_most(
    still: Machine, timeout: str, seconds: int
) -> None:
    stepped = 'next_event() { seconds=$((seconds + 1)); echo "$seconds.00 0.00" >/proc/uptime; }; seconds=2\n'
    script = f"{stepped} mkdir -p /run/aoeinit; timeout={timeout}; start_events; stop_events; image_nic=\n"
    outcome = still.run(f'{script} fail() {{ echo "failed after $((seconds - 2))"; exit; }}; await_interface')
    assert outcome.output == f"failed after {seconds}\n"


ETHERNET = "pci:v00008086d0000100Esv00001AF4sd00001100bc02sc00i00"


@pytest.mark.parametrize(
    ("alias", "driver", "listed"),
    [
        (f"pci/devices/0000:00:03.0 {ETHERNET}", False, True),
        (f"pci/devices/0000:00:03.0 {ETHERNET.replace('sc00', 'sc80')}", False, True),
        (f"pci/devices/0000:00:03.0 {ETHERNET}", True, False),
        (f"pci/devices/0000:00:03.0 {ETHERNET.replace('bc02', 'bc01')}", False, False),
        ("usb/devices/1-1:2.0 usb:v0525pA4A2d0000dc02dsc00dp00ic02isc06ip00in00", False, True),
        ("usb/devices/1-1:2.0 usb:v0525pA4A2d0000dc02dsc00dp00ic02isc0Dip00in00", False, True),
        ("usb/devices/1-1:1.0 usb:v0525pA4A2d0000dc02dsc00dp00icE0isc01ip03in00", False, True),
        ("usb/devices/1-1:1.0 usb:v0525pA4A2d0000dc02dsc00dp00ic02isc02ipFFin00", False, True),
        ("usb/devices/1-1:1.0 usb:v1234p5678d0000dc02dsc00dp00ic02isc02ip01in00", False, False),
        ("usb/devices/1-1:1.0 usb:v0525pA4A2d0000dc02dsc00dp00icE0isc01ip03in00", True, False),
        ("usb/devices/1-1:1.0 usb:v0BDAp8153d3000dc00dsc00dp00icFFiscFFip00in00", False, False),
        ("usb/devices/1-1:1.0 usb:v046DpC31Cd0110dc00dsc00dp00ic03isc01ip01in00", False, False),
    ],
)
def test_hardware_without_a_driver(machine: Machine, alias: str, *, driver: bool, listed: bool) -> None:
    folder, modalias = alias.split()
    machine.put(f"sys/bus/{folder}/modalias", f"{modalias}\n")
    if driver:
        (machine.root / "sys/bus" / folder / "driver").mkdir()
    outcome = machine.run('list_driverless_hardware; echo "$driverless"')
    assert outcome.output == (f"{folder.rpartition('/')[2]} ({modalias})\n" if listed else "\n")


def test_interfaces_present(machine: Machine) -> None:
    machine.plug_in("eth0", 2)
    machine.put("sys/class/net/lo/type", "772\n")
    assert machine.run('list_present_interfaces; echo "$present"').output == f"eth0 ({mac_of(2)})\n"
    assert machine.run('rm -r /sys/class; list_present_interfaces; echo "[$present]"').output == "[]\n"
