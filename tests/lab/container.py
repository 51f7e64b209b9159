"""A Debian system with systemd as its first process, beside the test, in namespaces of its own.

What is written there goes to memory, and is gone with that process.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from aoeinit.system.beside import START_SECONDS, STOP_SECONDS, running
from aoeinit.system.commands import environment
from aoeinit.system.namespace import Network
from tests.lab.programs import LabError, run

START = Path(__file__).with_name("container.sh")
CGROUPS = (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))
"""Where cgroup2 is: beside version 1, or alone."""
PATHS = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Container:
    """A system whose first process is ``init`` on this machine."""

    init: int

    @property
    def root(self) -> Path:
        """Its files, but for what is mounted there with an absolute link on the way."""
        return Path(f"/proc/{self.init}/root")

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command that runs ``command`` in the system."""
        spaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
        return ["nsenter", f"--target={self.init}", *spaces, "env", "-i", PATHS, *command]

    def run(self, *command: str) -> str:
        """Run a program to its end; what it printed."""
        return run(self.inside(command))

    def attempt(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run one that may fail."""
        return subprocess.run(
            self.inside(command),
            env=environment(),
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )


@contextmanager
def container(
    net: Network,
    system: Path,
    folder: Path,
    shared: Mapping[str, Path],
    disabled: Sequence[str] = (),
) -> Iterator[Container]:
    """Start a system that has the files of ``system``, from when its services have been started.

    It is in the network ``net``. ``folder`` is for its log; ``shared`` are folders of this machine by the
    place where the system has them, and ``disabled`` the services that are not to start.
    """
    log = folder / "container.log"
    with cgroup() as group:
        words = [str(START), str(system), str(folder), " ".join(disabled)]
        words += [f"{place}={real}" for place, real in shared.items()]
        apart = ["unshare", "--cgroup", "--mount", "--propagation", "private", "--uts", "--ipc", "--pid"]
        start = [*apart, "--fork", "--kill-child", "bash", *words]
        command = ["sh", "-ec", 'echo $$ >"$0/cgroup.procs"; exec "$@"', str(group), *net.inside(start)]
        with log.open("wb") as output, running(command, stdout=output) as process:
            made = Container(first_process(process.pid, log))
            try:
                wait_for_services(made, log)
                yield made
            finally:
                # unshare(1) passes no signal on but this, by the death of the first process.
                os.kill(made.init, signal.SIGKILL)
                process.wait()


@contextmanager
def cgroup() -> Iterator[Path]:
    """Make a control group for systemd, which makes more below it."""
    parent = next(each for each in CGROUPS if (each / "cgroup.procs").exists())
    group = Path(mkdtemp(prefix="aoelab-", dir=parent))
    try:
        yield group
    finally:
        patience = time.monotonic() + STOP_SECONDS
        while group.exists() and time.monotonic() < patience:
            for folder, _, _ in os.walk(group, topdown=False):
                with suppress(OSError):  # its last process is on its way out
                    os.rmdir(folder)


def first_process(starter: int, log: Path) -> int:
    """Find systemd, the child of the process that has made the namespaces."""
    patience = time.monotonic() + START_SECONDS
    while time.monotonic() < patience:
        with suppress(OSError, ValueError):
            child = int(Path(f"/proc/{starter}/task/{starter}/children").read_text())
            if Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                return child
        time.sleep(0.05)
    raise LabError(f"no systemd has started:\n{log.read_text(errors='replace')}")


def wait_for_services(made: Container, log: Path) -> None:
    patience = time.monotonic() + START_SECONDS
    said = ""
    while said.strip() not in {"running", "degraded"}:
        if time.monotonic() > patience:
            raise LabError(f"systemd is {said!r}:\n{log.read_text(errors='replace')}")
        time.sleep(0.2)
        said = made.attempt("systemctl", "is-system-running").stdout
