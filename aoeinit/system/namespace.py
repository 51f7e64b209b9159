"""A network of its own: a namespace with one bridge, and a tap on it for each machine.

The namespace has no name: it lives as long as a process in it, so whatever ends this one, nothing is left,
and any number of them exist side by side, each with the same names and addresses inside.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from aoeinit.errors import TrialError
from aoeinit.install.command import Command
from aoeinit.system.beside import running
from aoeinit.system.commands import run
from aoeinit.trial.layout import BRIDGE, layout


@dataclass(frozen=True, slots=True)
class Network:
    """A network namespace, held by the process ``holder``, with :data:`BRIDGE` and the named taps in it.

    ``mtu`` is that of every interface there, in bytes.
    """

    holder: int
    taps: tuple[str, ...]
    mtu: int

    def inside(self, command: Sequence[str]) -> list[str]:
        """Give the command that runs ``command`` in this network."""
        return ["nsenter", f"--net=/proc/{self.holder}/ns/net", "--", *command]


@contextmanager
def network(taps: int = 1, mtu: int = 1500) -> Iterator[Network]:
    """Make a network with ``tap0``, ``tap1``, … for as long as the block runs."""
    with running(["unshare", "--net", "cat"], stdout=subprocess.PIPE) as holder:
        wait_for_echo(holder)
        made = Network(holder.pid, tuple(f"tap{number}" for number in range(taps)), mtu)
        configure(made, layout(made.taps, mtu))
        yield made


@contextmanager
def neighbour(net: Network, *cables: str) -> Iterator[Network]:
    """Make a machine on the bridge of ``net``: a namespace with an Ethernet interface for each cable."""
    with running(["unshare", "--net", "cat"], stdout=subprocess.PIPE) as holder:
        wait_for_echo(holder)
        made = Network(holder.pid, cables, net.mtu)
        for cable in cables:
            far = f"{cable}-{holder.pid}"
            lines = [
                f"link add {far} mtu {net.mtu} type veth peer name {cable} mtu {net.mtu} netns {holder.pid}",
                f"link set {far} master {BRIDGE} up",
            ]
            configure(net, "\n".join(lines) + "\n")
            configure(made, f"link set {cable} up\n")
        yield made


def configure(net: Network, lines: str) -> None:
    """Give ip(8) commands in a network."""
    words = tuple(net.inside(["ip", "-batch", "-"]))
    run(Command(words, "lays out the network", input=lines.encode(), package="util-linux"))


def wait_for_echo(holder: subprocess.Popen[bytes]) -> None:
    """Wait until cat answers: then it is in its new namespace, and nothing can land in the machine's own."""
    if holder.stdin is None or holder.stdout is None:
        raise TrialError("the process that holds the namespace was started without pipes")
    holder.stdin.write(b"\n")
    holder.stdin.flush()
    answer = holder.stdout.readline()
    if answer != b"\n" or os.stat(f"/proc/{holder.pid}/ns/net").st_ino == os.stat("/proc/self/ns/net").st_ino:
        raise TrialError(f"no network namespace could be made: {answer.decode(errors='replace')}")
