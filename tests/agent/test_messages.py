import pytest

from tests.agent.machine import Machine
from tests.agent.shell import agent_shell, single_quoted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("", ""),
        ("a\nb\tc\x1b[2Jd\x7f", "a b c [2Jd "),
        ("\n\n", "  "),
        ("é $(x) %s \\n *", "é $(x) %s \\n *"),
        ("a" * 4096 + "\n", "a" * 4096 + " "),
    ],
)
def test_control_characters_do_not_reach_the_log(text: str, shown: str) -> None:
    assert agent_shell(f"printable {single_quoted(text)}; printf '%s' \"$printable\"") == shown


def test_levels(machine: Machine) -> None:
    outcome = machine.run("info a; warn b; error c; detail d; debug=1; detail e")
    assert outcome.kmsg == ["<6>aoeinit: a", "<4>aoeinit: b", "<3>aoeinit: c", "<6>aoeinit: e"]


def test_a_line_is_never_longer_than_the_kernel_takes(machine: Machine) -> None:
    (line,) = machine.run(f"say 6 {'x' * 5000}").kmsg
    assert line == "<6>aoeinit: " + "x" * 900


def test_without_a_log_messages_go_to_the_console(machine: Machine) -> None:
    (machine.root / "dev/kmsg").unlink()
    machine.put("dev/kmsg.none", "")
    script = "say() { :; }; . /lib/aoeinit/messages.sh; info a; quiet=1; info b; error c; : >/dev/kmsg"
    assert machine.run(script).output == "aoeinit: a\naoeinit: c\n"


def test_a_kernel_told_to_ignore_messages_does_not_swallow_them(machine: Machine) -> None:
    machine.put("proc/sys/kernel/printk_devkmsg", "off\n")
    outcome = machine.run("open_messages; info a")
    assert (outcome.output, outcome.kmsg) == ("aoeinit: a\n", [])


def test_the_limit_on_messages_is_lifted_and_given_back(machine: Machine) -> None:
    machine.run("open_messages")
    assert machine.read("proc/sys/kernel/printk_devkmsg") == "on\n"
    machine.put("proc/sys/kernel/printk_devkmsg", "ratelimit\n")
    machine.run("open_messages; close_messages")
    assert machine.read("proc/sys/kernel/printk_devkmsg") == "ratelimit\n"


def test_problems_are_warned_of_and_kept(machine: Machine) -> None:
    outcome = machine.run('problem one; problem two; echo "$problems"')
    assert outcome.kmsg == ["<4>aoeinit: one", "<4>aoeinit: two"]
    assert outcome.output == "one; two\n"


@pytest.mark.parametrize(
    ("panic", "messages"),
    [("-1", ["why"]), ("5", ["why", "restarting in 5 seconds"]), ("30", ["why", "restarting in 30 seconds"])],
)
def test_a_failure_restarts_the_machine(hurried: Machine, panic: str, messages: list[str]) -> None:
    outcome = hurried.run(f"panic={panic}; timeout=0; mkdir -p /run/aoeinit; start_events; fail why")
    assert outcome.errors == messages
    assert outcome.log[-1] == "reboot -n -f"


def test_a_failure_tells_what_went_wrong_before(machine: Machine) -> None:
    assert machine.run("panic=-1; problem before; fail why").errors == ["why", "earlier in this boot: before"]


def test_a_failure_may_wait_for_ever(machine: Machine) -> None:
    outcome = machine.run("panic=0; pause_for_ever() { echo waits; exit; }; fail why")
    assert outcome.errors == ["why", "waiting for ever, as panic=0 says"]
    assert outcome.output == "waits\n"
    assert outcome.log == []


def test_a_machine_that_does_not_restart_never_lets_process_1_end(machine: Machine) -> None:
    machine.put("bin/reboot", "#!/bin/sh\nexit 1\n")
    outcome = machine.run("panic=-1; pause_for_ever() { echo waits; exit; }; fail why")
    assert outcome.errors == ["why", "the machine does not restart"]
    assert outcome.output == "waits\n"
