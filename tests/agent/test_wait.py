"""Time, the time line and the waits. Where it matters how much time passes, each wait takes one second."""

import pytest

from tests.agent.machine import Machine

START = "mkdir -p /run/aoeinit; start_events\n"
STEPPED = """
rains() { awaited=rain; }
next_event() { seconds=$((seconds + 1)); echo "$seconds.00 0.00" >/proc/uptime; }
seconds=100
next_event
"""


@pytest.mark.parametrize(
    ("uptime", "hundredths"),
    [("0.00", 0), ("0.08", 8), ("1.09", 109), ("12.30", 1230), ("99999999.99", 9999999999)],
)
def test_the_clock(still: Machine, uptime: str, hundredths: int) -> None:
    still.put("proc/uptime", f"{uptime} 1.00\n")
    assert still.run('read_clock; echo "$now"').output == f"{hundredths}\n"


def test_steps_are_noted_with_their_time(still: Machine) -> None:
    still.put("proc/uptime", "2.05 0.00\n")
    outcome = still.run("mkdir -p /run/aoeinit; debug=1; mark start; mark modules")
    assert still.read("run/aoeinit/timeline") == "2.05 start\n2.05 modules\n"
    assert outcome.said("step modules reached at 2.05 s")


@pytest.mark.parametrize(("timeout", "deadline"), [("0", ""), ("180", "18200"), ("1", "300")])
def test_the_deadline_counts_from_the_start(still: Machine, timeout: str, deadline: str) -> None:
    assert still.run(f'timeout={timeout}; {START} echo "$deadline"; stop_events').output == f"{deadline}\n"


def test_a_report_of_the_kernel_ends_the_wait(machine: Machine) -> None:
    outcome = machine.run(
        f"{START} until [ -p /machine/uevents ]; do next_event 0.01; done\n"
        "echo add >/machine/uevents; next_event 50 && echo woken; stop_events"
    )
    assert outcome.output == "woken\n"


def test_silence_ends_the_wait_too(machine: Machine) -> None:
    assert machine.run(f"{START} next_event 0.01 || echo silence; stop_events").output == "silence\n"


def test_nothing_is_left_of_the_events(machine: Machine) -> None:
    outcome = machine.run(
        f"{START} stop_events; true 2>/dev/null <&3 || echo closed\n"
        'kill -0 "$events_pid" 2>/dev/null || echo ended'
    )
    assert outcome.output == "closed\nended\n"
    assert not (machine.root / "run/aoeinit/events").exists()


def test_no_pipe_for_the_events(machine: Machine) -> None:
    outcome = machine.run("panic=-1; mkfifo() { return 1; }; start_events")
    assert outcome.errors == [
        "cannot make /run/aoeinit/events, which all waits need: the machine needs more memory"
    ]


def test_a_wait_ends_when_its_condition_holds(still: Machine) -> None:
    script = f'{STEPPED} holds() {{ [ "$seconds" -ge 140 ]; }}; wait_for rains holds && echo "$seconds"'
    outcome = still.run(script)
    assert outcome.output == "140\n"
    assert outcome.errors == ["waiting for rain"] * 2


def test_what_holds_already_is_not_waited_for(still: Machine) -> None:
    assert still.run("next_event() { echo waited; }; wait_for nothing true && echo done").output == "done\n"


def test_a_wait_ends_at_the_deadline(still: Machine) -> None:
    outcome = still.run(f'{STEPPED} deadline=11000; wait_for rains false || echo "$seconds"')
    assert outcome.output == "110\n"


def test_what_comes_while_its_absence_is_explained_is_there(still: Machine) -> None:
    script = f'{STEPPED} explain() {{ come=yes; }}; holds() {{ [ -n "$come" ]; }}; deadline=11000'
    assert still.run(f"{script}; wait_for explain holds && echo there").output == "there\n"


def test_a_pause_takes_its_time(still: Machine) -> None:
    assert still.run(f'{STEPPED} pause 7; echo "$seconds"').output == "108\n"


def test_a_pause_without_a_clock_is_one_wait(still: Machine) -> None:
    (still.root / "proc/uptime").unlink()
    asked = "next_event() { echo waits for $1; false; }"
    assert still.run(f"{asked}; pause 7 2>/dev/null; echo ended").output == "waits for 7\nended\n"


def test_a_pause_for_ever(still: Machine) -> None:
    fifty = 'turns=0; next_event() { turns=$((turns + 1)); [ "$turns" -lt 50 ] || exit; }'
    assert still.run(f"{fifty}; pause_for_ever; echo ended").output == ""
