"""Names of interfaces: who gets which and when, also on an old kernel; MACs as others write them."""

import pytest

from tests.agent.machine import Machine, mac_of

SHOW = 'find_interface 2; echo "$interface $mac"'
IN_USE = '[ ! -e "/sys/class/net/$1/carrier" ] || refuse "ip: Device or resource busy"'
"""A kernel before 6.2 renames nothing that is up."""


def names(machine: Machine) -> dict[str, str]:
    """Interface names and their indexes."""
    return {
        path.name: (path / "ifindex").read_text().strip()
        for path in (machine.root / "sys/class/net").iterdir()
    }


def test_an_interface_that_no_file_names_is_called_aoe0(machine: Machine) -> None:
    machine.plug_in("eth0", 2)
    outcome = machine.run('adopt_interfaces && echo adopted; echo "$aoe_names"')
    assert outcome.output == "adopted\naoe0\n"
    assert outcome.log == ["ip link set dev eth0 name aoe0", "ip link set dev aoe0 up"]
    assert outcome.kmsg == [f"<6>aoeinit: using interface aoe0 ({mac_of(2)})"]


def test_one_of_several_gets_its_name_at_once_if_it_is_known(machine: Machine) -> None:
    for index in (2, 3, 4):
        machine.plug_in(f"eth{index - 2}", index)
    machine.put("etc/aoeinit/interfaces", f"{mac_of(3)} lan\n")
    outcome = machine.run('adopt_interfaces; echo "$interfaces"; echo "$aoe_names"')
    assert names(machine) == {"eth0": "2", "lan": "3", "eth2": "4"}
    assert outcome.output == "2 3 4\nlan,eth0,eth2\n"


SETTLE = 'target=e11.0; lower_idle_interfaces; name_serving_interfaces; echo "$aoe_names"'
AT_LAST = "<6>aoeinit: eth1 (52:54:00:00:00:03) serves target e11.0 and is called aoe0 from now on"


@pytest.mark.parametrize(
    ("netif", "known", "called"),
    [
        ("eth0", "", {"aoe0": "2", "eth1": "3", "eth2": "4"}),
        ("eth1", "", {"eth0": "2", "aoe0": "3", "eth2": "4"}),
        ("eth2,eth0", "", {"aoe1": "2", "eth1": "3", "aoe0": "4"}),
        ("lan,eth2", f"{mac_of(3)} lan\n", {"eth0": "2", "lan": "3", "aoe0": "4"}),
        ("eth2", f"{mac_of(3)} lan\n", {"eth0": "2", "lan": "3", "aoe0": "4"}),
        ("none", "", {"aoe0": "2", "aoe1": "3", "aoe2": "4"}),
        ("eth0,eth1,eth2", "", {"aoe0": "2", "aoe1": "3", "aoe2": "4"}),
    ],
)
def test_of_several_those_that_serve_are_named(
    machine: Machine, netif: str, known: str, called: dict[str, str]
) -> None:
    for index in (2, 3, 4):
        machine.plug_in(f"eth{index - 2}", index)
    machine.put("etc/aoeinit/interfaces", known)
    machine.put("sys/block/etherd!e11.0/netif", f"{netif}\n")
    outcome = machine.run(f"adopt_interfaces; adopt_interfaces; {SETTLE}")
    assert names(machine) == called
    shown = machine.read("sys/block/etherd!e11.0/netif").strip()
    assert outcome.output == ("aoe0,aoe1,aoe2\n" if netif == "none" else f"{shown}\n")


def test_the_driver_knows_both_names_while_one_is_given(machine: Machine) -> None:
    machine.plug_in("eth0", 2)
    machine.plug_in("eth1", 3)
    machine.put("sys/block/etherd!e11.0/netif", "eth1\n")
    machine.on("ip name", 'note "known: $(cat /sys/module/aoe/parameters/aoe_iflist)"')
    outcome = machine.run(f"aoe_loads; adopt_interfaces; {SETTLE}")
    assert outcome.log[-3:] == [
        "ip link set dev eth0 down",
        "ip link set dev eth1 name aoe0",
        "known: eth0,eth1,aoe0",
    ]
    assert machine.read("sys/module/aoe/parameters/aoe_iflist") == "aoe0"
    assert outcome.kmsg[-1] == AT_LAST


def test_an_old_kernel_renames_what_is_down(machine: Machine) -> None:
    machine.plug_in("eth0", 2)
    machine.plug_in("eth1", 3)
    machine.put("sys/block/etherd!e11.0/netif", "eth1\n")
    machine.on("ip name", IN_USE)
    outcome = machine.run(f"adopt_interfaces; {SETTLE}")
    assert outcome.log[-4:] == [
        "ip link set dev eth1 name aoe0",
        "ip link set dev eth1 down",
        "ip link set dev eth1 name aoe0",
        "ip link set dev aoe0 up",
    ]
    assert outcome.kmsg[-1] == AT_LAST


def test_the_mount_waits_for_the_link_of_one_that_went_down_for_its_name(machine: Machine) -> None:
    machine.plug_in("eth0", 2)
    machine.plug_in("eth1", 3)
    machine.put("sys/block/etherd!e11.0/netif", "eth1\n")
    machine.on("ip name", IN_USE)
    machine.on("ip up", 'echo 0 >"/sys/class/net/$1/link"')
    comes = "next_event() { note waits; echo 1 >/sys/class/net/aoe0/carrier; }"
    raised = "adopt_interfaces; for card in /sys/class/net/*; do echo 1 >$card/carrier; done"
    outcome = machine.run(f"{comes}; {raised}; {SETTLE}")
    assert outcome.log[-2:] == ["ip link set dev aoe0 up", "waits"]


def test_of_several_each_link_is_waited_for(machine: Machine) -> None:
    for index in (2, 3):
        machine.plug_in(f"eth{index - 2}", index)
    script = (
        "serving='2 3'; echo 1 >/sys/class/net/eth0/carrier; echo 0 >/sys/class/net/eth1/carrier\n"
        'serves_linked || echo "$linkless"; echo 1 >/sys/class/net/eth1/carrier; serves_linked && echo all'
    )
    assert machine.run(script).output == f"eth1 ({mac_of(3)})\nall\n"


def test_one_that_is_up_and_cannot_be_renamed_goes_up_again(machine: Machine) -> None:
    machine.plug_in("eth0", 2)
    machine.plug_in("eth1", 3)
    machine.put("sys/block/etherd!e11.0/netif", "eth1\n")
    machine.on("ip name", "refuse no")
    outcome = machine.run(f"adopt_interfaces; {SETTLE}")
    assert outcome.output == "eth1\n"
    assert outcome.log[-1] == "ip link set dev eth1 up"
    assert outcome.said(f"<4>aoeinit: cannot rename eth1 ({mac_of(3)}) to aoe0 (no)")
    assert not outcome.said("from now on")


def test_one_that_comes_late_and_serves_takes_the_name_of_the_first(machine: Machine) -> None:
    machine.plug_in("eth0", 2)
    machine.put("sys/block/etherd!e11.0/netif", "eth5\n")
    late = (
        "mkdir -p /sys/class/net/eth5/device; cp /sys/class/net/aoe0/type /sys/class/net/eth5\n"
        "echo 5 >/sys/class/net/eth5/ifindex; echo 1 >/sys/class/net/eth5/link\n"
        f"echo {mac_of(5)} >/sys/class/net/eth5/address\n"
    )
    outcome = machine.run(f'adopt_interfaces\n{late}adopt_interfaces\necho "$aoe_names"; {SETTLE}')
    assert outcome.output == "aoe0,eth5\naoe0\n"
    assert names(machine) == {"aoe0": "5", "eth5": "2"}
    assert not (machine.root / "sys/class/net/eth5/carrier").exists()
    assert (machine.root / "sys/class/net/aoe0/carrier").exists()


def test_an_interface_that_has_its_name_already_is_renamed_all_the_same(machine: Machine) -> None:
    """Only a name that was given counts for udev."""
    machine.plug_in("eth0", 2)
    machine.put("etc/aoeinit/interfaces", f"{mac_of(2)} eth0\n")
    assert machine.run("adopt_interfaces").log == [
        "ip link set dev eth0 name aoe-spare",
        "ip link set dev aoe-spare name eth0",
        "ip link set dev eth0 up",
    ]


def test_two_interfaces_change_names(machine: Machine) -> None:
    machine.plug_in("eth0", 2)
    machine.plug_in("eth1", 3)
    machine.put("etc/aoeinit/interfaces", f"{mac_of(2)} eth1\n{mac_of(3)} eth0\n")
    outcome = machine.run('adopt_interfaces; adopt_interfaces; echo "$aoe_names"')
    assert names(machine) == {"eth1": "2", "eth0": "3"}
    assert "ip link set dev eth0 up" in outcome.log
    assert "ip link set dev eth1 up" in outcome.log
    assert outcome.output == "eth1,eth0\n"


def test_the_interface_asked_for_may_need_the_name_of_another(machine: Machine) -> None:
    machine.plug_in("eth0", 2)
    machine.plug_in("eth1", 3)
    machine.put("etc/aoeinit/interfaces", f"{mac_of(2)} eth1\n")
    outcome = machine.run('rd_aoe_nic=eth0; adopt_interfaces; adopt_interfaces; echo "$interfaces"')
    assert names(machine) == {"eth1": "2", "eth0": "3"}
    assert outcome.output == "2\n"
    assert [line for line in outcome.log if line.endswith(" up")] == ["ip link set dev eth1 up"]


def test_an_interface_that_cannot_be_renamed_is_used_as_it_is(machine: Machine) -> None:
    machine.plug_in("eth0", 2)
    machine.on("ip name", "refuse 'ip: SIOCSIFNAME: Device or resource busy'")
    outcome = machine.run('adopt_interfaces; echo "$aoe_names"')
    assert outcome.output == "aoe0,eth0\n"
    assert outcome.said(
        "<4>aoeinit: cannot rename eth0 (52:54:00:00:00:02) to aoe0 (ip: SIOCSIFNAME: Device or"
    )
    assert outcome.log[-1] == "ip link set dev eth0 up"


def test_an_interface_is_found_by_its_index(machine: Machine) -> None:
    machine.plug_in("eth9", 2)
    assert machine.run(SHOW).output == f"eth9 {mac_of(2)}\n"
    assert machine.run("find_interface 3 || echo gone").output == "gone\n"


def test_a_name_from_the_installed_system(machine: Machine) -> None:
    script = 'find_listed_name 52:54:00:00:00:02; echo "[$listed_name]"'
    assert machine.run(script).output == "[]\n"
    machine.put("etc/aoeinit/interfaces", f"{mac_of(3)} lan0\n{mac_of(2)} enp3s0\n")
    assert machine.run(script).output == "[enp3s0]\n"


@pytest.mark.parametrize(
    ("mac", "lower"), [("52-AB-cD-0F-00-E1", "52:ab:cd:0f:00:e1"), ("", ""), ("Eth*", "eth*")]
)
def test_a_mac_as_sysfs_writes_it(machine: Machine, mac: str, lower: str) -> None:
    assert machine.run(f"lower_case '{mac}'; echo \"$lower_case\"").output == f"{lower}\n"


@pytest.mark.parametrize(("digits", "mac"), [("525400aabbcc", "52:54:00:aa:bb:cc"), ("", "")])
def test_a_mac_as_the_driver_writes_it(machine: Machine, digits: str, mac: str) -> None:
    assert machine.run(f"colon_mac '{digits}'; echo \"$colon_mac\"").output == f"{mac}\n"
