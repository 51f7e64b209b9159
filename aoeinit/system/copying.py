"""Running a copy that takes long, and telling meanwhile how far it is."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aoeinit.install.command import Command
from aoeinit.system.commands import environment

INTERVAL: Final = 0.5
"""Seconds between two looks at how far it is."""

# The copy must not go on by itself if this process is killed.
BOUND: Final = ("setpriv", "--pdeathsig", "KILL", "--")
TOLD_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended, what it listed, and the end of what it complained of."""

    code: int
    listed: str
    said: str


def used_in(place: Path) -> int:
    """Give the bytes in use in a file system, as df(1) counts them."""
    found = os.statvfs(place)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def run_long(command: Command, folder: Path, tick: Callable[[], None]) -> Ended:
    """Run a program to its end, with a call of ``tick`` now and then; ``folder`` is for what it says.

    If ``tick`` raises, or a signal comes, the program is ended first.
    """
    out, err = folder / "listed", folder / "said"
    with out.open("wb") as listed, err.open("wb") as said:
        process = subprocess.Popen(
            [*BOUND, *command.words], stdin=subprocess.DEVNULL, stdout=listed, stderr=said, env=environment()
        )
        try:
            while True:
                try:
                    code = process.wait(timeout=INTERVAL)
                    break
                except subprocess.TimeoutExpired:
                    tick()
        except BaseException:
            process.terminate()
            process.wait()
            raise
    return Ended(code, out.read_text(errors="surrogateescape"), _end_of(err))


def _end_of(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TOLD_BYTES))
        return file.read().decode(errors="backslashreplace")
