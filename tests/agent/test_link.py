"""Large frames, virtual LANs, and several interfaces at once."""

import pytest

from tests.agent.boot_samples import NOW, ROOT, fails, furnish, switched
from tests.agent.machine import Machine, mac_of
from tests.agent.test_silence import UNREAD

PAYLOAD = "/sys/block/etherd!e11.0/payload"
TARGET = f"aoe_loads; target_answers e11.0 aoe0 p1; echo 1024 >'{PAYLOAD}'"
TAKES = f"echo 8704 >'{PAYLOAD}'"


def links(log: list[str]) -> list[str]:
    return [line.removeprefix("ip link ") for line in log if line.startswith("ip link")]


@pytest.mark.parametrize("mtu", [576, 1400, 1500, 1501, 1571])
def test_an_mtu_that_gives_no_larger_frames_is_set_before_the_link_goes_up(
    machine: Machine, mtu: int
) -> None:
    furnish(machine).on("insmod aoe.ko", TARGET)
    outcome = machine.boot(f"{ROOT} rd.aoe.mtu={mtu}")
    assert links(outcome.log) == ["set dev eth0 name aoe0", f"set dev aoe0 mtu {mtu}", "set dev aoe0 up"]
    assert not outcome.said("<4>")
    assert switched(outcome)


@pytest.mark.parametrize(("mtu", "payload"), [(1572, 1536), (9000, 8704)])
def test_large_frames_are_used_once_the_target_was_read(machine: Machine, mtu: int, payload: int) -> None:
    furnish(machine).on("insmod aoe.ko", TARGET)
    machine.on("ip mtu", f"[ ! -e /run/aoeinit/reading ]; echo {payload} >'{PAYLOAD}'")
    outcome = machine.boot(f"{ROOT} rd.aoe.mtu={mtu}")
    assert links(outcome.log) == ["set dev eth0 name aoe0", "set dev aoe0 up", f"set dev aoe0 mtu {mtu}"]
    assert outcome.said(f"<6>aoeinit: MTU {mtu}: target e11.0 takes {payload} bytes of data in a frame")
    assert not (machine.root / "run/aoeinit/reading").exists()
    assert switched(outcome)


LOST = f"""
[ ! -p /dev/etherd/flush ] || return 0
{TAKES}
rm /dev/etherd/e11.0
mkfifo /dev/etherd/e11.0 /dev/etherd/flush
(
	read -r name </dev/etherd/flush
	note "flush $name"
	rm -r '/sys/block/etherd!e11.0' /dev/etherd/e11.0
	usleep 300000
	target_answers e11.0 aoe0 p1
) >/dev/null 2>&1 &
"""


def test_large_frames_that_get_lost_are_given_up(machine: Machine) -> None:
    furnish(machine).on("insmod aoe.ko", TARGET)
    machine.on("ip mtu", LOST)
    machine.speed = 10
    outcome = machine.boot(f"{ROOT} rd.aoe.mtu=9000")
    words = (
        "target e11.0 answers, but not in frames of 9000 bytes: something on the way loses them; using 1500"
    )
    assert outcome.said(f"<4>aoeinit: {words}")
    assert links(outcome.log)[2:] == ["set dev aoe0 mtu 9000", "set dev aoe0 mtu 1500"]
    assert "flush e11.0" in outcome.log
    assert outcome.errors == []
    assert switched(outcome)
    assert not (machine.root / "run/aoeinit/reading").exists()


def test_no_other_target_is_taken_for_one_that_was_given_up(machine: Machine) -> None:
    outcome = machine.run(
        "aoe_loads; mkdir /run/aoeinit; is_forgotten() { true; }\n"
        "targets='e11.0 e12.0' target=e11.0; forget_target\n"
        'target_answers e12.0 aoe0; find_target || echo "waits for $target_names"'
    )
    assert outcome.output == "waits for e11.0\n"


def test_a_driver_that_does_not_give_them_up(hurried: Machine) -> None:
    furnish(hurried).on("insmod aoe.ko", TARGET)
    hurried.on("ip mtu", f"{TAKES}; rm -f /dev/etherd/e11.0; mkfifo /dev/etherd/e11.0")
    failure = (
        "target e11.0 answers, but not in frames of 9000 bytes, and the driver does not give up what it "
        "has asked for in them; see rd.aoe.mtu="
    )
    assert hurried.boot(f"{ROOT} rd.aoe.mtu=9000 panic=-1").errors[0] == failure


def test_a_server_that_has_small_frames_only(hurried: Machine) -> None:
    furnish(hurried).on("insmod aoe.ko", TARGET)
    outcome = hurried.boot(f"{ROOT} rd.aoe.mtu=9000")
    assert outcome.said(
        "<4>aoeinit: MTU 9000: target e11.0 takes 1024 bytes of data in a frame still; using 1500"
    )
    assert links(outcome.log)[2:] == ["set dev aoe0 mtu 9000", "set dev aoe0 mtu 1500"]
    assert switched(outcome)


def test_a_target_that_is_never_read(hurried: Machine) -> None:
    furnish(hurried).on("insmod aoe.ko", f"{TARGET}; rm /dev/etherd/*; mkfifo /dev/etherd/e11.0")
    outcome = hurried.boot(f"{ROOT} rd.aoe.mtu=9000 rd.aoe.timeout=12 panic=-1")
    assert outcome.errors[0] == UNREAD
    assert not [line for line in links(outcome.log) if "mtu" in line]


def test_an_interface_without_large_frames(machine: Machine) -> None:
    furnish(machine).on("insmod aoe.ko", TARGET)
    machine.on("ip mtu", "refuse 'ip: RTNETLINK answers: Invalid argument'")
    outcome = machine.boot(f"{ROOT} rd.aoe.mtu=9000")
    problem = "cannot set the MTU of aoe0 to 9000 (ip: RTNETLINK answers: Invalid argument)"
    assert f"<4>aoeinit: {problem}" in outcome.kmsg
    assert len([line for line in outcome.log if "mtu" in line]) == 1
    assert switched(outcome)


def test_large_frames_in_a_virtual_lan(machine: Machine) -> None:
    furnish(machine).on("insmod aoe.ko", TARGET.replace("aoe0", "aoe0.7"))
    machine.on("ip mtu", TAKES)
    outcome = machine.boot(f"{ROOT} rd.aoe.mtu=9000 rd.aoe.vlan=7")
    assert links(outcome.log)[-2:] == ["set dev aoe0 mtu 9000", "set dev aoe0.7 mtu 9000"]
    assert "mtu=9000" in machine.read("run/aoeinit/state").splitlines()


def test_a_virtual_lan(machine: Machine) -> None:
    furnish(machine).on("insmod aoe.ko", "aoe_loads; target_answers e11.0 eth0.7 p1")
    machine.plug_in("eth1", 3)
    outcome = machine.boot(f"{ROOT} rd.aoe.vlan=7")
    assert links(outcome.log) == [
        "set dev eth0 up",
        "add link eth0 name eth0.7 type vlan id 7",
        "set dev eth0.7 up",
        "set dev eth1 up",
        "add link eth1 name eth1.7 type vlan id 7",
        "set dev eth1.7 up",
        "delete dev eth1.7",
        "set dev eth1 down",
        "set dev eth0 name aoe0",
        "set dev eth0.7 name aoe0.7",
    ]
    assert "insmod /lib/modules/aoe.ko aoe_iflist=eth0.7,eth1.7" in outcome.log
    assert machine.read("sys/module/aoe/parameters/aoe_iflist") == "aoe0.7"
    assert "interface=aoe0.7" in machine.read("run/aoeinit/state").splitlines()


def test_a_virtual_lan_with_another_target_behind_it_stays(machine: Machine) -> None:
    """To delete what the driver holds would never end."""
    machine.plug_in("eth0", 2)
    machine.plug_in("eth1", 3)
    outcome = machine.run(
        "vlan=7; adopt_interfaces; target_answers e11.0 eth0.7; target_answers e12.0 eth1.7\n"
        'target=e11.0; lower_idle_interfaces; name_serving_interfaces; echo "$aoe_names"'
    )
    assert outcome.output == "aoe0.7\n"
    assert links(outcome.log)[-3:] == [
        "set dev eth1 down",
        "set dev eth0 name aoe0",
        "set dev eth0.7 name aoe0.7",
    ]


def test_a_virtual_lan_on_an_interface_with_a_long_name(machine: Machine) -> None:
    machine.plug_in("eth0", 2)
    machine.put("etc/aoeinit/interfaces", f"{mac_of(2)} enx525400000002\n")
    outcome = machine.run("vlan=4094; adopt_interfaces")
    assert "ip link add link enx525400000002 name aoe2.4094 type vlan id 4094" in outcome.log


def test_a_kernel_without_virtual_lans(hurried: Machine) -> None:
    """What is untagged is another network."""
    furnish(hurried).on("ip add", "refuse 'ip: RTNETLINK answers: Not supported'")
    outcome = hurried.boot(f"{ROOT} {NOW} rd.aoe.vlan=7")
    fails(
        outcome,
        "no network interface that can be raised with VLAN 7 (the image needs --module 8021q, or the kernel "
        f"8021q built in); there are: aoe0 ({mac_of(2)}); hardware without a driver in this image: none "
        "seen; modules loaded: none",
        "earlier in this boot: cannot make VLAN 7 on aoe0 (ip: RTNETLINK answers: Not supported)",
        waiting="a network interface",
    )
    assert [line for line in links(outcome.log) if line.startswith("set dev aoe0")] == [
        "set dev aoe0 up",
        "set dev aoe0 down",
    ]


def test_a_virtual_lan_that_does_not_come_up(machine: Machine) -> None:
    machine.plug_in("eth0", 2)
    machine.on("ip up", '[ ! -e /sys/class/net/aoe0.7 ] || refuse "ip: no"')
    outcome = machine.run("vlan=7; adopt_interfaces || echo none")
    assert outcome.output == "none\n"
    assert links(outcome.log)[-2:] == ["delete dev aoe0.7", "set dev aoe0 down"]


@pytest.mark.parametrize("asked", ["eth0,eth2", f"{mac_of(4)},eth0", "eth2,eth2,,eth0"])
def test_several_interfaces_are_asked_for(machine: Machine, asked: str) -> None:
    for index in (2, 3, 4):
        machine.plug_in(f"eth{index - 2}", index)
    outcome = machine.run(
        f'rd_aoe_nic={asked}; adopt_interfaces; adopt_interfaces; echo "$aoe_names"\n'
        "target_answers e1.1 aoe0 p1; target=e1.1; lower_idle_interfaces"
    )
    assert outcome.output == "aoe0,aoe1\n"
    assert [line for line in links(outcome.log) if line.endswith((" up", " down"))] == [
        "set dev aoe0 up",
        "set dev aoe1 up",
    ]
    assert (machine.root / "sys/class/net/eth1").exists()


def test_several_interfaces_that_change_names(machine: Machine) -> None:
    machine.plug_in("eth0", 2)
    machine.plug_in("eth1", 3)
    machine.put("etc/aoeinit/interfaces", f"{mac_of(2)} eth1\n{mac_of(3)} eth0\n")
    outcome = machine.run('rd_aoe_nic=eth0,eth1; adopt_interfaces; adopt_interfaces; echo "$interfaces"')
    assert outcome.output == "2 3\n"


@pytest.mark.parametrize(
    ("function", "value", "warning"),
    [
        (
            "set_wanted_mtu",
            "9k",
            "rd.aoe.mtu=9k is not a number of bytes from 576 to 65535; using the interface's own",
        ),
        (
            "set_wanted_mtu",
            "100",
            "rd.aoe.mtu=100 is not a number of bytes from 576 to 65535; using the interface's own",
        ),
        ("set_vlan", "0", "rd.aoe.vlan=0 is not a VLAN from 1 to 4094; ignored"),
        ("set_vlan", "4095", "rd.aoe.vlan=4095 is not a VLAN from 1 to 4094; ignored"),
    ],
)
def test_values_that_cannot_be_used(machine: Machine, function: str, value: str, warning: str) -> None:
    assert machine.run(f"{function} '{value}'; echo \"$mtu$vlan\"").kmsg == [f"<4>aoeinit: {warning}"]
