"""A cable between a machine and its network that can fail: a program stands in it."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import IO

from aoeinit.system.beside import running
from aoeinit.system.namespace import Network
from aoeinit.trial.layout import BRIDGE
from tests.lab.faults import Faults
from tests.lab.image import TOP
from tests.lab.programs import LabError, run

FLAWLESS = Faults()


@dataclass(frozen=True, slots=True)
class Wire:
    """The cable of one tap; ``program`` is what stands in it."""

    program: subprocess.Popen[bytes]

    def open(self) -> float:
        """Let frames pass from now on; gives the time of time.monotonic() at which the first ones can."""
        self.ask("open")
        return time.monotonic()

    def mend(self) -> None:
        """End the faults."""
        self.ask("mend")

    def count(self) -> dict[str, int]:
        """How many frames there were so far: ``held`` before it was open, ``passed``, and by fault."""
        counted: dict[str, int] = json.loads(self.ask("count"))
        return counted

    def ask(self, command: str) -> bytes:
        stdin, stdout = pipes(self.program)
        stdin.write(command.encode() + b"\n")
        stdin.flush()
        answer = stdout.readline()
        if not answer:
            raise LabError(f"the program in the cable has ended instead of an answer to {command!r}")
        return answer


def pipes(program: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if program.stdin is None or program.stdout is None:
        raise LabError("the program in the cable was started without pipes")
    return program.stdin, program.stdout


@contextmanager
def held_wire(net: Network, tap: str, faults: Faults = FLAWLESS, vlan: int = 0) -> Iterator[Wire]:
    """Cut the cable between ``tap`` and the bridge, and mend it with a program that passes nothing yet.

    With ``vlan`` it is a switch: the bridge is in that virtual LAN, and frames through the tap have its tag.
    """
    near, far = f"{tap}-near", f"{tap}-far"
    lines = [
        f"link set {tap} nomaster",
        f"link add {near} type veth peer name {far}",
        f"link set {near} mtu {net.mtu} up",
        f"link set {far} mtu {net.mtu} master {BRIDGE} up",
    ]
    run(net.inside(["ip", "-batch", "-"]), stdin="\n".join(lines) + "\n")
    command = ["env", f"PYTHONPATH={TOP}", sys.executable, "-m", "tests.lab.relay"]
    command += [tap, near, json.dumps(asdict(faults)), str(vlan)]
    with running(net.inside(command), stdout=subprocess.PIPE) as program:
        ready = pipes(program)[1].readline()
        if ready != b"ready\n":
            raise LabError(f"no program stands in the cable: {ready!r}")
        yield Wire(program)


@contextmanager
def wire(net: Network, tap: str, faults: Faults = FLAWLESS, vlan: int = 0) -> Iterator[Wire]:
    """Let frames suffer ``faults`` on the cable between ``tap`` and the bridge, or be of a virtual LAN."""
    with held_wire(net, tap, faults, vlan) as made:
        made.open()
        yield made
