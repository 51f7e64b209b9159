"""The disk that a system is moved to: the name it is written under, and that which its client knows."""

import uuid
from dataclasses import dataclass
from typing import Final

from aoeinit.aoe.target import Target

NAMESPACE: Final = uuid.UUID("1d4a4b0e-5c0b-5f0a-9a53-6f2c6e1a7f11")


@dataclass(frozen=True, slots=True)
class Disk:
    """A target as this machine sees it: its device here, and its size in bytes.

    ``node`` is ``/dev/etherd/e11.0`` on the client, and another device on the server, where ``file`` may be
    the image that is behind it. ``given`` is how it was named on the command line, if as a device.
    ``model`` and ``serial`` are what it says of itself, if it does.
    """

    target: Target
    node: str
    size: int
    file: str = ""
    model: str = ""
    serial: str = ""
    given: str = ""

    @property
    def name(self) -> str:
        """Give the name that people know it by here."""
        return self.given or self.node

    def part(self, number: int) -> str:
        """Give the device of a partition on this machine; the kernel puts a ``p`` after a digit only."""
        return f"{self.node}{'p' * self.node[-1].isdigit()}{number}"

    def future_part(self, number: int) -> str:
        """Give the device of a partition on the machine that boots from the target."""
        return f"/dev/etherd/{self.target}p{number}"


@dataclass(frozen=True, slots=True)
class Identity:
    """From what the names of all that is made on a target follow, so that a later run knows them again.

    ``origin`` is the UUID of the root file system that the system was moved from.
    """

    origin: str
    target: Target

    def uuid(self, what: str) -> uuid.UUID:
        """Give the UUID of the table, a partition or a file system."""
        return uuid.uuid5(NAMESPACE, f"{self.origin} {self.target} {what}")

    def short(self, what: str) -> str:
        """Give the 32 bits that a dos table or a FAT has for it, as eight digits."""
        return f"{self.uuid(what).int >> 96 or 1:08x}"
