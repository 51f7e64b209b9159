"""Running programs beside this one: they end with the block that started them, or with this process."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from aoeinit.errors import TrialError
from aoeinit.system.commands import environment, require_program
from aoeinit.system.copying import BOUND

START_SECONDS: Final = 60
STOP_SECONDS: Final = 5
LAST: Final = 5
"""How many of a server's last lines stand in an error."""


@contextmanager
def running(command: Sequence[str], stdout: int | IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program beside this one, standard error with its output; it is ended when the block is left.

    The kernel ends it as well when this process dies in whatever way (PR_SET_PDEATHSIG of prctl(2)).
    """
    require_program(command[0])
    process = subprocess.Popen(
        [*BOUND, *command],
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.STDOUT,
        env=environment(),
    )
    with process:
        try:
            yield process
        finally:
            end(process)


@contextmanager
def serving(command: Sequence[str], log: Path, ready: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server beside this program, from when it has written ``ready`` to ``log``.

    Raises :class:`TrialError` with its own words where that does not come.
    """
    with log.open("wb") as output, running(command, stdout=output) as process:
        patience = time.monotonic() + START_SECONDS
        while ready not in log.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() > patience:
                said = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
                raise TrialError(f"{served_by(command)} does not serve: {'; '.join(said[-LAST:])}")
            time.sleep(0.02)
        yield process


def served_by(command: Sequence[str]) -> str:
    """Give the program that a command is about: the one that it runs elsewhere, or itself."""
    words = list(command)
    return words[words.index("--") + 1] if "--" in words[:-1] else words[0]


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started here: politely, then not."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
