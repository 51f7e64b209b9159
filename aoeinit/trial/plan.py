"""What is to be tried, and what the kernel is told for it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aoeinit.aoe.target import Target
from aoeinit.errors import ConfigError
from aoeinit.trial.hardware import CONSOLE, Hardware
from aoeinit.trial.layout import SERVER_ADDRESS

DEBUG: Final = "rd.debug"
"""Lets the agent tell of every step on the console: a boot that fails has no other time line."""

SCRIPT_FILE: Final = "boot.ipxe"
KERNEL_FILE: Final = "vmlinuz"
IMAGE_FILE: Final = "initrd.img"


@dataclass(frozen=True, slots=True)
class Subject:
    """A kernel and its image, as the host sees the files.

    Those of a unified kernel image, ``unified``, are parts of it; ``own`` is the command line in it, which is
    not what the kernel is told here.
    """

    release: str
    vmlinuz: Path
    image: Path
    unified: Path | None = None
    own: str = ""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of the user's that it comes from."""
        return (self.unified,) if self.unified else (self.image, self.vmlinuz)


@dataclass(frozen=True, slots=True)
class Trial:
    """One boot: of ``subject``, or of what a disk itself starts, from its copy or a small disk.

    ``firmware`` is ``bios``, ``uefi`` or ``None`` where QEMU itself puts kernel and image into memory;
    ``seconds`` is how long the boot may take. ``named`` says that the target was asked for by its name.
    """

    subject: Subject | None
    disk: Path | None
    target: Target
    firmware: str | None
    hardware: Hardware
    append: str = ""
    seconds: float = 300
    named: bool = False

    def parameters(self) -> str:
        """Give the kernel's command line; of two that contradict each other the user's comes last and wins.

        ``root=`` is told for the small disk only, and not where the firmware is to tell the target: of a
        disk of the user's the agent finds the partition that has an init, on the target that was named.
        """
        if self.firmware:
            root = ""
        elif self.disk is None:
            root = f"root=/dev/etherd/{self.target}p1"
        else:
            root = f"rd.aoe={self.target}" if self.named else ""
        return " ".join(filter(None, (CONSOLE, DEBUG, root, self.append)))


def ipxe_script(trial: Trial) -> str:
    """Give iPXE's orders: take the target as a disk, which leaves an aBFT in memory, and start the kernel.

    Source: ipxe.org, the commands sanhook, kernel, initrd and boot. An EFI kernel finds the image by the name
    that it is told.
    """
    place = f"tftp://{SERVER_ADDRESS}"
    return "\n".join(
        (
            "#!ipxe",
            f"sanhook aoe:{trial.target} || goto failed",
            f"kernel {place}/{KERNEL_FILE} initrd={IMAGE_FILE} {trial.parameters()} || goto failed",
            f"initrd --name {IMAGE_FILE} {place}/{IMAGE_FILE} || goto failed",
            "boot",
            ":failed",
            "echo No bootable device",
            "",
        )
    )


def checked_parameters(text: str) -> str:
    """Take kernel parameters that a user wrote; raises :class:`ConfigError` for what cannot be told on."""
    if not re.fullmatch(r"[ -~]*", text, re.ASCII) or re.search(r"[$][{]|&&|[|][|]", text):
        raise ConfigError(
            f"the parameters {text!r} cannot be given to a boot loader",
            "leave out ${, && and ||, and what is not plain ASCII",
        )
    return text
