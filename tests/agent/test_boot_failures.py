"""The whole agent over a made-up machine: each way to fail, and what is said of it."""

import pytest

from tests.agent.boot_samples import NO_ANSWER, NOW, ROOT, fails, furnish, switched
from tests.agent.machine import Machine, mac_of

ACCEPTED = (
    "it takes a target's disk or partition, as in root=/dev/etherd/e11.0p1 or root=aoe:e11.0, or UUID=, "
    "LABEL=, PARTUUID= or PARTLABEL=; without root= the partition with an init is looked for"
)


@pytest.mark.parametrize(
    "root",
    [
        "/dev/sda1",
        "UUID=",
        "aoe:e11",
        "e11.0",
        "/dev/etherd/",
        "/dev/etherd/e11",
        "/dev/etherd/e11.0p",
        "/dev/etherd/e11.0p0",
        "/dev/etherd/e11.0p01",
        "/dev/etherd/e011.0",
        "/dev/etherd/e65535.0",
        "/dev/etherd/e1.255",
        "/dev/etherd/e1.1.1",
        "/dev/etherd/../e11.0p1",
        "/dev/etherd/e11.0p1/",
        "/dev/etherd/e-1.0",
        "/dev/etherd/e*.0",
        "$(reboot)",
        "`reboot`",
        "x" * 4000,
    ],
)
def test_a_root_that_is_not_supported(machine: Machine, root: str) -> None:
    outcome = furnish(machine).boot(f"root={root} {NOW}")
    fails(outcome, f"root={root} is not supported: {ACCEPTED}"[:900])


CARD = "pci:v00008086d0000100Esv00001AF4sd00001100bc02sc00i00"


def test_no_network_interface(hurried: Machine) -> None:
    furnish(hurried).put("etc/aoeinit/modules", "network required /lib/modules/e1000.ko\n")
    hurried.on("insmod e1000.ko", "refuse \"insmod: can't insert 'x': unknown symbol in module\"")
    hurried.put("proc/modules", "mii 1 0 - Live\nlibphy 1 0 - Live\n")
    hurried.put("sys/bus/pci/devices/0000:00:03.0/modalias", f"{CARD}\n")
    hurried.put("sys/bus/pci/devices/0000:00:04.0/modalias", f"{CARD.replace('bc02', 'bc01')}\n")
    hurried.plug_in("wlan0", 7)
    (hurried.root / "sys/class/net/wlan0/phy80211").mkdir()
    fails(
        hurried.boot(f"{ROOT} {NOW}"),
        f"no network interface; there are: wlan0 ({mac_of(7)}); hardware without a driver in this image: "
        f"0000:00:03.0 ({CARD}); modules loaded: mii libphy",
        "earlier in this boot: module e1000.ko did not load (unknown symbol in module)",
        waiting="a network interface",
    )


def test_no_interface_of_that_name(hurried: Machine) -> None:
    fails(
        furnish(hurried).boot(f"{ROOT} {NOW} rd.aoe.nic=eth7"),
        f"no network interface that is eth7; there are: eth0 ({mac_of(2)}); hardware without a driver in "
        "this image: none seen; modules loaded: none",
        waiting="a network interface that is eth7",
    )


NO_FIRMWARE = "e100 0000:00:03.0: Direct firmware load for e100/d102e_ucode.bin failed with error -2"


def test_an_interface_that_cannot_be_raised(hurried: Machine) -> None:
    furnish(hurried).on("ip up", "refuse 'ip: SIOCSIFFLAGS: No such file or directory'")
    hurried.on("dmesg", f"for time in 1 2; do echo '[    2.0] {NO_FIRMWARE}'; echo other; done")
    outcome = hurried.boot(f"{ROOT} {NOW} rd.aoe.timeout=0")
    fails(
        outcome,
        f"no network interface that can be raised; there are: aoe0 ({mac_of(2)}); hardware without a driver "
        "in this image: none seen; modules loaded: none",
        f"earlier in this boot: cannot raise aoe0 ({mac_of(2)}): ip: SIOCSIFFLAGS: No such file or directory"
        "; firmware that is not in the image: e100/d102e_ucode.bin",
        waiting="a network interface",
    )
    assert len([line for line in outcome.log if line.endswith(" up")]) == 1


def test_no_carrier(hurried: Machine) -> None:
    furnish(hurried).put("machine/card/link", "0\n")
    fails(
        hurried.boot(f"{ROOT} {NOW} rd.aoe.timeout=40"),
        f"no carrier on aoe0 ({mac_of(2)}) within 40 s: check cable, switch port and driver",
        waiting=f"carrier on aoe0 ({mac_of(2)})",
    )


def test_a_card_without_a_driver_beside_one_without_a_link(hurried: Machine) -> None:
    furnish(hurried).put("machine/card/link", "0\n")
    hurried.put("etc/aoeinit/image", "kernel=6.1.0-test\nnic=all\n")
    hurried.on("modprobe", "true")
    hurried.put("sys/bus/pci/devices/0000:00:03.0/modalias", f"{CARD}\n")
    fails(
        hurried.boot(f"{ROOT} {NOW} rd.aoe.timeout=12"),
        f"no carrier on aoe0 ({mac_of(2)}) within 12 s: check cable, switch port and driver"
        f"; hardware without a driver in this image: 0000:00:03.0 ({CARD})",
        waiting=f"carrier on aoe0 ({mac_of(2)})",
    )


MASKED = "a server that does not admit this MAC address looks the same"


def test_no_target_answers(hurried: Machine) -> None:
    fails(
        furnish(hurried, target="").boot(f"{ROOT} {NOW} rd.aoe.timeout=12"),
        f"no AoE target answered on aoe0 ({mac_of(2)}) within 12 s, and e11.0 was waited for; {MASKED}",
        waiting=NO_ANSWER,
    )


def test_a_card_without_a_driver_may_be_the_one_with_the_target(hurried: Machine) -> None:
    furnish(hurried, target="").put("sys/bus/pci/devices/0000:00:03.0/modalias", f"{CARD}\n")
    fails(
        hurried.boot(f"{ROOT} {NOW} rd.aoe.timeout=12"),
        f"no AoE target answered on aoe0 ({mac_of(2)}) within 12 s, and e11.0 was waited for; {MASKED}"
        f"; hardware without a driver in this image: 0000:00:03.0 ({CARD})",
        waiting=NO_ANSWER,
    )


def test_other_targets_answer(hurried: Machine) -> None:
    furnish(hurried)
    hurried.on("insmod aoe.ko", "aoe_loads; target_answers e5.0 aoe0; target_answers e110.0 aoe0")
    fails(
        hurried.boot(f"{ROOT} {NOW} rd.aoe.timeout=12"),
        f"target e11.0 did not answer on aoe0 ({mac_of(2)}) within 12 s, only e110.0, e5.0 did; {MASKED}",
        waiting=f"target e11.0 on aoe0 ({mac_of(2)}); only e110.0, e5.0 answered",
    )


@pytest.mark.parametrize(("partitions", "listed"), [("p2 p3", "e11.0p2 e11.0p3"), ("", "none")])
def test_no_such_partition(hurried: Machine, partitions: str, listed: str) -> None:
    fails(
        furnish(hurried, target=f"e11.0 aoe0 {partitions}").boot(f"{ROOT} {NOW} rd.aoe.timeout=12"),
        f"target e11.0 has no partition 1, it has {listed}",
        waiting="partition 1 of target e11.0",
    )


def test_the_driver_does_not_load(machine: Machine) -> None:
    furnish(machine).on("insmod aoe.ko", "refuse \"insmod: can't insert 'aoe.ko': invalid module format\"")
    machine.put("etc/aoeinit/image", "kernel=5.10.0\n")
    fails(
        machine.boot(f"{ROOT} {NOW}"),
        "the aoe driver did not load, and without it there is no root: build the image for this kernel, with "
        "aoeinit build --kernel",
        "earlier in this boot: this image was built for kernel 5.10.0, not 6.1.0-test; build another with "
        "aoeinit build --kernel 6.1.0-test; module aoe.ko did not load (invalid module format)",
    )


def test_the_root_does_not_mount(machine: Machine) -> None:
    refusal = "refuse 'mount: mounting /dev/etherd/e11.0p1 on /sysroot failed: No such device'"
    furnish(machine).on("mount sysroot", refusal)
    fails(
        machine.boot(f"{ROOT} {NOW} rootfstype=xfs rootflags=x"),
        "cannot mount /dev/etherd/e11.0p1 (type xfs, options ro,x): No such device; "
        "the kernel has the file systems ext4",
    )


def test_the_init_that_was_asked_for_is_missing(machine: Machine) -> None:
    fails(
        furnish(machine).boot(f'{ROOT} {NOW} init="/bin/my init"'),
        "init=/bin/my init: no such program on /dev/etherd/e11.0p1",
    )


def test_no_init_at_all(machine: Machine) -> None:
    (furnish(machine).root / "sysroot/sbin/init").unlink()
    fails(
        machine.boot(f"{ROOT} {NOW}"),
        "no init on /dev/etherd/e11.0p1: looked for /sbin/init, /etc/init, /bin/init and "
        "/usr/lib/systemd/systemd; try init=",
    )


@pytest.mark.parametrize(("folder", "option"), [("proc", "PROC_FS"), ("sys", "SYSFS"), ("run", "TMPFS")])
def test_a_kernel_file_system_is_refused(hurried: Machine, folder: str, option: str) -> None:
    furnish(hurried).on(f"mount {folder}", "false")
    message = f"cannot mount /{folder}: the kernel needs CONFIG_{option}"
    fails(hurried.boot(ROOT), message, "restarting in 30 seconds")


def test_a_wait_before_there_are_events_blocks(machine: Machine) -> None:
    """As in a failure as early as that: what is written ends it, not that there is nothing to read from."""
    furnish(machine).on("mount proc", "echo come >&3 && next_event 50 && note woken")
    outcome = machine.boot(ROOT)
    assert "woken" in outcome.log
    assert switched(outcome)
    assert not (machine.root / "silence").exists()
