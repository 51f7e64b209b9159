"""What a migration is: its system, its target, what goes where, and the places it works in."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aoeinit.install.command import Command
from aoeinit.install.migrate.disk import Disk, Identity
from aoeinit.install.migrate.layout import Layout, Volume
from aoeinit.install.migrate.source import Source
from aoeinit.install.network.interface import ETHERNET_MTU
from aoeinit.install.record import ChangePlan
from aoeinit.install.state import Change

FOLDER: Final = Path("/run/aoeinit/migrate")
"""Where a migration mounts what it needs, in a mount namespace of its own."""

ROOT: Final = FOLDER / "root"
"""The target's file systems, as the moved system will see them."""

FROM: Final = FOLDER / "from"
TO: Final = FOLDER / "to"
"""One file system of the source, read-only, and its copy, each without what is mounted in it."""

TOP: Final = FOLDER / "top"
"""The top level of a Btrfs, in which its subvolumes are made."""


def place_of(volume: Volume) -> Path:
    """Tell where a file system of the target is mounted for the migration."""
    return Path(f"{ROOT}{volume.point}".rstrip("/"))


@dataclass(frozen=True, slots=True)
class Migration:
    """A system, a target, and how the one gets onto the other.

    ``interface`` and ``mac`` are those of the card that the machine will boot from. ``releases`` are the
    kernels that get an image. ``command`` is what hooks call. ``debian`` says that packages of kernels run
    the scripts in ``/etc/kernel/postinst.d``. ``full`` compares contents, else sizes and times. ``resumed``
    says that an earlier run was cut short. ``mtu`` is what the card has on the running system, in bytes.
    """

    source: Source
    disk: Disk
    layout: Layout
    identity: Identity
    interface: str
    mac: str
    releases: tuple[str, ...]
    command: str
    debian: bool
    full: bool = False
    resumed: bool = False
    mtu: int = ETHERNET_MTU


@dataclass(frozen=True, slots=True)
class Copy:
    """Copying what is at ``point``: rsync, and the device that is to be behind :data:`TO`.

    ``expected`` are the bytes that will be in use at ``places`` when all that belongs there is copied: those
    of several partitions if parts of one file system get there.
    """

    command: Command
    point: str
    device: str
    expected: int
    places: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Comparing one file system with its copy: rsync, which lists what is different, for ``point``."""

    command: Command
    point: str


@dataclass(frozen=True, slots=True)
class Files:
    """Files of the moved system that are written, and what the user should know about it.

    ``recorded`` is the plan that they are of, where what was there before is kept for an undo.
    """

    changes: tuple[Change, ...]
    warnings: tuple[str, ...] = ()
    recorded: ChangePlan | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """An image to be made for a kernel release."""

    release: str


@dataclass(frozen=True, slots=True)
class Mount:
    """A file system of the target and where it is mounted for the migration."""

    command: Command
    place: Path


@dataclass(frozen=True, slots=True)
class TabCheck:
    """A program that reads the new fstab; what it finds may have been wrong before."""

    command: Command


@dataclass(frozen=True, slots=True)
class BootCheck:
    """A look at what the moved system needs to boot: images, and ``files``, one of each group."""

    releases: tuple[str, ...]
    files: tuple[tuple[str, ...], ...]


Action = Command | Mount | Copy | Comparison | Files | Image | TabCheck | BootCheck
