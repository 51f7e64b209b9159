"""What ``aoeinit try`` prints of a boot."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from aoeinit.cli.status import step_lines
from aoeinit.cli.views import painter
from aoeinit.inspect.listing import shown
from aoeinit.trial.cards import Card
from aoeinit.trial.console import NOTHING_TO_START, TOO_LONG, Line, Outcome, plain
from aoeinit.trial.plan import Trial

Tell = Callable[[Line], None]

TAIL_LINES = 20
LABELS = {
    "target": "target",
    "server": "server",
    "interface": "interface",
    "mac": "MAC",
    "root": "root",
    "filesystem": "filesystem",
    "init": "init",
}


@dataclass(frozen=True, slots=True)
class Result:
    """A boot that was tried: with which card, which drivers of this machine were not, what the console said.

    ``no_kvm`` says why it was emulated, empty if it was not; ``log`` has the console if that was kept.
    """

    trial: Trial
    card: Card
    untried: tuple[str, ...]
    no_kvm: str
    outcome: Outcome
    lines: tuple[Line, ...]
    log: Path | None


def full(result: Result) -> Iterator[str]:
    """Write all of it for people."""
    outcome, colour = result.outcome, painter()
    if outcome.reached:
        yield f"{subject(result)}: {short(result)}"
    else:
        yield f"{subject(result)}: {colour('root not reached', 'error')}: {shown(outcome.why)}"
    yield f"  {'card':<12} {card_text(result)}"
    yield f"  {'runs by':<12} {'emulation: ' + result.no_kvm if result.no_kvm else 'KVM'}"
    if result.trial.subject and result.trial.subject.own:
        yield f"  {'not used':<12} the command line in it: {shown(result.trial.subject.own)}"
    for key, label in LABELS.items():
        if key in outcome.facts:
            yield f"  {label:<12} {shown(outcome.facts[key])}"
    yield from step_lines([(each.name, each.seconds) for each in outcome.steps])
    if not outcome.reached:
        yield "the last of its console"
        told = [text for each in result.lines if (text := plain(each.text).strip())]
        yield from (f"  {shown(text)}" for text in told[-TAIL_LINES:])
        yield from hints(result)
    if result.log:
        yield f"the whole console is in {result.log}"


def subject(result: Result) -> str:
    """Name what was booted."""
    tried = result.trial.subject
    if tried is None:
        return f"what is on {shown(str(result.trial.disk))}"
    return f"kernel {shown(tried.release)} with {shown(str(tried.unified or tried.image))}"


def short(result: Result) -> str:
    """Say in a line how it ended."""
    outcome = result.outcome
    if not outcome.reached:
        kept = f"; the console is in {result.log}" if result.log else ""
        return f"root not reached: {shown(outcome.why)}{kept}"
    own = outcome.agent_seconds
    agent = f", {own:.2f} s of them from process 1 to the root's init" if own is not None else ""
    return f"root reached in {outcome.seconds or 0:.1f} s{agent}"


def card_text(result: Result) -> str:
    """Name the card, and what this does not tell of the machine's own."""
    known = result.trial.subject is not None
    name = f"{result.card.model}, driver {result.card.driver}" if known else result.card.model
    if not result.untried:
        return name
    return f"{name}; this machine's own, {', '.join(result.untried)}, was not tried"


def hints(result: Result) -> Iterator[str]:
    """Say what to look at."""
    why = result.outcome.why
    if NOTHING_TO_START in why and result.trial.disk:
        yield "hint: the disk has no boot loader for this firmware: aoeinit grub install"
    elif result.trial.subject is None and " heard" in why:
        yield "hint: the command line on the disk needs console=ttyS0, and no quiet, to be heard"
    if TOO_LONG in why:
        yield f"hint: it had {result.trial.seconds:g} s; give it more with --timeout"
    if "no network interface" in why:
        yield "hint: the image needs a driver for the emulated card, or another card: --nic"


def as_data(result: Result) -> dict[str, object]:
    """Give it as values for JSON; times are in seconds."""
    outcome, trial = result.outcome, result.trial
    tried = trial.subject
    return {
        "kernel": tried.release if tried else outcome.facts.get("release"),
        "image": f"{tried.unified or tried.image}" if tried else None,
        "vmlinuz": f"{tried.vmlinuz}" if tried and not tried.unified else None,
        "disk": f"{trial.disk}" if trial.disk else None,
        "target": f"{trial.target}",
        "firmware": trial.firmware,
        "card": result.card.model,
        "untried_drivers": result.untried,
        "accelerator": trial.hardware.accelerator,
        "no_kvm": result.no_kvm or None,
        "reached": outcome.reached,
        "why": outcome.why or None,
        "seconds": outcome.seconds and round(outcome.seconds, 2),
        "agent_seconds": outcome.agent_seconds and round(outcome.agent_seconds, 2),
        "state": dict(outcome.facts),
        "steps": [{"name": each.name, "seconds": each.seconds} for each in outcome.steps],
        "log": f"{result.log}" if result.log else None,
    }


def print_json(values: dict[str, object]) -> None:
    """Print values as JSON."""
    import json

    click.echo(json.dumps(values, indent=2))
