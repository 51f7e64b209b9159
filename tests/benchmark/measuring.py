"""Measuring commands: one at a time, in turn, after a warm-up."""

import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from aoeinit.errors import AoeinitError
from tests.lab.installation import ENVIRONMENT, Installation
from tests.lab.programs import LabError, run

LAUNCHER = Path(__file__).with_name("launcher.py")
INSIDE = "/opt/launcher.py"
"""Where the launcher is in a system."""
SAID = "/opt/said"
"""What the last command said there."""

Sample = Mapping[str, float]
"""What was measured in one round, by the name of the measure."""


def alternate(
    contestants: Mapping[str, Callable[[], Sample]],
    rounds: int,
    say: Callable[[str], None],
    *,
    dispensable: Collection[str] = (),
) -> dict[str, list[Sample]]:
    """Let the contestants take turns, so that what else goes on meets all; the first round is not kept.

    Raises AoeinitError for one that fails, unless it is dispensable: that one is then left out of all rounds.
    """
    samples: dict[str, list[Sample]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name in tuple(samples):
            try:
                sample = contestants[name]()
            except AoeinitError as error:
                if name not in dispensable:
                    raise
                say(f"   {name} is left out: {str(error).partition(';')[0]}")
                del samples[name]
                continue
            if number:
                samples[name].append(sample)
        say(f"   round {number} of {rounds}" if number else "   warm-up")
    return samples


def measure(system: Installation, *command: str) -> dict[str, float]:
    """Run a command in a system, without a PYTHON… variable; raises LabError if it fails."""
    launch = ["/usr/bin/python3", "-IS", INSIDE, SAID, *command]
    return read_launch(system.run(*launch), command, system.file(SAID))


def measure_here(command: str, output: Path, **environment: str) -> dict[str, float]:
    """Run a shell's command on this machine itself, with more in its environment."""
    settings = [f"{key}={value}" for key, value in {**ENVIRONMENT, **environment}.items()]
    words = ["sh", "-c", command]
    launch = ["env", "-i", *settings, sys.executable, "-IS", str(LAUNCHER), str(output), *words]
    return read_launch(run(launch), words, output)


def read_launch(line: str, command: tuple[str, ...] | list[str], said: Path) -> dict[str, float]:
    """Read what the launcher printed."""
    wall, cpu, memory, code = line.split()
    if code != "0":
        raise LabError(f"{' '.join(command)}: exit code {code}\n{said.read_text(errors='replace')[-2000:]}")
    return {"wall": float(wall), "cpu": float(cpu), "memory": float(memory)}
