"""An emulated machine as QEMU is told of it: its cards, its memory, and what it starts from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

CONSOLE: Final = "console=ttyS0 panic=-1 no_timer_check"
"""What every kernel here is told: speak to QEMU's standard output, let a panic end the machine, and do not
take a timer that is late, because the host was busy, for a broken one."""


@dataclass(frozen=True, slots=True)
class Nic:
    """A machine's network card: QEMU's name of the model, its MAC, and the tap that its cable leads to.

    Whether the cable is in, the machine that runs decides; it is at first.
    """

    model: str
    mac: str = "52:54:00:11:00:01"
    tap: str = "tap0"

    def arguments(self) -> list[str]:
        """Tell QEMU."""
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
        """Tell QEMU."""
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
        """Tell QEMU."""
        return ["-kernel", f"{self.vmlinuz}", "-initrd", f"{self.image}", "-append", self.parameters]


@dataclass(frozen=True, slots=True)
class NetworkBoot:
    """Boot as a machine without a disk does: from the ROM of its network card (iPXE, in QEMU)."""

    def arguments(self) -> list[str]:
        """Tell QEMU."""
        return ["-boot", "n"]


@dataclass(frozen=True, slots=True)
class EfiNetworkBoot:
    """Start from the network card's ROM by EFI firmware, which writes to ``variables``."""

    code: Path
    variables: Path

    def arguments(self) -> list[str]:
        """Tell QEMU."""
        return [*flash(self.code, self.variables), "-boot", "n"]


def flash(code: Path, variables: Path) -> list[str]:
    """Tell QEMU of a firmware's code and its variables."""
    drive = "if=pflash,format=raw"
    return ["-drive", f"{drive},readonly=on,file={code}", "-drive", f"{drive},file={variables}"]


def qemu(accelerator: str) -> list[str]:
    """Start QEMU with nothing but a serial console and its monitor on standard output; a reset ends it."""
    return [
        "qemu-system-x86_64",
        *("-accel", accelerator),
        "-nographic",
        "-no-reboot",
        *("-serial", "mon:stdio"),
    ]
