"""Running systemd's ukify."""

import os
import shutil
import subprocess
from pathlib import Path

from aoeinit.errors import AoeinitError

# Before systemd 256 it was no command for everybody.
PRIVATE = Path("/usr/lib/systemd/ukify")


def find_ukify() -> str:
    """Find the program. Raises :class:`AoeinitError` that names its package."""
    found = shutil.which("ukify") or shutil.which(PRIVATE)
    if found is None:
        raise AoeinitError(
            "a unified kernel image needs systemd's ukify, which is not installed",
            "install the package systemd-ukify (Debian 13 and newer, Fedora)",
        )
    return found


def run_ukify(program: str, arguments: list[str]) -> None:
    """Run it to its end. Raises :class:`AoeinitError` with what it said where that is not a good one."""
    done = subprocess.run(
        [program, *arguments],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    if done.returncode:
        said = done.stdout.strip().splitlines() or ["nothing"]
        raise AoeinitError(f"ukify failed (exit code {done.returncode}); it said last: {said[-1]}")
