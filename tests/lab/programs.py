"""Running the lab's programs to their end."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from aoeinit.errors import TrialError
from aoeinit.system.commands import environment, search_path

ADVICE = "tests/run.sh and contrib/demo.sh install what the lab needs"


class LabError(TrialError):
    """The lab lacks something, or one of its programs failed: the message says which and why."""


def program(name: str) -> Path:
    """Where a program is."""
    found = shutil.which(name, path=search_path())
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
