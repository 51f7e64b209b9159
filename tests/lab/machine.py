"""An emulated machine and what it says on its console."""

import os
import re
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO

from tests.lab.network import Network
from tests.lab.programs import LabError, running

PROBE_SECONDS = 5
TAIL_LINES = 40


@dataclass(frozen=True, slots=True)
class Nic:
    """A machine's network card: QEMU's name of the model, and its MAC."""

    model: str
    mac: str = "52:54:00:11:00:01"


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

    def run(self, *, timeout: float, until: str | None = None) -> Line | None:
        """Let it run until a line matches the pattern ``until``, or until it is off where there is none.

        Gives the line. Raises LabError, with the end of the console and the log's path, when ``timeout``
        seconds after it was switched on that has not happened, or it is off and the line never came.
        """
        with self.log.open("ab") as log:
            while True:
                seen = len(self.lines)
                running_still = self.listen(log, timeout)
                for line in self.lines[seen:]:
                    if until is not None and re.search(until, line.text):
                        return line
                if not running_still:
                    break
        self.process.wait()
        if until is None:
            return None
        raise self.error(f"the machine is off and never said {until!r}")

    def listen(self, log: IO[bytes], timeout: float) -> bool:
        """Take in what the console has to say next; false when the machine is off."""
        if self.process.stdout is None:
            raise LabError("the machine was started without a console")
        left = self.started + timeout - time.monotonic()
        if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
            raise self.error(f"the machine did not finish within {timeout:g} s")
        chunk = os.read(self.process.stdout.fileno(), 65536)
        log.write(chunk)
        log.flush()
        *complete, self.rest = (self.rest + chunk).split(b"\n")
        now = time.monotonic() - self.started
        self.lines += [Line(now, line.decode(errors="replace").rstrip("\r")) for line in complete]
        return bool(chunk)

    def error(self, message: str) -> LabError:
        """An error that ends with the last of the console."""
        tail = "\n".join(line.text for line in self.lines[-TAIL_LINES:])
        return LabError(f"{message}; the last of its console:\n{tail}\nthe whole console: {self.log}")


@contextmanager
def machine(
    net: Network,
    nic: Nic,
    boot: DirectBoot | NetworkBoot,
    *,
    log: Path,
    tap: str = "tap0",
    memory: int = 512,
) -> Iterator[Machine]:
    """Switch a machine on, with ``memory`` MiB and one network card; it is switched off with the block."""
    accelerator = "kvm" if kvm_works() else "tcg"
    network_card = f"tap,ifname={tap},script=no,downscript=no,model={nic.model},mac={nic.mac}"
    command = [
        *qemu(accelerator),
        *("-m", str(memory)),
        *("-nic", network_card),
        *boot.arguments(),
    ]
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    with running(net.inside(command), stdout=subprocess.PIPE) as process:
        yield Machine(process, log)


def qemu(accelerator: str) -> list[str]:
    """QEMU with nothing but a serial console, which is its standard output; a reset ends it."""
    return [
        "qemu-system-x86_64",
        *("-accel", accelerator),
        "-nographic",
        "-no-reboot",
        *("-serial", "stdio"),
        *("-monitor", "none"),
    ]


@cache
def kvm_works() -> bool:
    """Whether a guest under KVM gets as far as its firmware's greeting; the device alone proves nothing."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    with running([*qemu("kvm"), "-nic", "none"], stdout=subprocess.PIPE) as process:
        return process.stdout is not None and says(process.stdout, b"SeaBIOS", PROBE_SECONDS)


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
