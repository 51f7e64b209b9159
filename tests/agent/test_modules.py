import pytest

from tests.agent.machine import Machine

LIST = """\
early required /lib/modules/a.ko
network optional /lib/modules/b.ko
network required /lib/modules/c.ko
aoe required /lib/modules/aoe.ko
"""


def test_a_stage_is_loaded_in_its_order(machine: Machine) -> None:
    machine.put("etc/aoeinit/modules", LIST)
    machine.on("insmod b.ko", "true")
    machine.on("insmod c.ko", "true")
    outcome = machine.run("load_modules network && echo complete")
    assert outcome.log == ["insmod /lib/modules/b.ko", "insmod /lib/modules/c.ko"]
    assert (outcome.output, outcome.kmsg) == ("complete\n", [])


def test_an_optional_module_may_fail(machine: Machine) -> None:
    machine.put("etc/aoeinit/modules", LIST)
    machine.on("insmod c.ko", "true")
    outcome = machine.run("load_modules network && echo complete")
    assert (outcome.output, outcome.kmsg) == ("complete\n", [])


def test_a_required_module_that_fails_is_a_problem(machine: Machine) -> None:
    machine.put("etc/aoeinit/modules", LIST)
    outcome = machine.run('load_modules network || echo incomplete; echo "$problems"')
    assert outcome.output == "incomplete\nmodule c.ko did not load (No such device)\n"
    assert outcome.kmsg == ["<4>aoeinit: module c.ko did not load (No such device)"]


def test_a_module_that_is_there_already(machine: Machine) -> None:
    machine.on("insmod c.ko", "refuse \"insmod: can't insert '/lib/modules/c.ko': File exists\"")
    assert machine.run("load_module required /lib/modules/c.ko && echo there").output == "there\n"


def test_a_listed_image_looks_up_no_alias(machine: Machine) -> None:
    machine.put("sys/bus/pci/devices/0/modalias", "pci:a\n")
    assert machine.run("image_nic=listed; load_modules_by_alias").log == []


def test_devices_that_drivers_bring_to_light_are_looked_up_too(machine: Machine) -> None:
    machine.put("sys/bus/pci/devices/0/modalias", "pci:virtio\n")
    machine.put("sys/bus/pci/devices/1/modalias", "pci:disk\n")
    machine.put("sys/bus/acpi/devices/2/modalias", "pci:disk\n")
    machine.put("sys/bus/acpi/devices/3/uevent", "")
    machine.on(
        "modprobe", "mkdir -p /sys/bus/virtio/devices/4; echo virtio:net >/sys/bus/virtio/devices/4/modalias"
    )
    outcome = machine.run("image_nic=all; load_modules_by_alias; load_modules_by_alias")
    assert outcome.log == [
        "modprobe -a -q pci:disk pci:virtio",
        "modprobe -a -q pci:disk pci:virtio virtio:net",
    ]
    assert (outcome.output, outcome.kmsg) == ("", [])


def test_devices_without_end_are_not_followed_for_ever(machine: Machine) -> None:
    machine.put("sys/bus/pci/devices/0/modalias", "pci:0\n")
    machine.on("modprobe", 'new="/sys/bus/pci/devices/$#"; mkdir -p "$new"; echo "pci:$#" >"$new/modalias"')
    assert len(machine.run("image_nic=all; load_modules_by_alias").log) <= 8


def test_what_modprobe_complains_of_is_a_problem(machine: Machine) -> None:
    machine.put("sys/bus/pci/devices/0/modalias", "pci:0\n")
    machine.on("modprobe", 'refuse "modprobe: can\'t load module e1000 (e1000.ko): invalid module format"')
    outcome = machine.run("image_nic=all; load_modules_by_alias")
    assert outcome.kmsg == ["<4>aoeinit: modprobe: can't load module e1000 (e1000.ko): invalid module format"]


@pytest.mark.parametrize(("modules", "listed"), [("", ""), ("a 1 2 - Live 0x0\nb 1 0 - Live 0x0\n", "a b")])
def test_the_modules_in_the_kernel(machine: Machine, modules: str, listed: str) -> None:
    machine.put("proc/modules", modules)
    assert machine.run('list_loaded_modules; echo "$loaded"').output == f"{listed}\n"


def test_aliases_are_handed_to_modprobe_as_they_are(machine: Machine) -> None:
    assert machine.run("printf 'a b\\n*\\n\\\\x\\n' | load_aliases").log == ["modprobe -a -q a b * \\x"]


@pytest.mark.parametrize(
    ("cmdline", "insmod"),
    [
        ("e1000e.IntMode=1 e1000e.debug=2,3", "insmod /lib/modules/e1000e.ko IntMode=1 debug=2,3"),
        ("snd-e1000e.x=1 e1000.y=1 e1000e=z rd.e1000e=1", "insmod /lib/modules/e1000e.ko"),
        ('e1000e.name="a b $(reboot)"', "insmod /lib/modules/e1000e.ko name=a b $(reboot)"),
        ("e1000e.flag", "insmod /lib/modules/e1000e.ko flag"),
        ("-- e1000e.flag", "insmod /lib/modules/e1000e.ko"),
    ],
)
def test_a_module_gets_its_parameters(machine: Machine, cmdline: str, insmod: str) -> None:
    machine.on("insmod e1000e.ko", "true")
    script = 'parse_words "$1"; load_module required /lib/modules/e1000e.ko && echo there'
    outcome = machine.run(script, cmdline)
    assert (outcome.output, outcome.log) == ("there\n", [insmod])


def test_a_dash_in_the_name_of_a_module_is_an_underscore(machine: Machine) -> None:
    machine.on("insmod xen-netfront.ko", "true")
    script = 'parse_words "$1"; load_module required /lib/modules/xen-netfront.ko'
    outcome = machine.run(script, "xen_netfront.max_queues=2 xen-netfront.x=y_1-2")
    assert outcome.log == ["insmod /lib/modules/xen-netfront.ko max_queues=2 x=y_1-2"]
