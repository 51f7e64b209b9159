"""An emulated machine and what it says on its console."""

import os
import re
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from aoeinit.errors import TrialError
from aoeinit.install.command import Command
from aoeinit.system.beside import running
from aoeinit.system.commands import run
from aoeinit.system.namespace import Network
from aoeinit.trial.console import Line
from aoeinit.trial.hardware import CONSOLE, Boot, Hardware, Nic, qemu

KVM: Final = Path("/dev/kvm")
PROBE_SECONDS: Final = 5
TAIL_LINES: Final = 40
MONITOR_KEY: Final = b"\x01c"
"""Ctrl-A C: lets QEMU's monitor have standard input, and the machine again."""


@dataclass(slots=True)
class Machine:
    """A machine that runs; its console is kept in ``log`` as well, byte by byte as it came."""

    process: subprocess.Popen[bytes]
    log: Path
    started: float = field(default_factory=time.monotonic)
    lines: list[Line] = field(default_factory=list)
    rest: bytes = b""

    def run_until(self, pattern: str, timeout: float) -> Line:
        """Let it run until it says a line that matches, and give that line.

        Raises :class:`TrialError`, with the end of the console and the log's path, if the line has not come
        ``timeout`` seconds after the machine was switched on.
        """
        seen = 0
        on = True
        while on:
            on = self.listen(timeout)
            for line in self.lines[seen:]:
                if re.search(pattern, line.text):
                    return line
            seen = len(self.lines)
        raise self.error(f"the machine is off and never said {pattern!r}")

    def run_until_asked(self, words: str, timeout: float) -> None:
        """Let it run until it shows ``words`` and waits behind them, on the line that is not complete."""
        while words not in self.rest.decode(errors="replace"):
            if not self.listen(timeout):
                raise self.error(f"the machine is off and never asked {words!r}")

    def run_to_end(self, timeout: float) -> None:
        """Let it run until it is off; raises :class:`TrialError` like :meth:`run_until`."""
        while self.listen(timeout):
            pass
        self.process.wait()

    def plug(self, nic: Nic, *, linked: bool) -> None:
        """Put a card's cable in, or take it out: the card loses its carrier."""
        self.order(f"set_link {nic.tap} {'on' if linked else 'off'}")

    def order(self, command: str) -> None:
        """Give QEMU's monitor a command."""
        self.send(MONITOR_KEY + command.encode() + b"\n" + MONITOR_KEY)

    def type(self, text: str) -> None:
        """Type a line on the console."""
        self.send(text.encode() + b"\r")

    def send(self, keys: bytes) -> None:
        """Send keys as they are."""
        if self.process.stdin is None:
            raise TrialError("the machine was started without a keyboard")
        self.process.stdin.write(keys)
        self.process.stdin.flush()

    def listen(self, timeout: float) -> bool:
        """Take in what the console has to say next; false when the machine is off.

        Raises :class:`TrialError` once it has run for ``timeout`` seconds.
        """
        said = self.hear(timeout)
        if said is None:
            raise self.error(f"the machine did not finish within {timeout:g} s")
        return said

    def hear(self, timeout: float) -> bool | None:
        """Do the same, and give ``None`` once it has run for ``timeout`` seconds."""
        if self.process.stdout is None:
            raise TrialError("the machine was started without a console")
        left = self.started + timeout - time.monotonic()
        if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
            return None
        chunk = os.read(self.process.stdout.fileno(), 65536)
        with self.log.open("ab") as log:
            log.write(chunk)
        *complete, self.rest = (self.rest + chunk).split(b"\n")
        now = time.monotonic() - self.started
        self.lines += [Line(now, line.decode(errors="replace").rstrip("\r")) for line in complete]
        return bool(chunk)

    def said(self) -> list[Line]:
        """Give all that it has said, with a last line that is not complete."""
        rest = self.rest.decode(errors="replace")
        return [*self.lines, *([Line(time.monotonic() - self.started, rest)] if rest else [])]

    def error(self, message: str) -> TrialError:
        """Make an error that ends with the last of the console."""
        tail = "\n".join(line.text for line in self.said()[-TAIL_LINES:])
        return TrialError(f"{message}; the last of its console:\n{tail}\nthe whole console: {self.log}")


@contextmanager
def machine(net: Network, hardware: Hardware, boot: Boot, log: Path) -> Iterator[Machine]:
    """Switch a machine on; it is switched off with the block."""
    command = [*qemu(hardware.accelerator), *hardware.arguments(), *boot.arguments()]
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    with running(net.inside(command), stdout=subprocess.PIPE) as process:
        yield Machine(process, log)


def fastest_accelerator(vmlinuz: Path) -> str:
    """Give KVM where a probe with this kernel proves that it works, else emulation."""
    return "tcg" if why_no_kvm(vmlinuz) else "kvm"


def why_no_kvm(vmlinuz: Path) -> str:
    """Say why a kernel does not run under KVM; empty where it gets as far as missing its root.

    That the device is there proves nothing: on some machines the firmware runs and the kernel hangs.
    """
    if not KVM.exists():
        return f"there is no {KVM}"
    if not os.access(KVM, os.R_OK | os.W_OK):
        return f"{KVM} may not be used: see its group"
    boot = ["-nic", "none", "-m", "512", "-kernel", f"{vmlinuz}", "-append", CONSOLE]
    with running([*qemu("kvm"), *boot], stdout=subprocess.PIPE) as process:
        works = process.stdout is not None and says(process.stdout, b"Kernel panic", PROBE_SECONDS)
    return "" if works else f"a kernel did not come up under KVM within {PROBE_SECONDS} s"


def emulated_cards() -> frozenset[str]:
    """Name the models of network cards, and all other devices, that this QEMU has."""
    words = ("qemu-system-x86_64", "-device", "help")
    told = run(Command(words, "lists devices", package="qemu-system-x86 or qemu-system-x86-core"))
    return frozenset(re.findall(r'^name "([^"]+)"', told, re.MULTILINE))


def says(stream: IO[bytes], words: bytes, seconds: float) -> bool:
    """Tell whether ``words`` come from a stream in time."""
    end = time.monotonic() + seconds
    heard = b""
    while (left := end - time.monotonic()) > 0 and select.select([stream], [], [], left)[0]:
        chunk = os.read(stream.fileno(), 4096)
        heard += chunk
        if words in heard or not chunk:
            break
    return words in heard
