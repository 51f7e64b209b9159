"""The whole agent over a made-up machine that boots, whatever its devices and its command line are."""

import re

import pytest

from aoeinit.boot.contract import DEAD_SECONDS, STATE_KEYS, STEPS
from tests.agent.boot_samples import NO_ANSWER, NOW, ROOT, furnish, steps, switched
from tests.agent.machine import Machine, mac_of


def test_a_boot_in_its_order(machine: Machine) -> None:
    outcome = furnish(machine).boot(f"{ROOT} rootfstype=ext4 quiet", "single")
    assert outcome.output == ""
    assert outcome.errors == []
    assert steps(outcome) == [
        "mount -t devtmpfs -o mode=0755,nosuid devtmpfs /dev",
        "mount -t proc -o nosuid,nodev,noexec proc /proc",
        "mount -t sysfs -o nosuid,nodev,noexec sysfs /sys",
        "mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs /run",
        "insmod /lib/modules/mii.ko",
        "insmod /lib/modules/e1000.ko",
        "ip link set dev eth0 name aoe0",
        "ip link set dev aoe0 up",
        "insmod /lib/modules/crc32c-intel.ko",
        "insmod /lib/modules/ext4.ko",
        "insmod /lib/modules/aoe.ko aoe_iflist=aoe0",
        "mount -t ext4 -o ro /dev/etherd/e11.0p1 /sysroot",
        "mount -t debugfs debugfs /sys/kernel/debug",
        "umount /sys/kernel/debug",
        "mount -o move /dev /sysroot/dev",
        "mount -o move /proc /sysroot/proc",
        "mount -o move /sys /sysroot/sys",
        "mount -o move /run /sysroot/run",
        "switch_root [-c]",
        "switch_root [/dev/console]",
        "switch_root [/sysroot]",
        "switch_root [/sbin/init]",
        "switch_root [single]",
    ]


@pytest.mark.parametrize(
    ("parameters", "target"),
    [
        (ROOT, "e11.0 aoe0 p1"),
        ("rd.aoe=e11.0", "e11.0 aoe0 p1"),
        (f"{ROOT} rd.overlay rd.aoe.vlan=7", "e11.0 eth0.7 p1"),
        (f"{ROOT} rd.aoe.nic=eth0 rd.aoe.server=52:54:00:aa:bb:cc", "e11.0 aoe0 p1"),
    ],
)
def test_a_boot_that_finds_all_in_place_waits_for_nothing(
    still: Machine, parameters: str, target: str
) -> None:
    """A wait would end it. The watcher beside the agent is left out: it does nothing else."""
    furnish(still, target=target)
    still.put("proc/filesystems", "nodev\toverlay\n\text4\n")
    still.put("lib/aoeinit/~strict.sh", "watch_silence() { :; }\nnext_event() { record_reboot waited; }\n")
    outcome = still.boot(parameters)
    assert not [line for line in outcome.log if line.startswith("reboot")]
    assert switched(outcome)


def test_what_a_boot_leaves_behind(machine: Machine) -> None:
    furnish(machine).boot(ROOT)
    state = dict(line.split("=", 1) for line in machine.read("run/aoeinit/state").splitlines())
    assert state == {
        "target": "e11.0",
        "device": "/dev/etherd/e11.0",
        "interface": "aoe0",
        "mac": mac_of(2),
        "mtu": "1500",
        "server": "52:54:00:aa:bb:cc",
        "paths": "52:54:00:aa:bb:cc",
        "root": "/dev/etherd/e11.0p1",
        "filesystem": "ext4",
        "parameter": ROOT,
    }
    assert {*state, "overlay"} == set(STATE_KEYS)
    timeline = [line.split() for line in machine.read("run/aoeinit/timeline").splitlines()]
    assert tuple(step for _, step in timeline) == STEPS
    assert [float(seconds) for seconds, _ in timeline] == sorted(float(seconds) for seconds, _ in timeline)
    assert machine.read("proc/sys/kernel/printk_devkmsg") == "ratelimit\n"
    assert not (machine.root / "run/aoeinit/events").exists()


def parameters_used(machine: Machine) -> list[str]:
    """What is behind each ``parameter=`` of the state."""
    lines = machine.read("run/aoeinit/state").split("\n")
    return [line.removeprefix("parameter=") for line in lines if line.startswith("parameter=")]


def test_the_parameters_that_were_used_are_left_behind(machine: Machine) -> None:
    furnish(machine).boot(
        f'{ROOT} splash ro rw e1000.debug=16 "rootflags=a b" rd.aoe.timeout=soon quiet -- rd.debug'
    )
    assert parameters_used(machine) == [ROOT, "ro", "rw", "rootflags=a b", "rd.aoe.timeout=soon", "quiet"]


def test_what_was_passed_on_to_modules_is_left_behind(machine: Machine) -> None:
    modules = "e1000 1 0 - Live\nvirtio_net 1 0 - Live\naoe 1 0 - Live\n"
    furnish(machine).put("proc/modules", modules)
    machine.boot(f"e1000.debug=16 {ROOT} systemd.unit=x virtio-net.napi_tx aoe.aoe_maxout=4 snd.slots=a")
    assert parameters_used(machine) == [ROOT, "e1000.debug=16", "virtio_net.napi_tx", "aoe.aoe_maxout=4"]


def test_without_parameters_none_are_told(machine: Machine) -> None:
    machine.run("mkdir /run/aoeinit; target_answers e11.0 aoe0; target=e11.0; write_state")
    assert "target=e11.0" in machine.read("run/aoeinit/state")
    assert parameters_used(machine) == []


def test_the_new_init_gets_what_the_kernel_gave(machine: Machine) -> None:
    outcome = furnish(machine).boot(ROOT, "single", "a b", env={"mode": "x y"})
    assert switched(outcome)[3:] == ["[/sbin/init]", "[single]", "[a b]"]
    environment = {line for line in outcome.log if line.startswith("environment")}
    assert environment >= {"environment [HOME=/]", "environment [TERM=linux]", "environment [mode=x y]"}
    assert not {line for line in environment if "libraries" in line or "target=" in line}


def test_the_driver_uses_the_candidates_only_and_never_gives_up(machine: Machine) -> None:
    furnish(machine).boot(ROOT)
    assert machine.read("sys/module/aoe/parameters/aoe_iflist") == "aoe0"
    assert machine.read("sys/module/aoe/parameters/aoe_deadsecs") == str(DEAD_SECONDS)


def test_a_built_in_driver_is_told_the_same(machine: Machine) -> None:
    furnish(machine)
    machine.run("aoe_loads; target_answers e11.0 aoe0 p1; >/log")
    outcome = machine.boot(ROOT)
    assert not [line for line in outcome.log if line.startswith("insmod /lib/modules/aoe.ko")]
    assert machine.read("sys/module/aoe/parameters/aoe_iflist") == "aoe0"
    assert "switch_root [/sbin/init]" in outcome.log


@pytest.mark.parametrize(
    ("parameters", "mounted"),
    [
        ("", "-o ro /dev/etherd/e11.0p1"),
        ("rw", "-o rw /dev/etherd/e11.0p1"),
        ("rw ro", "-o ro /dev/etherd/e11.0p1"),
        ("rootfstype=xfs rootflags=norecovery,nouuid", "-t xfs -o ro,norecovery,nouuid /dev/etherd/e11.0p1"),
        ('rootflags="a b" rw', "-o rw,a b /dev/etherd/e11.0p1"),
        ("rootfstype=-x", "-t -x -o ro /dev/etherd/e11.0p1"),
        ("root=/dev/etherd/e11.0", "-o ro /dev/etherd/e11.0"),
    ],
)
def test_how_the_root_is_mounted(machine: Machine, parameters: str, mounted: str) -> None:
    outcome = furnish(machine).boot(f"{ROOT} {parameters}")
    assert f"mount {mounted} /sysroot" in outcome.log


def test_root_file_system_types_are_tried_in_order(machine: Machine) -> None:
    furnish(machine).on("mount sysroot", '[ "$2" != xfs ] || refuse no')
    outcome = machine.boot(f"{ROOT} rootfstype=xfs,ext4")
    assert "switch_root [/sbin/init]" in outcome.log
    assert outcome.log.index("mount -t xfs -o ro /dev/etherd/e11.0p1 /sysroot") < outcome.log.index(
        "mount -t ext4 -o ro /dev/etherd/e11.0p1 /sysroot"
    )


def test_a_folder_that_the_root_lacks_is_unmounted(machine: Machine) -> None:
    (furnish(machine).root / "sysroot/run").rmdir()
    outcome = machine.boot(ROOT)
    assert "umount -l /run" in outcome.log
    assert "mount -o move /run /sysroot/run" not in outcome.log


def test_interfaces_that_do_not_serve_go_down_again(machine: Machine) -> None:
    furnish(machine)
    machine.plug_in("eth1", 3)
    machine.on("insmod aoe.ko", "aoe_loads; target_answers e11.0 eth0 p1")
    outcome = machine.boot(ROOT)
    assert {"ip link set dev eth0 up", "ip link set dev eth1 up"} < set(outcome.log)
    downs = [line for line in outcome.log if line.endswith(" down")]
    assert downs == ["ip link set dev eth1 down"]
    assert "interface=aoe0" in machine.read("run/aoeinit/state").splitlines()
    assert machine.read("sys/module/aoe/parameters/aoe_iflist") == "aoe0"


def test_a_target_that_comes_late_is_waited_for(machine: Machine) -> None:
    furnish(machine, target="")
    machine.speed = 60
    machine.at(120, lambda: appear(machine))
    outcome = machine.boot(f"{ROOT} rd.aoe.timeout=0 quiet")
    assert "switch_root [/sbin/init]" in outcome.log
    assert set(outcome.errors) == {f"waiting for {NO_ANSWER}"}


def appear(machine: Machine) -> None:
    (machine.root / "dev/etherd/e11.0p1").touch()
    disk = machine.root / "machine/disk"
    disk.mkdir()
    (disk / "mac").write_text("525400aabbcc\n")
    (disk / "netif").write_text("aoe0\n")
    (machine.root / "sys/block").mkdir(exist_ok=True)
    disk.rename(machine.root / "sys/block/etherd!e11.0")  # all at once, as the kernel does


def test_an_interface_that_comes_late_serves_too(machine: Machine) -> None:
    """The first card has no link; the one that the server is on is found only later."""
    furnish(machine)
    machine.put("machine/card/link", "0\n")
    machine.speed = 200
    machine.at(30, lambda: machine.plug_in("eth5", 5))
    machine.on("insmod aoe.ko", "aoe_loads; target_answers e11.0 eth5 p1")
    outcome = machine.boot(f"{ROOT} rd.aoe.timeout=0")
    assert "switch_root [/sbin/init]" in outcome.log
    assert "insmod /lib/modules/aoe.ko aoe_iflist=aoe0,eth5" in outcome.log
    assert f"mac={mac_of(5)}" in machine.read("run/aoeinit/state").splitlines()
    assert machine.read("sys/module/aoe/parameters/aoe_iflist") == "aoe0"
    assert "ip link set dev aoe0 down" in outcome.log


def test_a_driver_is_looked_up_for_a_device_that_comes_after_the_first_interface(machine: Machine) -> None:
    """An image for any machine: the card on the board has no link, the one on USB shows itself later."""
    furnish(machine)
    machine.put("machine/card/link", "0\n")
    machine.put("etc/aoeinit/image", "nic=all\n")
    machine.plug_in("adapter", 5)
    (machine.root / "sys/class/net/adapter").rename(machine.root / "machine/adapter")
    machine.put("sys/bus/pci/devices/0/modalias", "pci:card\n")
    machine.speed = 200
    machine.at(30, lambda: machine.put("sys/bus/usb/devices/1-1:1.0/modalias", "usb:adapter\n"))
    machine.on("modprobe", "[ ! -e /sys/bus/usb ] || mv /machine/adapter /sys/class/net/eth5")
    machine.on("insmod aoe.ko", "aoe_loads; target_answers e11.0 eth5 p1")
    outcome = machine.boot(f"{ROOT} rd.aoe.timeout=0")
    assert "modprobe -a -q pci:card usb:adapter" in outcome.log
    assert "switch_root [/sbin/init]" in outcome.log


def test_an_interface_that_can_be_raised_comes_after_one_that_cannot(hurried: Machine) -> None:
    furnish(hurried).plug_in("eth5", 5)
    (hurried.root / "sys/class/net/eth5").rename(hurried.root / "machine/late")
    hurried.on(
        "ip up", '[ -e /sys/class/net/eth5 ] || { mv /machine/late /sys/class/net/eth5; refuse "ip: no"; }'
    )
    hurried.on("insmod aoe.ko", "aoe_loads; target_answers e11.0 eth5 p1")
    outcome = hurried.boot(f"{ROOT} {NOW}")
    assert outcome.said(f"<4>aoeinit: cannot raise aoe0 ({mac_of(2)}): ip: no")
    assert outcome.said(f"<6>aoeinit: using interface eth5 ({mac_of(5)})")
    assert switched(outcome)


def test_a_link_that_does_not_come_back_after_a_rename_is_no_end(hurried: Machine) -> None:
    """Who mounts the root waits for the target with a watcher beside it."""
    furnish(hurried, target="e11.0 eth0 p1").plug_in("eth1", 3)
    away = "{ echo 0 >/sys/class/net/eth0/link; refuse busy; }"
    hurried.on("ip name", f'[ ! -e "/sys/class/net/$1/carrier" ] || {away}')
    hurried.on("mount sysroot", 'note "carrier $(cat /sys/class/net/aoe0/carrier)"')
    outcome = hurried.boot(ROOT)
    assert switched(outcome)
    assert "carrier 0" in outcome.log
    assert outcome.said(f"<4>aoeinit: no carrier on aoe0 ({mac_of(2)}) since it was renamed")


def test_two_targets_named(machine: Machine) -> None:
    furnish(machine).put("etc/aoeinit/image", "kernel=6.1.0-test\ntarget=e9.0\n")
    outcome = machine.boot(f"{ROOT} rd.aoe=e12.0")
    assert outcome.said("<4>aoeinit: rd.aoe=e12.0 and root=/dev/etherd/e11.0p1 name different targets; root=")
    assert outcome.said("<6>aoeinit: the image was built for e9.0")
    assert "switch_root [/sbin/init]" in outcome.log


def test_a_kernel_without_devtmpfs(machine: Machine) -> None:
    furnish(machine).on("mount dev", "false")
    machine.on(
        "insmod aoe.ko",
        "aoe_loads; target_answers e11.0 aoe0; rm /dev/etherd/*\n"
        "mkdir -p /sys/class/aoe/discover '/sys/class/block/etherd!e11.0p1'\n"
        "echo 152:3 >/sys/class/aoe/discover/dev; echo 259:7 >'/sys/class/block/etherd!e11.0p1/dev'",
    )
    machine.on("mknod", 'case "$1" in /*) : >"$1" ;; esac')
    outcome = machine.boot(ROOT)
    assert [line for line in outcome.log if line.startswith("mknod")] == [
        "mknod -m 600 /dev/console c 5 1",
        "mknod -m 666 /dev/null c 1 3",
        "mknod -m 600 /dev/kmsg c 1 11",
        "mknod /dev/etherd/e11.0p1 b 259 7",
    ]
    assert "switch_root [/sbin/init]" in outcome.log


def test_steps_are_not_told_unasked(machine: Machine) -> None:
    outcome = furnish(machine).boot(ROOT)
    assert not outcome.said("step")
    assert not outcome.said("optional")


def test_debug_tells_steps_and_optional_modules(machine: Machine) -> None:
    outcome = furnish(machine).boot(f"{ROOT} rd.debug")
    assert outcome.said("optional module crc32c-intel.ko did not load (No such device)")
    assert outcome.said("loaded e1000.ko")
    assert all(outcome.said(f"step {step} reached at") for step in STEPS)


HOSTILE = [
    "$(reboot)",
    "`reboot`",
    ";reboot",
    "* ? [a-z]",
    "a'b",
    "%s%n",
    "\\",
    "-rf /",
    "é\x7f\x1b[2J",
    "a\ntarget=e6.6;reboot",
    'a"$(reboot)"b',
    "x" * 4096,
]


def printed(text: str) -> str:
    """What is made of a text for a line of a message or of the state."""
    return re.sub(r"[\x00-\x1f\x7f]", " ", text)


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    "name",
    [
        *("rootfstype", "rootflags", "panic", "other", "rd.break"),
        *("rd.aoe", "rd.aoe.mtu", "rd.aoe.onfail", "rd.aoe.timeout", "rd.aoe.vlan", "rd.overlay"),
    ],
)
def test_hostile_values_are_data(machine: Machine, name: str, value: str) -> None:
    furnish(machine).put("proc/filesystems", "nodev\toverlay\n\text4\n")
    outcome = machine.boot(f'{ROOT} "{name}={value}"')
    assert outcome.output == ""
    assert "switch_root [/sbin/init]" in outcome.log
    assert not [line for line in outcome.log if line.startswith("reboot")]
    if name != "other":
        assert parameters_used(machine)[1:] == [printed(f"{name}={value}")]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    ("name", "message"),
    [("init", "init={}: no such program"), ("rd.aoe.nic", "no network interface that is {}; there are: ")],
)
def test_hostile_values_that_name_nothing_end_the_boot(
    hurried: Machine, name: str, message: str, value: str
) -> None:
    outcome = furnish(hurried).boot(f'{ROOT} {NOW} "{name}={value}"')
    assert outcome.output == ""
    assert [line for line in outcome.errors if line.startswith(printed(message.format(value))[:900])]
    assert [line for line in outcome.log if line.startswith("reboot")] == ["reboot -n -f"]
    assert not switched(outcome)


def test_a_value_cannot_pass_for_another_line_of_the_state(machine: Machine) -> None:
    furnish(machine).boot(f'{ROOT} "rootflags=a\ntarget=e6.6\nparameter=rw"')
    assert "target=e6.6" not in machine.read("run/aoeinit/state").split("\n")
    assert parameters_used(machine) == [ROOT, "rootflags=a target=e6.6 parameter=rw"]
