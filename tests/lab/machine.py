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
from typing import IO, Final, Protocol

from tests.lab.network import Network
from tests.lab.programs import LabError, running

PROBE_SECONDS = 5
TAIL_LINES = 40
MONITOR_KEY = b"\x01c"
"""Ctrl-A C: lets QEMU's monitor have standard input, and the machine again."""


CONSOLE: Final = "console=ttyS0 panic=-1 no_timer_check"
"""What every kernel here is told: speak to QEMU's standard output, let a panic end the machine, and do not
take a timer that is late, because the host was busy, for a broken one."""


@dataclass(frozen=True, slots=True)
class Nic:
    """A machine's network card: QEMU's name of the model, its MAC, and the tap that its cable leads to.

    Whether the cable is in, :meth:`Machine.plug` decides; it is at first.
    """

    model: str
    mac: str = "52:54:00:11:00:01"
    tap: str = "tap0"

    def arguments(self) -> list[str]:
        link = f"tap,id={self.tap},ifname={self.tap},script=no,downscript=no"
        return ["-nic", f"{link},model={self.model},mac={self.mac}"]


@dataclass(frozen=True, slots=True)
class Hardware:
    """A machine: its network cards in the order of their slots, its memory in MiB and what runs it."""

    nic: Nic
    memory: int = 512
    accelerator: str = "tcg"
    more: tuple[Nic, ...] = ()

    def arguments(self) -> list[str]:
        cards = [word for nic in (self.nic, *self.more) for word in nic.arguments()]
        return ["-m", str(self.memory), *cards]


class Boot(Protocol):
    """What a machine starts from."""

    def arguments(self) -> list[str]:
        """Tell QEMU."""


@dataclass(frozen=True, slots=True)
class DirectBoot:
    """A kernel and an image that QEMU itself puts into memory."""

    vmlinuz: Path
    image: Path
    parameters: str

    def arguments(self) -> list[str]:
        return ["-kernel", f"{self.vmlinuz}", "-initrd", f"{self.image}", "-append", self.parameters]


@dataclass(frozen=True, slots=True)
class NetworkBoot:
    """Boot as a machine without a disk does: from the ROM of its network card (iPXE, in QEMU)."""

    def arguments(self) -> list[str]:
        return ["-boot", "n"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the console and when it was complete, in seconds after the machine was switched on."""

    seconds: float
    text: str


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

        Raises LabError, with the end of the console and the log's path, if the line has not come ``timeout``
        seconds after the machine was switched on.
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
        """Let it run until it is off; raises LabError like :meth:`run_until`."""
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
        if self.process.stdin is None:
            raise LabError("the machine was started without a keyboard")
        self.process.stdin.write(keys)
        self.process.stdin.flush()

    def listen(self, timeout: float) -> bool:
        """Take in what the console has to say next; false when the machine is off."""
        if self.process.stdout is None:
            raise LabError("the machine was started without a console")
        left = self.started + timeout - time.monotonic()
        if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
            raise self.error(f"the machine did not finish within {timeout:g} s")
        chunk = os.read(self.process.stdout.fileno(), 65536)
        with self.log.open("ab") as log:
            log.write(chunk)
        *complete, self.rest = (self.rest + chunk).split(b"\n")
        now = time.monotonic() - self.started
        self.lines += [Line(now, line.decode(errors="replace").rstrip("\r")) for line in complete]
        return bool(chunk)

    def error(self, message: str) -> LabError:
        """An error that ends with the last of the console."""
        said = [line.text for line in self.lines] + [self.rest.decode(errors="replace")]
        tail = "\n".join(said[-TAIL_LINES:])
        return LabError(f"{message}; the last of its console:\n{tail}\nthe whole console: {self.log}")


@contextmanager
def machine(net: Network, hardware: Hardware, boot: Boot, log: Path) -> Iterator[Machine]:
    """Switch a machine on; it is switched off with the block."""
    command = [*qemu(hardware.accelerator), *hardware.arguments(), *boot.arguments()]
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    with running(net.inside(command), stdout=subprocess.PIPE) as process:
        yield Machine(process, log)


def fastest_accelerator(vmlinuz: Path) -> str:
    """KVM where a probe with this kernel proves that it works, else emulation."""
    return "kvm" if kvm_works(vmlinuz) else "tcg"


def qemu(accelerator: str) -> list[str]:
    """QEMU with nothing but a serial console and its monitor on standard output; a reset ends it."""
    return [
        "qemu-system-x86_64",
        *("-accel", accelerator),
        "-nographic",
        "-no-reboot",
        *("-serial", "mon:stdio"),
    ]


def kvm_works(vmlinuz: Path) -> bool:
    """Whether a kernel under KVM gets as far as missing its root.

    That the device is there proves nothing: on some machines the firmware runs and the kernel hangs.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    boot = ["-nic", "none", "-m", "512", "-kernel", f"{vmlinuz}", "-append", CONSOLE]
    with running([*qemu("kvm"), *boot], stdout=subprocess.PIPE) as process:
        return process.stdout is not None and says(process.stdout, b"Kernel panic", PROBE_SECONDS)


def says(stream: IO[bytes], words: bytes, seconds: float) -> bool:
    """Whether ``words`` come from a stream in time."""
    end = time.monotonic() + seconds
    heard = b""
    while (left := end - time.monotonic()) > 0 and select.select([stream], [], [], left)[0]:
        chunk = os.read(stream.fileno(), 4096)
        heard += chunk
        if words in heard or not chunk:
            break
    return words in heard
