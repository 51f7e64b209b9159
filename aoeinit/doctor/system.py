"""What is known of a system that is to be examined."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aoeinit.aoe.discovery import Discovery
from aoeinit.aoe.target import Target
from aoeinit.boot.report import BootReport, DriverReport
from aoeinit.config import Settings
from aoeinit.doctor.entries import Entry
from aoeinit.errors import AoeinitError
from aoeinit.inspect.facts import Facts
from aoeinit.inspect.findings import Finding as ImageFinding
from aoeinit.inspect.tree import Tree
from aoeinit.install.fstab.device import Device
from aoeinit.install.fstab.lines import Line
from aoeinit.install.network.interface import BootInterface
from aoeinit.kernel.hardware import NetworkInterface

NETWORK: Final = "/dev/etherd/"
_DEVICE: Final = re.compile(r"(?:/dev/etherd/|aoe:)(e[0-9]+\.[0-9]+)(p[1-9][0-9]{0,2})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ReadImage:
    """An image as it was read: its size in bytes, and when it was written, in seconds since 1970.

    ``release`` is the kernel's that it was checked for; ``findings`` are those of ``inspect --check``,
    ``texts`` the small sections of a unified kernel image.
    """

    size: int
    modified: float
    release: str
    findings: tuple[ImageFinding, ...]
    facts: Facts
    tree: Tree
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Running:
    """What only the machine itself tells, of itself and of its network.

    ``report`` is ``None`` if another initramfs has booted it, ``answers`` if the network was not asked,
    ``partitions`` if the driver does not see the target. ``local_root`` is the device that ``/`` is on if
    that is known to be on no target.
    """

    mounted: frozenset[str]
    report: BootReport | None
    driver: DriverReport | None
    answers: Discovery | None
    partitions: tuple[Device, ...] | None
    local_root: str | None = None


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel that may be booted: its release, and its image, relative to the sysroot; ``None`` without.

    ``is_next`` says that the next boot would take it.
    """

    release: str
    image: str | None
    is_next: bool
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class System:
    """A system: its files are below ``sysroot``, everything else is told here.

    ``images`` are those that were read, or why that failed, by path; ``hardware`` are the interfaces of the
    machine, ``None`` if nothing tells; ``filesystem`` is the root's type. ``free`` are the bytes that
    are left in ``/boot``. ``running`` is ``None`` for a system that does not run here.
    """

    sysroot: Path
    debian: bool
    command_is_there: bool
    settings: Settings
    entries: tuple[Entry, ...]
    kernels: tuple[Kernel, ...]
    images: Mapping[str, ReadImage | AoeinitError]
    fstab: tuple[Line, ...]
    target: Target | None
    interface: BootInterface | None
    hardware: tuple[NetworkInterface, ...] | None
    filesystem: str | None
    free: int | None
    running: Running | None = None
    modified: Mapping[str, float] = field(default_factory=dict)

    def command(self, words: str) -> str:
        """Give a command of aoeinit for this system."""
        elsewhere = "" if os.path.realpath(self.sysroot) == "/" else f" --sysroot {self.sysroot}"
        return f"aoeinit {words}{elsewhere}"

    def build(self, release: str) -> str:
        """Give the command that makes an image anew."""
        return self.command(f"build --kernel {release}")

    @property
    def next_entry(self) -> Entry | None:
        """The entry that the next boot takes, if that is known."""
        return next((each for each in self.entries if each.is_default), None)

    @property
    def root_line(self) -> Line | None:
        """The line of fstab that mounts the root."""
        return next((each for each in self.fstab if each.is_disk and each.mount_point == "/"), None)


def target_of(device: str) -> Target | None:
    """Give the target that a device, or a value of ``root=``, is on; ``None`` if that names none."""
    found = _DEVICE.fullmatch(device)
    try:
        return Target.parse(found[1]) if found else None
    except AoeinitError:
        return None


def number_of(text: str | None) -> int | None:
    """Read a number of up to nine digits, as the agent takes it; ``None`` for anything else."""
    return int(text) if text and re.fullmatch(r"[0-9]{1,9}", text) else None


def listed_targets(entry: Entry) -> tuple[Target, ...]:
    """Give the targets of ``rd.aoe=``; the agent ignores what is none."""
    found = (target_of(f"aoe:{each}") for each in (entry.value("rd.aoe") or "").split(","))
    return tuple(each for each in found if each)


def plain_root(value: str) -> str:
    """Write a value of ``root=`` as a device's path where it names one of a target."""
    found = _DEVICE.fullmatch(value)
    return f"{NETWORK}{found[1]}{found[2] or ''}" if found else value
