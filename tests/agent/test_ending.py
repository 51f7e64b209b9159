"""How a boot ends that does not reach its root, and who gets a shell."""

import pytest

from tests.agent.boot_samples import ROOT, furnish
from tests.agent.machine import Machine

FAILING = "root=x"
OPEN = "kernel=6.1.0-test\nshell=open\n"


@pytest.mark.parametrize(
    ("parameters", "message", "last"),
    [
        ("", "restarting in 30 seconds", "reboot -n -f"),
        ("rd.aoe.onfail=reboot panic=5", "restarting in 5 seconds", "reboot -n -f"),
        ("rd.aoe.onfail=poweroff", "switching off in 30 seconds", "poweroff -n -f"),
        ("rd.aoe.onfail=poweroff rd.aoe.onfail=nonsense", "switching off in 30 seconds", "poweroff -n -f"),
        ("rd.aoe.onfail=", "restarting in 30 seconds", "reboot -n -f"),
    ],
)
def test_what_follows_a_failure(hurried: Machine, parameters: str, message: str, last: str) -> None:
    outcome = furnish(hurried).boot(f"{FAILING} {parameters}")
    assert outcome.errors[-1] == message
    assert outcome.log[-1] == last


PANIC = "proc/sys/kernel/panic"


@pytest.mark.parametrize(
    ("parameters", "kernels", "left"),
    [
        ("", "0", "30"),
        ("", "10", "10"),
        ("", "-1", "-1"),
        ("panic=0", "0", "0"),
        ("panic=7", "7", "7"),
        ("panic=soon", "0", "30"),
        ("rd.aoe.onfail=nonsense", "0", "30"),
        *((f"rd.aoe.onfail={what}", "0", "0") for what in ("shell", "poweroff", "wait")),
    ],
)
def test_a_kernel_that_panics_restarts_the_machine(
    machine: Machine, parameters: str, kernels: str, left: str
) -> None:
    """Such as one whose new init cannot be executed; ``kernels`` is what it does by its own parameter."""
    furnish(machine).put(PANIC, f"{kernels}\n")
    outcome = machine.boot(f"{ROOT} {parameters}")
    assert "switch_root [/sbin/init]" in outcome.log
    assert machine.read(PANIC) == f"{left}\n"


def test_a_kernel_that_panics_early_restarts_it_too(machine: Machine) -> None:
    furnish(machine).put(PANIC, "0\n")
    machine.on("insmod mii.ko", f"cp /{PANIC} /seen")
    machine.boot(ROOT)
    assert machine.read("seen") == "30\n"


def test_a_failure_may_be_waited_out(machine: Machine) -> None:
    outcome = machine.run("onfail=wait; pause_for_ever() { echo waits; exit; }; fail why")
    assert outcome.errors == ["why", "waiting for ever, as rd.aoe.onfail=wait says"]
    assert outcome.output == "waits\n"


@pytest.mark.parametrize("parameters", ["rd.aoe.onfail=shell", "rd.break=start", "rd.break=$(reboot)"])
def test_an_image_without_a_shell_opens_none(machine: Machine, parameters: str) -> None:
    outcome = furnish(machine).boot(f"{FAILING} {parameters} panic=-1")
    assert not [line for line in outcome.log if line.startswith("setsid")]
    wanted = f"{parameters} needs an image that was built with --emergency-shell; this one has no shell"
    assert (wanted in outcome.errors) == ("$" not in parameters)
    assert outcome.log[-1] == "reboot -n -f"


@pytest.mark.parametrize(("shell", "program"), [("open", "sh"), ("password", "sulogin")])
def test_the_shell_of_an_image_that_has_one(machine: Machine, shell: str, program: str) -> None:
    furnish(machine).put("etc/aoeinit/image", f"kernel=6.1.0-test\nshell={shell}\n")
    machine.on("setsid", "true")
    outcome = machine.boot(f"{FAILING} rd.aoe.onfail=shell panic=-1")
    assert outcome.errors[-1] == "rd.aoe.onfail=shell: a shell on the console; leave it with exit"
    assert [line for line in outcome.log if line.startswith("setsid")] == [f"setsid cttyhack {program}"]
    assert outcome.log[-1] == "reboot -n -f"


def test_a_failure_opens_no_shell_unasked(machine: Machine) -> None:
    furnish(machine).put("etc/aoeinit/image", OPEN)
    outcome = machine.boot(f"{FAILING} panic=-1")
    assert not [line for line in outcome.log if line.startswith("setsid")]


def test_a_boot_goes_on_after_a_break(machine: Machine) -> None:
    furnish(machine).put("etc/aoeinit/image", OPEN)
    outcome = machine.boot(f"{ROOT} rd.break=carrier")
    assert outcome.log.count("setsid cttyhack sh") == 1
    assert outcome.log.index("setsid cttyhack sh") < outcome.log.index(
        "insmod /lib/modules/aoe.ko aoe_iflist=aoe0"
    )
    assert "switch_root [/sbin/init]" in outcome.log


def test_the_time_in_a_shell_is_not_lost_to_the_search(still: Machine) -> None:
    furnish(still, target="").put("etc/aoeinit/image", OPEN)
    still.on("setsid", 'seconds=400; echo "400.00 0.00" >/proc/uptime')
    still.put(
        "lib/aoeinit/~stepped.sh",
        'next_event() { seconds=$((seconds + 1)); echo "$seconds.00 0.00" >/proc/uptime\n'
        '[ "$seconds" -ne 410 ] || target_answers e11.0 aoe0 p1; }\n',
    )
    outcome = still.boot(f"{ROOT} rd.break=carrier")
    assert "switch_root [/sbin/init]" in outcome.log


def test_a_step_that_is_none_is_said(machine: Machine) -> None:
    furnish(machine).put("etc/aoeinit/image", OPEN)
    outcome = machine.boot(f"{ROOT} rd.break=pre-mount")
    steps = "start, modules, interface, carrier, aoe, device, root, switch"
    assert outcome.said(f"<4>aoeinit: rd.break=pre-mount is none of {steps}; ignored")
    assert "switch_root [/sbin/init]" in outcome.log
