"""What root= means: which target, and which of its partitions."""

import pytest

from tests.agent.boot_samples import NOW, fails, furnish, steps
from tests.agent.machine import Machine, mac_of
from tests.agent.test_abft import abft, memory, put_bytes
from tests.agent.test_identity import RAW, UUID

DISK = "e11.0 aoe0 p1 p2"
XFS = memory((0, b"XFSB"), (32, RAW), (108, b"my root"), size=4096)


def serve(machine: Machine, target: str = DISK, device: str = "e11.0p2") -> Machine:
    """A target one of whose devices holds an XFS."""
    furnish(machine, target=target)
    put_bytes(machine, "machine/xfs", XFS)
    machine.on("insmod aoe.ko", f"aoe_loads; target_answers {target}; cp /machine/xfs /dev/etherd/{device}")
    return machine


def mounted(machine: Machine, cmdline: str) -> str:
    """The device that a boot takes for its root."""
    outcome = machine.boot(cmdline)
    assert "switch_root [/sbin/init]" in outcome.log, outcome.kmsg
    return machine.read("run/aoeinit/state").split("root=")[1].splitlines()[0]


@pytest.mark.parametrize(
    "root",
    [
        "root=/dev/etherd/e11.0p2",
        "root=aoe:e11.0p2",
        f"root=UUID={UUID}",
        f"root=UUID={UUID.upper()}",
        'root="LABEL=my root"',
    ],
)
def test_a_partition_that_root_names(machine: Machine, root: str) -> None:
    assert mounted(serve(machine), f"{root} rd.aoe=e11.0") == "/dev/etherd/e11.0p2"


@pytest.mark.parametrize("root", ["root=/dev/etherd/e11.0", "root=aoe:e11.0", f"root=UUID={UUID}"])
def test_a_whole_disk(machine: Machine, root: str) -> None:
    assert mounted(serve(machine, "e11.0 aoe0", "e11.0"), f"{root} rd.aoe=e11.0") == "/dev/etherd/e11.0"


def test_a_partition_label(machine: Machine) -> None:
    furnish(machine)
    machine.put("sys/class/block/etherd!e11.0p1/uevent", "PARTNAME=boot\n")
    machine.put("sys/class/block/etherd!e11.0p2/uevent", "PARTNAME=my root\n")
    assert mounted(machine, 'root="PARTLABEL=my root" rd.aoe=e11.0') == "/dev/etherd/e11.0p2"


def test_a_partition_uuid(machine: Machine) -> None:
    furnish(machine)
    put_bytes(machine, "machine/mbr", memory((440, b"\x78\x56\x34\x12"), size=1024))
    machine.on("insmod aoe.ko", f"aoe_loads; target_answers {DISK}; cp /machine/mbr /dev/etherd/e11.0")
    assert mounted(machine, "root=PARTUUID=12345678-02 rd.aoe=e11.0") == "/dev/etherd/e11.0p2"


def test_only_the_target_s_own_devices_are_asked(machine: Machine) -> None:
    """Another target, and a disk of the machine, are copies of each other."""
    serve(machine)
    machine.put("dev/sda1", "")
    put_bytes(machine, "dev/sda1", XFS)
    more = "target_answers e10.0 aoe0 p1; cp /machine/xfs /dev/etherd/e10.0p1"
    machine.on("insmod aoe.ko", f"{machine.read('machine/insmod aoe.ko')}; {more}")
    assert mounted(machine, f"root=UUID={UUID} rd.aoe=e11.0") == "/dev/etherd/e11.0p2"


def test_a_uuid_that_two_partitions_have(machine: Machine) -> None:
    serve(machine)
    machine.on(
        "insmod aoe.ko", f"{machine.read('machine/insmod aoe.ko')}; cp /machine/xfs /dev/etherd/e11.0p1"
    )
    outcome = machine.boot(f"root=UUID={UUID} rd.aoe=e11.0")
    assert outcome.said(
        f"<4>aoeinit: root=UUID={UUID} is true for several partitions: e11.0p1 e11.0p2; using e11.0p1"
    )
    assert "switch_root [/sbin/init]" in outcome.log


@pytest.mark.parametrize(
    ("root", "verdicts"),
    [
        ("UUID=1-2", f"e11.0p1 (no UUID), e11.0p2 (UUID={UUID})"),
        ("LABEL=MY ROOT", "e11.0p1 (no LABEL), e11.0p2 (LABEL=my root)"),
        ("PARTUUID=*", "e11.0p1 (no PARTUUID), e11.0p2 (no PARTUUID)"),
        ("PARTLABEL=$(reboot)", "e11.0p1 (no PARTLABEL), e11.0p2 (no PARTLABEL)"),
    ],
)
def test_nothing_is_called_that(hurried: Machine, root: str, verdicts: str) -> None:
    fails(
        serve(hurried).boot(f'"root={root}" {NOW} rd.aoe=e11.0 rd.aoe.timeout=12'),
        f"nothing on target e11.0 is {root}: it has {verdicts}",
        waiting=f"{root} on target e11.0",
    )


def holds_init(machine: Machine, *devices: str) -> None:
    """These devices hold an init, all others that mount do not; swap does not mount at all."""
    cases = "".join(
        f"/dev/etherd/{device}) : >/sysroot/sbin/init; chmod 755 /sysroot/sbin/init ;;\n"
        for device in devices
    )
    machine.on(
        "mount sysroot",
        'rm -f /sysroot/sbin/init; while [ "$#" -gt 2 ]; do shift; done\n'
        f'case "$1" in\n{cases}*p9) refuse "mount: failed: Invalid argument" ;;\n*) ;;\nesac',
    )


def test_without_root_the_partition_with_an_init_is_it(machine: Machine) -> None:
    holds_init(serve(machine, "e11.0 aoe0 p1 p2 p9"), "e11.0p2")
    outcome = machine.boot("rd.aoe=e11.0 rw")
    assert [
        line for line in steps(outcome) if "/sysroot" in line and "move" not in line and "switch" not in line
    ] == [
        "mount -o ro /dev/etherd/e11.0p1 /sysroot",
        "umount /sysroot",
        "mount -o ro,norecovery /dev/etherd/e11.0p2 /sysroot",
        "umount /sysroot",
        "mount -o ro /dev/etherd/e11.0p9 /sysroot",
        "mount -o rw /dev/etherd/e11.0p2 /sysroot",
        "switch_root [/sysroot]",
    ][:6]


def test_without_root_two_partitions_with_an_init(machine: Machine) -> None:
    holds_init(serve(machine), "e11.0p1", "e11.0p2")
    fails(
        machine.boot(f"rd.aoe=e11.0 {NOW}"),
        "several partitions hold an init: e11.0p1 (init /sbin/init), e11.0p2 (init /sbin/init); "
        "name one, as in root=/dev/etherd/e11.0p1",
    )


def test_without_root_no_partition_with_an_init(hurried: Machine) -> None:
    holds_init(serve(hurried, "e11.0 aoe0 p2 p9"))
    fails(
        hurried.boot(f"rd.aoe=e11.0 rd.aoe.timeout=12 {NOW}"),
        "no partition of target e11.0 holds an init: e11.0p2 (no init), e11.0p9 (cannot be mounted)",
        waiting="a partition with an init on target e11.0",
    )


TWO = "target_answers e5.0 aoe0 p1; target_answers e6.0 aoe0 p1"
FIRMWARE = "sys/firmware/acpi/tables/aBFT"


@pytest.mark.parametrize(
    ("cmdline", "image", "said", "root"),
    [
        ("root=aoe:e6.0p1 rd.aoe=e6.0", "e5.0", "target e6.0, as root=aoe:e6.0p1 says", "e6.0p1"),
        ("rd.aoe=e6.0", "e5.0", "target e6.0, as rd.aoe= says", "e6.0p1"),
        ("rd.aoe=e7.0,e6.0,e5.0", "", "target e7.0 or e6.0 or e5.0, as rd.aoe= says", "e6.0p1"),
        ("rd.aoe=e5.0,e6.0", "", "target e5.0 or e6.0, as rd.aoe= says", "e5.0p1"),
        ("rd.aoe=nonsense", "e6.0", "target e6.0, as the image says", "e6.0p1"),
        ("", "e5.0", "target e5.0, as the image says", "e5.0p1"),
    ],
)
def test_whose_word_the_target_is(machine: Machine, cmdline: str, image: str, said: str, root: str) -> None:
    furnish(machine).put("etc/aoeinit/image", f"kernel=6.1.0-test\ntarget={image}\n")
    machine.on("insmod aoe.ko", f"aoe_loads; {TWO}")
    assert mounted(machine, cmdline) == f"/dev/etherd/{root}"
    assert f"<6>aoeinit: {said}" in machine.read("dev/kmsg").splitlines()


def test_the_firmware_is_stronger_than_the_image_and_names_the_interface(machine: Machine) -> None:
    furnish(machine).put("etc/aoeinit/image", "kernel=6.1.0-test\ntarget=e5.0\n")
    machine.plug_in("eth7", 7)
    machine.on("insmod aoe.ko", f"aoe_loads; {TWO}")
    put_bytes(machine, FIRMWARE, abft(6, 0, bytes.fromhex(mac_of(2).replace(":", ""))))
    outcome = machine.boot("")
    assert outcome.said(f"target e6.0, as the firmware's aBFT says, for interface {mac_of(2)}")
    assert [line for line in outcome.log if line.endswith(" up")] == ["ip link set dev aoe0 up"]
    assert "mount -o ro /dev/etherd/e6.0p1 /sysroot" in outcome.log


def test_an_interface_that_only_the_firmware_knows(hurried: Machine) -> None:
    furnish(hurried, target="e11.0 aoe0 p1")
    put_bytes(hurried, FIRMWARE, abft(11, 0))
    outcome = hurried.boot("")
    assert outcome.said(
        "<4>aoeinit: no network interface has the MAC 52:54:00:11:00:01 of the firmware's aBFT; using all"
    )
    assert "switch_root [/sbin/init]" in outcome.log


def test_an_interface_that_the_parameter_names_as_well_is_the_only_one(hurried: Machine) -> None:
    furnish(hurried, target="e11.0 aoe0 p1")
    put_bytes(hurried, FIRMWARE, abft(11, 0))
    outcome = hurried.boot(f"{NOW} rd.aoe.nic=52:54:00:11:00:01")
    words = f"no network interface that is 52:54:00:11:00:01; there are: eth0 ({mac_of(2)})"
    assert outcome.errors[-1].startswith(words)


@pytest.mark.parametrize("cmdline", ["root=aoe:e11.0p1", "rd.aoe=e11.0 root=aoe:e11.0p1"])
def test_parameter_and_firmware_disagree(machine: Machine, cmdline: str) -> None:
    put_bytes(furnish(machine), FIRMWARE, abft(9, 0))
    outcome = machine.boot(cmdline)
    problem = "the firmware's aBFT names e9.0 and root=aoe:e11.0p1 e11.0; the parameter decides"
    assert f"<4>aoeinit: {problem}" in outcome.kmsg
    assert "switch_root [/sbin/init]" in outcome.log


def test_nobody_names_a_target_and_one_answers(machine: Machine) -> None:
    furnish(machine, target="e11.0 aoe0 p1")
    assert mounted(machine, "") == "/dev/etherd/e11.0p1"


def test_nobody_names_a_target_and_two_answer(machine: Machine) -> None:
    furnish(machine).on("insmod aoe.ko", f"aoe_loads; {TWO}")
    fails(
        machine.boot(NOW),
        "several targets answered (e5.0, e6.0), and nothing says which one to boot from: "
        "name it, as in rd.aoe=e11.0",
    )


def test_nobody_names_a_target_and_none_answers(hurried: Machine) -> None:
    place = f"on aoe0 ({mac_of(2)})"
    fails(
        furnish(hurried, target="").boot(f"{NOW} rd.aoe.timeout=12"),
        f"no AoE target answered {place} within 12 s, and any was waited for; "
        "a server that does not admit this MAC address looks the same",
        waiting=f"any AoE target to answer {place}",
    )
