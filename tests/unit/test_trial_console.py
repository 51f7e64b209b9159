"""What a console tells of a boot: the verdict on lines as real boots, and hostile ones, have them."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoeinit.boot.contract import STEPS
from aoeinit.boot.report import Step
from aoeinit.trial.console import Line, agent_message, hands_over, is_stuck, judge, lives, plain

TOKEN = "0123456789abcdef"  # noqa: S105 - of a trial, no secret
KERNEL = ("[    0.000000] Linux version 6.1.0-test (a@b)",)
AGENT = (
    "[    3.100000] aoeinit: version 0.1.0 on kernel 6.1.0-test",
    "[    3.200000] aoeinit: step start reached at 3.20 s",
    "[    3.300000][    T1] aoeinit: using interface aoe0 (52:54:00:11:00:01)",
    "[    4.100000] aoeinit: step modules reached at 4.10 s",
    "[    6.100000] aoeinit: target e11.0 answered",
)
HAND_OVER = ("[    7.100000] aoeinit: starting /sbin/init from /dev/etherd/e11.0p1",)
REPORT = (
    "release 6.1.0-test",
    "uptime 8.00",
    "state target=e11.0",
    "state server=52:54:00:11:ff:01",
    "state parameter=root=/dev/etherd/e11.0p1",
    "timeline 3.20 start",
    "timeline 4.10 modules",
    "timeline 7.05 switch",
    "end ok",
)
FAILED = (
    "[    9.000000] aoeinit: no AoE target answered on aoe0 within 10 s",
    "[    9.100000] aoeinit: earlier in this boot: e1000 did not load",
    "[    9.200000] aoeinit: restarting in 3 seconds",
)
GAVE_UP = (
    "the agent gave up: no AoE target answered on aoe0 within 10 s; earlier in this boot: e1000 did not load"
)
PANIC = ("[    9.500000] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100",)


def lines(*texts: str) -> list[Line]:
    return [Line(float(number), text) for number, text in enumerate(texts)]


def reported(token: str = TOKEN) -> tuple[str, ...]:
    return tuple(f"aoeinit-try {token} {each}" for each in REPORT)


def test_a_small_root_that_reports_was_reached() -> None:
    outcome = judge(lines(*KERNEL, *AGENT, *HAND_OVER, *reported()), TOKEN, off=True)
    assert (outcome.reached, outcome.why) == (True, "")
    assert outcome.seconds == len(KERNEL + AGENT + HAND_OVER)
    assert outcome.steps == (Step("start", 3.2), Step("modules", 4.1), Step("switch", 7.05))
    assert outcome.agent_seconds == pytest.approx(3.85)
    assert outcome.facts == {
        "release": "6.1.0-test",
        "interface": "aoe0",
        "mac": "52:54:00:11:00:01",
        "target": "e11.0",
        "init": "/sbin/init",
        "root": "/dev/etherd/e11.0p1",
        "uptime": "8.00",
        "server": "52:54:00:11:ff:01",
    }


@pytest.mark.parametrize("said", [reported("f" * 16), reported()[:-1], ()])
def test_a_report_without_the_token_or_the_end_is_none(said: tuple[str, ...]) -> None:
    outcome = judge(lines(*KERNEL, *AGENT, *HAND_OVER, *said), TOKEN, off=True)
    assert not outcome.reached
    assert "did not report" in outcome.why


@pytest.mark.parametrize(
    "sign",
    [
        *HAND_OVER,
        "Welcome to Debian GNU/Linux 12 (bookworm)!",
        "hyperion login: ",
        "Debian GNU/Linux 12 hyperion ttyS0",
    ],
)
def test_a_disk_of_the_users_was_reached_when_its_init_is_started_or_speaks(sign: str) -> None:
    assert judge(lines(*KERNEL, sign), None, off=False).reached
    assert not judge(lines(*KERNEL, sign), TOKEN, off=False).reached
    assert hands_over(sign) != lives(sign)


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[0mWelcome to GRUB!",
        "\x1b[0;30;47mWelcome to \x1b[25;11H\x1b[25;12HGRUB!",
        "Welcome to ",
        "Welcome to GR",
        "Welcome to Fedora Linux 40 dracut-059 (Initramfs)!",
        "[    8.000000] systemd[1]: Running in initrd.",
        "[    0.0] Kernel command line: ro console=ttyS0",
        "console=tty0 console=ttyS0",
    ],
)
def test_what_comes_before_the_root_is_no_life_of_it(text: str) -> None:
    assert not judge(lines(text), None, off=False).reached


def test_an_init_that_cannot_run_is_no_root() -> None:
    outcome = judge(lines(*KERNEL, *AGENT, *HAND_OVER, *PANIC), None, off=True)
    assert not outcome.reached
    assert outcome.why.startswith("kernel panic: Attempted to kill init!")


@pytest.mark.parametrize(
    ("said", "off", "why"),
    [
        (
            (*KERNEL, *AGENT, *FAILED),
            True,
            GAVE_UP,
        ),
        (
            (*KERNEL, *AGENT),
            False,
            "it took too long; the agent said last: target e11.0 answered",
        ),
        (
            (*KERNEL, *AGENT, *FAILED, "[ 9.3] aoeinit: waiting for ever, as panic=0 says"),
            False,
            GAVE_UP,
        ),
        (KERNEL, True, "it went off: the kernel started, but no agent of aoeinit was heard"),
        (KERNEL, False, "it took too long: the kernel started, but no agent of aoeinit was heard"),
        ((), False, "it took too long, and nothing of a kernel was heard"),
        (("No bootable device.",), False, "it found nothing to start, and nothing of a kernel was heard"),
        (
            (*KERNEL, "[ 1.0] Kernel panic - not syncing: VFS: Unable to mount root fs"),
            True,
            "kernel panic: VFS: Unable to mount root fs",
        ),
    ],
)
def test_a_failure_is_told_with_the_last_that_was_heard(
    said: tuple[str, ...],
    off: bool,  # noqa: FBT001 - pytest gives it by name
    why: str,
) -> None:
    for token in (TOKEN, None):
        outcome = judge(lines(*said), token, off=off)
        assert (outcome.reached, outcome.why, outcome.agent_seconds) == (False, why, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("aoeinit: plain", "plain"),
        ("\x1b[0maoeinit: after firmware", "after firmware"),
        ("[    1.000000] aoeinit: in the log", "in the log"),
        ("echo xaoeinit: no", None),
        ("aoeinit:nothing", None),
    ],
)
def test_what_the_agent_says_is_told_from_what_mentions_it(text: str, message: str | None) -> None:
    assert agent_message(text) == message


@pytest.mark.parametrize(
    "text",
    [
        "No bootable device.",
        "\x1b[0mgrub> \x1b[25;7H",
        *PANIC,
        "[ 9.9] aoeinit: rd.break=root: a shell on the console; leave",
    ],
)
def test_nothing_is_waited_for_after_the_last_word(text: str) -> None:
    assert is_stuck(text)


HOSTILE = st.one_of(
    st.text(),
    st.binary().map(lambda content: content.decode(errors="replace")),
    st.text().map(lambda text: f"aoeinit-try {TOKEN} {text}"),
    st.text().map(lambda text: f"aoeinit-try {TOKEN} timeline {text}"),
    st.text().map(lambda text: f"[    1.0] aoeinit: {text}"),
    st.text().map(lambda text: f"aoeinit: step {text} reached at {text} s"),
    st.integers().map(lambda number: f"aoeinit: step start reached at {number} s"),
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\x1bc\x1b[?7l\x1b[2J\x1b[0mSeaBIOS", "SeaBIOS"),
        ("\x1b[0;30;47mWelcome\x1b[1;1H", "Welcome"),
        ("a\x1b", "a"),
        ("bell\x07 tab\t.", "bell tab."),
        ("plain [1m", "plain [1m"),
    ],
)
def test_a_line_is_told_without_what_moves_the_cursor(text: str, told: str) -> None:
    assert plain(text) == told


@given(st.lists(HOSTILE))
def test_no_bytes_are_too_strange(said: list[str]) -> None:
    for token, off in product((TOKEN, None), (True, False)):
        outcome = judge(lines(*said), token, off=off)
        assert outcome.reached != bool(outcome.why)
        assert {each.name for each in outcome.steps} <= set(STEPS)
