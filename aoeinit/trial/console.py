"""What an emulated machine says on its console, and what that tells of a boot."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from aoeinit.boot.contract import STEPS
from aoeinit.boot.report import Step

_AGENT: Final = re.compile(r"(?:^|\] |\x1b\S*)aoeinit: (.*)")
_STEP: Final = re.compile(r"step (\S+) reached at ([0-9]{1,9}(?:\.[0-9]{1,9})?) s", re.ASCII)
_STARTING: Final = re.compile(r"starting (\S+) from (/dev/\S+)")
_INTERFACE: Final = re.compile(r"using interface (\S+) \(([0-9a-f:]{17})\)")
_ANSWERED: Final = re.compile(r"target (e[0-9]+\.[0-9]+) answered")
_VERSION: Final = re.compile(r"version (\S+) on kernel (\S+)")
_KERNEL: Final = re.compile(r"^(\[ *[0-9]{1,9}\.[0-9]{6}\])", re.ASCII)
_PANIC: Final = re.compile(r"Kernel panic - not syncing: (.*)")
_LIFE: Final = re.compile(
    r"Welcome to (?!GRUB|.*(?:dracut|initramfs)).*!$|OpenRC [0-9]|INIT: version| login: ?$|^[^\[=]+ ttyS0$"
)
"""What the init of a real system says first; with ``quiet`` that is the prompt to log in."""
_STUCK: Final = re.compile(
    r"No bootable (?:device|option)|No more network devices|Boot from SAN device \S+ failed|"
    r"UEFI Interactive Shell|^grub rescue> ?$|^grub> ?$|^\(initramfs\) ?$|"
    r"aoeinit: (?:waiting for ever|.*: a shell on the console)"
)
"""Nothing comes after these: the firmware has nothing to start, or the agent waits for somebody."""
_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[@-Z\\^_c]?)|[\x00-\x1f]", re.ASCII)
"""Control characters and ECMA-48's sequences of them."""
_AFTERWORDS: Final = re.compile(
    r"restarting in |switching off in |waiting for ever|the machine does not restart|step |loaded |"
    r".*: a shell on the console"
)
"""What the agent says beside why it gave up."""
NOTHING_TO_START: Final = "found nothing to start"
TOO_LONG: Final = "took too long"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the console and when it was complete, in seconds after the machine was switched on."""

    seconds: float
    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a boot ended: ``why`` is empty if the root was reached, ``seconds`` is when, after the start.

    ``steps`` are the agent's, in seconds of the kernel's uptime; ``facts`` are named like those of
    ``/run/aoeinit/state``, with ``release`` and the ``init`` that was started.
    """

    reached: bool
    why: str
    seconds: float | None = None
    steps: tuple[Step, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def agent_seconds(self) -> float | None:
        """How long it took from process 1 to the new root's init."""
        return self.steps[-1].seconds - self.steps[0].seconds if self.reached and self.steps else None


def plain(text: str) -> str:
    """Give a line without what moves the cursor and colours, of which firmware makes much use."""
    return _ESCAPES.sub("", text)


def agent_message(text: str) -> str | None:
    """Give what the agent says in a line; ``None`` for a line that is not the agent's."""
    found = _AGENT.search(text) if "aoeinit: " in text else None
    return found[1] if found else None


def hands_over(text: str) -> bool:
    """Tell whether the agent says in this line that it starts the root's init."""
    return bool(_STARTING.fullmatch(agent_message(text) or ""))


def lives(text: str) -> bool:
    """Tell whether the init of a system says this."""
    return bool(_LIFE.search(plain(text)))


def is_stuck(text: str) -> bool:
    """Tell whether nothing comes after this line."""
    said = plain(text)
    return bool(_STUCK.search(said) or _PANIC.search(said))


def judge(lines: Sequence[Line], token: str | None, *, off: bool) -> Outcome:
    """Say what the console of a whole boot tells.

    With ``token`` the root is one that reports with it; without it is another's, which the agent's last word
    or the system's first shows. ``off`` says that the machine went off by itself.
    """
    facts, steps = _agent_facts(lines)
    if token is None:
        arrived = next((each for each in lines if hands_over(each.text) or lives(each.text)), None)
    else:
        arrived = _report(lines, token, facts, steps)
    timeline = tuple(Step(name, steps[name]) for name in STEPS if name in steps)
    panic = _first(_PANIC, lines)
    if arrived and not (panic and token is None):
        return Outcome(reached=True, why="", seconds=arrived.seconds, steps=timeline, facts=facts)
    why = _why(lines, panic, off=off, handed_over="init" in facts)
    return Outcome(reached=False, why=why, steps=timeline, facts=facts)


def _agent_facts(lines: Iterable[Line]) -> tuple[dict[str, str], dict[str, float]]:
    facts: dict[str, str] = {}
    steps: dict[str, float] = {}
    for line in lines:
        message = agent_message(line.text)
        if message is None:
            continue
        if found := _STEP.fullmatch(message):
            steps[found[1]] = float(found[2])
        elif found := _STARTING.fullmatch(message):
            facts.update(init=found[1], root=found[2])
        elif found := _INTERFACE.fullmatch(message):
            facts.update(interface=found[1], mac=found[2])
        elif found := _ANSWERED.fullmatch(message):
            facts["target"] = found[1]
        elif found := _VERSION.fullmatch(message):
            facts["release"] = found[2]
    return facts, steps


def _report(lines: Iterable[Line], token: str, facts: dict[str, str], steps: dict[str, float]) -> Line | None:
    """Take what the small root reports, and give the line that it begins with if it came to its end."""
    first = None
    for line in lines:
        _, found, said = line.text.partition(f"aoeinit-try {token} ")
        key, _, value = said.partition(" ")
        if not found:
            continue
        first = first or line
        if key == "state":
            name, _, value = value.partition("=")
            facts.update({name: value} if name != "parameter" else {})
        elif key == "timeline" and (step := re.fullmatch(r"([0-9]{1,9}\.[0-9]{1,9}) (\S+)", value, re.ASCII)):
            steps[step[2]] = float(step[1])
        elif key in {"release", "uptime"}:
            facts[key] = value
        elif key == "end":
            return first
    return None


def _first(pattern: re.Pattern[str], lines: Iterable[Line]) -> str | None:
    return next((found[1] for each in lines if (found := pattern.search(each.text))), None)


def _why(lines: Sequence[Line], panic: str | None, *, off: bool, handed_over: bool) -> str:
    messages = [each for each in (agent_message(line.text) for line in lines) if each]
    reasons = [each for each in messages if not _AFTERWORDS.match(each)]
    earlier = [each for each in reasons if each.startswith("earlier in this boot: ")][-1:]
    last = next((each for each in reversed(reasons) if each not in earlier), "")
    told = "; ".join((last, *earlier))
    stuck = any(is_stuck(line.text) for line in lines)
    if panic is not None:
        return f"kernel panic: {panic}" + (f"; before that the agent said: {told}" if told else "")
    if handed_over:
        return f"the agent started the root's init ({told}), which did not report"
    if told:
        return f"the agent gave up: {told}" if off or stuck else f"it {TOO_LONG}; the agent said last: {told}"
    ended = "went off" if off else NOTHING_TO_START if stuck else TOO_LONG
    if _first(_KERNEL, lines):
        return f"it {ended}: the kernel started, but no agent of aoeinit was heard"
    return f"it {ended}, and nothing of a kernel was heard"
