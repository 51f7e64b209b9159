"""Running the lab's programs: to their end, or beside the test and ended with it."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

START_SECONDS = 60
STOP_SECONDS = 5
ADVICE = "tests/run.sh and contrib/demo.sh install what the lab needs"


class LabError(Exception):
    """The lab lacks something, or one of its programs failed: the message says which and why."""


def environment() -> dict[str, str]:
    """The environment of the lab's programs; Debian's PATH for users lacks the administrator's folders."""
    return {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin", "LC_ALL": "C"}


def program(name: str) -> Path:
    """Where a program is."""
    found = shutil.which(name, path=environment()["PATH"])
    if found is None:
        raise LabError(f"{name}: not installed; {ADVICE}")
    return Path(found)


def run(command: Sequence[str], cwd: Path | None = None, stdin: str = "") -> str:
    """Run a program to its end and return what it printed; raises LabError with its last words."""
    try:
        done = subprocess.run(
            command, cwd=cwd, env=environment(), check=False, input=stdin, capture_output=True, text=True
        )
    except FileNotFoundError as error:
        raise LabError(f"{command[0]}: not installed; {ADVICE}") from error
    if done.returncode:
        raise LabError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


@contextmanager
def running(command: Sequence[str], stdout: int | IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program beside the test, standard error with its output; it is ended when the block is left.

    The kernel ends it as well when this process dies in whatever way (PR_SET_PDEATHSIG of prctl(2)).
    """
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "--", *command],
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
def serving(command: Sequence[str], log: Path, ready: str) -> Iterator[None]:
    """Run a server beside the test, from when it has written ``ready`` to ``log``."""
    with log.open("wb") as output, running(command, stdout=output) as process:
        patience = time.monotonic() + START_SECONDS
        while ready not in log.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() > patience:
                raise LabError(f"{' '.join(command)} does not serve:\n{log.read_text(errors='replace')}")
            time.sleep(0.02)
        yield


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that we started: politely, then not."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
