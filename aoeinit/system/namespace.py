"""A network of its own: a namespace with one bridge, and a tap on it for each machine.

The namespace has no name: it lives as long as a process in it, so whatever ends this one, nothing is left,
and any number of them exist side by side, each with the same names and addresses inside.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aoeinit.errors import TrialError
from aoeinit.install.command import Command
from aoeinit.system.beside import running
from aoeinit.system.commands import run
from aoeinit.system.copying import BOUND
from aoeinit.trial.layout import BRIDGE, layout

TUN: Final = Path("/dev/net/tun")

FORBIDDEN: Final = {
    "kernel/unprivileged_userns_clone": "0",
    "kernel/apparmor_restrict_unprivileged_userns": "1",
    "user/max_user_namespaces": "0",
}
"""Settings of Debian, of Ubuntu and of the kernel that keep users from making namespaces."""


@dataclass(frozen=True, slots=True)
class Network:
    """A network namespace, held by the process ``holder``, with :data:`BRIDGE` and the named taps in it.

    ``mtu`` is that of every interface there, in bytes. Whoever is not root is root in a user namespace only:
    ``own_users`` says so.
    """

    holder: int
    taps: tuple[str, ...]
    mtu: int
    own_users: bool = False

    def inside(self, command: Sequence[str]) -> list[str]:
        """Give the command that runs ``command`` in this network."""
        # Who is root there has no other identities to take.
        users = [f"--user=/proc/{self.holder}/ns/user", "--preserve-credentials"] if self.own_users else []
        # A process that becomes another user is no longer bound to the one that started it.
        bound = BOUND if self.own_users else ()
        return ["nsenter", *users, f"--net=/proc/{self.holder}/ns/net", "--", *bound, *command]


@contextmanager
def network(taps: int = 1, mtu: int = 1500) -> Iterator[Network]:
    """Make a network with ``tap0``, ``tap1``, … for as long as the block runs.

    Raises :class:`TrialError` where the system does not let that happen.
    """
    if taps and not os.access(TUN, os.R_OK | os.W_OK):
        raise TrialError(
            f"{TUN} cannot be used: {'no access' if TUN.exists() else 'it is not there'}",
            "load the driver tun as root; a container has to be given the device",
        )
    own_users = os.geteuid() != 0
    users = ["--user", "--map-root-user"] if own_users else []
    with running(["unshare", *users, "--net", "cat"], stdout=subprocess.PIPE) as holder:
        wait_for_echo(holder)
        made = Network(holder.pid, tuple(f"tap{number}" for number in range(taps)), mtu, own_users)
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
    with suppress(BrokenPipeError):  # then there is no cat, but a reason to be read
        holder.stdin.write(b"\n")
        holder.stdin.flush()
    answer = holder.stdout.readline()
    if answer != b"\n" or os.stat(f"/proc/{holder.pid}/ns/net").st_ino == os.stat("/proc/self/ns/net").st_ino:
        said = answer.decode(errors="replace").strip() or "nothing was said why"
        raise TrialError(f"no network of its own can be made: {said}", namespace_hint())


def namespace_hint(sys: Path = Path("/proc/sys")) -> str:
    """Say what keeps this user from namespaces."""
    for name, value in FORBIDDEN.items():
        with suppress(OSError):
            if (sys / name).read_text().strip() == value:
                return f"run as root, or see the setting {name.replace('/', '.')}, which is {value}"
    return "run as root; in a container that may make namespaces"
