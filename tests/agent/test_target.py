import pytest

from aoeinit.boot.contract import DEAD_SECONDS
from tests.agent.machine import Machine


@pytest.mark.parametrize(
    ("root", "target", "partition"),
    [("e11.0p2", "e11.0", "p2"), ("e0.254", "e0.254", ""), ("e65534.1p255", "e65534.1", "p255")],
)
def test_the_target_comes_from_root(machine: Machine, root: str, target: str, partition: str) -> None:
    script = (
        f'image_target=; root=/dev/etherd/{root}; choose_root; choose_targets; echo "$targets [$partition]"'
    )
    assert machine.run(script).output == f"{target} [{partition}]\n"


@pytest.mark.parametrize("named", ["rd_aoe=e11.0", "image_target=e11.0"])
def test_a_target_named_twice_is_no_conflict(machine: Machine, named: str) -> None:
    outcome = machine.run(f"image_target=; {named}; root=/dev/etherd/e11.0p1; choose_root; choose_targets")
    assert outcome.kmsg == ["<6>aoeinit: target e11.0, as root=/dev/etherd/e11.0p1 says"]


def test_the_driver_is_loaded_and_set(machine: Machine) -> None:
    machine.put("etc/aoeinit/modules", "aoe required /lib/modules/aoe.ko\n")
    machine.on("insmod aoe.ko", "aoe_loads")
    machine.run("add_aoe_name aoe0; add_aoe_name eth1; load_aoe")
    assert machine.read("sys/module/aoe/parameters/aoe_iflist") == "aoe0,eth1"
    assert machine.read("sys/module/aoe/parameters/aoe_deadsecs") == str(DEAD_SECONDS)


def test_the_driver_never_takes_no_interface_for_all(machine: Machine) -> None:
    machine.put("etc/aoeinit/modules", "aoe required /lib/modules/aoe.ko\n")
    machine.on("insmod aoe.ko", "aoe_loads")
    assert "insmod /lib/modules/aoe.ko aoe_iflist=/" in machine.run("load_aoe").log
    assert machine.read("sys/module/aoe/parameters/aoe_iflist") == "/"


def test_a_built_in_driver_knows_an_interface_before_it_goes_up(machine: Machine) -> None:
    machine.plug_in("eth0", 2)
    machine.on("ip up", "note for $(cat /sys/module/aoe/parameters/aoe_iflist)")
    assert machine.run("aoe_loads; adopt_interfaces").log[-1] == "for aoe0"


def test_an_interface_that_comes_later_is_told_to_the_driver(machine: Machine) -> None:
    machine.run("aoe_loads; load_aoe; add_aoe_name aoe0; add_aoe_name aoe1")
    assert machine.read("sys/module/aoe/parameters/aoe_iflist") == "aoe0,aoe1"


def test_a_driver_that_takes_no_setting_is_a_problem(machine: Machine) -> None:
    outcome = machine.run("mkdir -p /sys/module/aoe; load_aoe 2>/dev/null")
    remedy = "the root dies when its server is away for 180 s; try aoe.aoe_deadsecs=2147483647"
    assert outcome.kmsg == [
        "<4>aoeinit: cannot set aoe_iflist",
        f"<4>aoeinit: cannot set aoe_deadsecs: {remedy}",
    ]


def test_probes_grow_further_apart(still: Machine) -> None:
    """Hundredths of a second at which the driver is made to ask, looked at every hundredth."""
    script = """
    aoe_loads
    load_aoe
    hundredths=1000
    while [ "$hundredths" -le 1500 ]; do
        echo "$((hundredths / 100)).$((hundredths % 100 / 10))$((hundredths % 10)) 0.00" >/proc/uptime
        rm /dev/etherd/discover
        mkfifo /dev/etherd/discover
        exec 5<>/dev/etherd/discover
        probe
        read -r -t 0.001 _ <&5 && true
        case "$probe_due" in "$last") ;; *) last="$probe_due"; echo "$((hundredths - 1000))" ;; esac
        hundredths="$((hundredths + 1))"
    done
    """
    assert [int(time) for time in still.run(script).output.split()] == [0, 5, 15, 35, 75, 155, 255, 355, 455]


def test_a_probe_asks_the_driver(machine: Machine) -> None:
    machine.run("aoe_loads; load_aoe; echo before >/dev/etherd/discover; probe")
    assert machine.read("dev/etherd/discover") == "\n"


def test_no_probe_without_a_control_file(machine: Machine) -> None:
    outcome = machine.run(
        "mkdir -p /dev/etherd; probe_due=0; probe_pause=5; has_devtmpfs=1; probe; ls /dev/etherd"
    )
    assert outcome.output == ""


def test_the_root_device(machine: Machine) -> None:
    machine.run("aoe_loads; target_answers e11.0 aoe0 p1")
    loop = 'for partition in p1 p2; do find_root_device && echo "$root"; done'
    assert (
        machine.run(f"aoe_loads; load_aoe; has_devtmpfs=1; targets=e11.0; {loop}").output
        == "/dev/etherd/e11.0p1\n"
    )


@pytest.mark.parametrize(
    ("answers", "disks"), [("", ""), ("target_answers e11.0 a; target_answers e5.1 a", "e11.0, e5.1")]
)
def test_the_targets_that_answered(machine: Machine, answers: str, disks: str) -> None:
    machine.put("sys/block/sda/size", "1\n")
    assert machine.run(f'{answers}\nlist_disks; echo "$disks"').output == f"{disks}\n"


@pytest.mark.parametrize(("partitions", "listed"), [("", ""), ("p1 p10", "e11.0p1 e11.0p10")])
def test_the_partitions_of_a_target(machine: Machine, partitions: str, listed: str) -> None:
    script = f'target_answers e11.0 a {partitions}; target=e11.0; list_partitions; echo "$partitions"'
    assert machine.run(script).output == f"{listed}\n"


@pytest.mark.parametrize("answered", ["", "target_answers e11.0 aoe0;"])
def test_the_carrier_may_be_lost_while_the_target_is_waited_for(machine: Machine, answered: str) -> None:
    machine.plug_in("eth0", 2, carrier=False)
    outcome = machine.run(
        f'timeout=9; adopt_interfaces; {answered} target=e11.0; explain_missing; echo "$failure"'
    )
    assert outcome.output == (
        "no carrier on aoe0 (52:54:00:00:00:02) within 9 s: check cable, switch port and driver\n"
    )


@pytest.mark.parametrize("targets", ["", "e9.0 e11.0"])
def test_what_answered_last_thing_is_the_target_all_the_same(still: Machine, targets: str) -> None:
    """The second that better ones have to answer is over with the time for the whole search."""
    script = f"mkdir -p /run/aoeinit; target_answers e11.0 aoe0; targets='{targets}'; deadline=200"
    outcome = still.run(f'{script}; wait_for explain_missing find_target && echo "$target"')
    assert outcome.output == "e11.0\n"
