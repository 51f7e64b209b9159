"""Running programs: those of this machine, and those of a sysroot with the sysroot as their root."""

import os
import shutil
import subprocess
from pathlib import Path

from aoeinit.errors import AoeinitError
from aoeinit.install.command import Command

ENTER = """\
for each in dev proc sys run; do
	[ ! -d "$1/$each" ] || mount --rbind "/$each" "$1/$each" || exit
done
exec chroot "$@"
"""
"""Enters the sysroot. Its mounts are in a namespace of the program's own: gone with it, however it ends."""

TOLD_LINES = 3


def run(command: Command, sysroot: Path = Path("/")) -> str:
    """Run a program to its end and give what it printed.

    Raises :class:`AoeinitError` where it is missing, and with the last that it said where it fails.
    """
    name = command.words[0]
    words = list(command.words)
    if command.inside and os.path.realpath(sysroot) != "/":
        entered = ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", ENTER, "sh"]
        words = [*entered, os.fspath(sysroot), *words]
    else:
        require_program(name, command.package)
    done = subprocess.run(
        words,
        check=False,
        input=command.input,
        capture_output=True,
        env=environment(),
    )
    if done.returncode:
        raise failed(command, done.returncode, done.stderr or done.stdout)
    return done.stdout.decode(errors="replace")


def require_program(name: str, package: str | None = None) -> str:
    """Find a program; raises :class:`AoeinitError` that names its package where it is not installed."""
    found = shutil.which(name, path=search_path())
    if found is None:
        raise AoeinitError(f"{name} is not installed", f"install the package {package or name}")
    return found


def failed(command: Command, code: int, output: bytes) -> AoeinitError:
    """Give the error for a program that ended badly."""
    said = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    end = f"exit code {code}" if code >= 0 else f"signal {-code}"
    words = "; ".join(said[-TOLD_LINES:]) or "nothing"
    return AoeinitError(
        f"{command.words[0]} failed ({end}); it said: {words}", f"it ran as: {command.text()}"
    )


def environment() -> dict[str, str]:
    """Give what programs are told: where to find others, and to speak plain English."""
    return {**os.environ, "PATH": search_path(), "LC_ALL": "C.UTF-8"}


def search_path() -> str:
    """Give PATH with the folders of system programs, which the PATH of users may lack."""
    given = os.environ.get("PATH", "").split(os.pathsep)
    return os.pathsep.join(dict.fromkeys((*filter(None, given), "/usr/sbin", "/usr/bin", "/sbin", "/bin")))
