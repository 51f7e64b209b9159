"""What speaks against moving a system, before anything is written: all of it at once."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from aoeinit.errors import AoeinitError
from aoeinit.install.migrate.copying import room_of
from aoeinit.install.migrate.disk import Disk
from aoeinit.install.migrate.layout import BIOS, FILESYSTEMS, SPARE, SWAP, Layout, least_size
from aoeinit.install.migrate.making import PACKAGES
from aoeinit.install.migrate.plan import Files
from aoeinit.install.migrate.progress import Progress
from aoeinit.install.migrate.source import Source
from aoeinit.install.migrate.steps import Step
from aoeinit.install.network.conflicts import Fatal
from aoeinit.install.network.interface import ETHERNET_MTU

DATABASES: Final = {
    "mysqld": "MySQL",
    "mariadbd": "MariaDB",
    "postgres": "PostgreSQL",
    "mongod": "MongoDB",
    "redis-server": "Redis",
    "slapd": "OpenLDAP",
    "influxd": "InfluxDB",
    "containerd-shim": "containers",
    "conmon": "containers",
    "qemu-system-x86": "virtual machines",
    "qemu-kvm": "virtual machines",
}
"""Programs whose files are of no use if they are copied while these write to them; names as in
``/proc/PID/comm``, which has fifteen letters of each."""

OTHERS_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found: ``error`` keeps the migration from starting, ``warning`` does not."""

    level: str
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """What is known of the target: ``holds`` are the signatures on it, ``used_by`` what has it open.

    ``server`` is the MAC of the server that answers for it, ``firmware`` that server's version, and
    ``interface`` the one that it is reached through; they are empty for a device of the server itself.
    ``data`` is the offset of the first byte that was seen not to be zero where no signature was found, and
    ``within`` the mount point of what is to be copied that has the file, if the target is one.
    """

    disk: Disk
    firmware: str
    server: str
    interface: str
    holds: tuple[str, ...]
    used_by: tuple[str, ...]
    ours: bool
    data: int | None = None
    within: str = ""

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing was seen on it."""
        return not self.holds and self.data is None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the preflight goes by.

    ``target``, ``layout`` and ``interface`` are the error itself where there is none;
    ``mac`` and ``mtu`` are the interface's. ``programs`` are those that were found. ``kernels`` are the
    releases that were found to be bootable, the newest last, each with what keeps an image from being made of
    it, or nothing.
    ``running`` are names of processes. ``commands`` tells which of the commands the moved system will call
    are there.
    """

    source: Source
    target: TargetFacts | AoeinitError
    layout: Layout | AoeinitError
    programs: frozenset[str]
    kernels: Mapping[str, AoeinitError | None]
    running: frozenset[str]
    interface: str | AoeinitError
    mac: str
    command: str | None
    mtu: int = ETHERNET_MTU


def preflight(facts: Facts, *, wipe: bool = False, resume: bool = False) -> tuple[Finding, ...]:
    """List all that was found, errors first.

    With ``wipe`` the target may hold anything, with ``resume`` what an earlier run has made.
    """
    wipe = wipe or (resume and isinstance(facts.target, TargetFacts) and facts.target.ours)
    found = (
        *(
            [of_error(facts.target)]
            if isinstance(facts.target, AoeinitError)
            else _target(facts.target, wipe=wipe)
        ),
        *_layout(facts),
        *(() if isinstance(facts.layout, AoeinitError) else _rooms(facts.source, facts.layout)),
        *_source(facts.source),
        *_programs(facts),
        *_kernels(facts.kernels),
        *_machine(facts),
    )
    return errors_first(found)


def rehearse(todo: Iterable[Step], sysroot: Path) -> Iterator[Finding]:
    """Plan all steps for the source itself, and list what would stop them, or be told, on its copy."""
    for step in todo:
        try:
            files = [action for action in step.actions(sysroot) if isinstance(action, Files)]
        except AoeinitError as found:
            yield error(f"{step.what}: {found.message}", found.hint or "")
            continue
        yield from (told(text) for action in files for text in action.warnings)


def told(text: str) -> Finding:
    """Make a finding of a planner's warning: what takes the root away is no mere warning."""
    return error(str(text), "") if isinstance(text, Fatal) else Finding("warning", text)


def left_behind(progress: Progress | None) -> Iterator[Finding]:
    """Tell that a run that goes on does not copy again what an earlier one has compared."""
    if progress and progress.is_compared:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(progress.started))
        yield Finding(
            "warning",
            f"files were copied by the run of {when}; what has changed since stays behind",
            "--wipe instead of --resume copies all anew",
        )


def errors_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings, and leave out what is said twice."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda each: each.level != "error"))


def error(text: str, hint: str) -> Finding:
    """Make a finding that keeps the migration from starting."""
    return Finding("error", text, hint)


def of_error(found: AoeinitError) -> Finding:
    """Make a finding of an error."""
    return Finding("error", found.message, found.hint or "")


def _target(target: TargetFacts, *, wipe: bool) -> Iterator[Finding]:
    disk = target.disk
    for each in target.used_by:
        yield error(f"{disk.name} is in use: {each}", "unmount it, or name another target")
    if target.within:
        yield error(
            f"{disk.name} lies on the file system of {target.within}, which is copied: "
            "it would be copied into itself",
            "put it on a file system that is not",
        )
    if target.holds and not wipe:
        what = ", ".join(target.holds)
        if target.ours:
            yield error(
                f"{disk.name} holds what an earlier migration of this system has made",
                "--resume goes on with it, --wipe starts anew",
            )
        else:
            yield error(f"{disk.name} is not empty: {what}", "--wipe destroys what is on it")
    elif target.data is not None and not wipe:
        yield error(
            f"{disk.name} is not empty: it holds data of no known kind, the first seen at byte {target.data}",
            "see whose it is; --wipe destroys what is on it",
        )


def _layout(facts: Facts) -> Iterator[Finding]:
    if isinstance(facts.layout, AoeinitError):
        yield of_error(facts.layout)
        return
    for each in facts.layout.partitions:
        if each.filesystem not in {*FILESYSTEMS, SWAP, BIOS}:
            yield error(
                f"{each.name} is {each.filesystem}, which cannot be made on the target",
                f"give it another type in a --layout file: {', '.join(FILESYSTEMS)}",
            )
    points = {volume.point: partition for volume, partition in facts.layout.volumes}
    if "/usr" in points:
        yield error(
            "/usr has a partition of its own, which nothing would mount in time",
            "leave it out of a --layout file: it then becomes a part of the root",
        )
    if facts.source.firmware == "efi" and not any(each.efi for each in facts.layout.partitions):
        yield error(
            "this machine boots through EFI, and the layout has no EFI system partition",
            "mount it at /boot/efi, or name one in a --layout file",
        )


def _rooms(source: Source, layout: Layout) -> Iterator[Finding]:
    """Look whether what gets split has room in all its parts together."""
    for room in dict.fromkeys(room_of(each, source, layout) for _, each in layout.volumes):
        names = [each.name for each in room.partitions]
        # Each brings a file system of its own with it, but what is used is in one of them only.
        needed = least_size(room.partitions[0].filesystem, room.used) + SPARE * (len(names) - 1)
        size = sum(each.size for each in room.partitions)
        if len(names) > 1 and size < needed:
            yield error(
                f"{' and '.join(names)} are to hold {needed >> 20} MiB together, and get {size >> 20}: "
                f"they share what is on {', '.join(sorted(each.point for each in room.mounts))}",
                "make them larger in the --layout file, or the target",
            )


def _source(source: Source) -> Iterator[Finding]:
    for each in source.mounts:
        if "crypt" in source.below(each.device):
            yield error(
                f"{each.point} is encrypted ({each.device}), and its copy on the target would not be",
                "migrate moves systems without encryption only",
            )
    for swap in source.swaps:
        if "crypt" in source.below(swap.path):
            yield error(
                f"swap on {swap.path} is encrypted, and on the target it would not be",
                "swapoff it, and take its lines out of fstab and crypttab",
            )
    if source.snapshots:
        yield Finding("warning", f"read-only snapshots of Btrfs are not copied: {_first(source.snapshots)}")
    others = [each.point for each in source.others if not is_media(each.point)]
    if others:
        yield Finding("warning", f"not in /etc/fstab, and therefore not copied: {_first(others)}")


def _first(names: Sequence[str]) -> str:
    """Name the first few, and say how many more there are."""
    more = f" and {len(names) - OTHERS_SHOWN} more" if len(names) > OTHERS_SHOWN else ""
    return f"{', '.join(names[:OTHERS_SHOWN])}{more}"


def is_media(point: str) -> bool:
    """Tell whether something is mounted where people put what comes and goes."""
    return PurePosixPath(point).is_relative_to("/media") or point.startswith(("/run/", "/mnt", "/snap/"))


def needed_programs(layout: Layout) -> frozenset[str]:
    """Name the programs of this machine that a migration runs."""
    kinds = {each.filesystem for each in layout.partitions} - {SWAP, BIOS}
    made = {f"mkfs.{kind}" for kind in kinds & set(FILESYSTEMS)}
    extra = {"mkswap"} if layout.swaps else set()
    extra |= {"btrfs"} if "btrfs" in kinds else set()
    return frozenset({"rsync", "sfdisk", "mount", "umount", "findmnt", *made, *extra})


def _programs(facts: Facts) -> Iterator[Finding]:
    if isinstance(facts.layout, Layout):
        for name in sorted(needed_programs(facts.layout) - facts.programs):
            yield error(f"{name} is not installed", f"install the package {PACKAGES.get(name, name)}")
    if facts.command is None:
        yield Finding(
            "warning",
            "this aoeinit is no part of the system that is copied: new kernels will get no image there",
            "install it on the system itself",
        )


def _kernels(kernels: Mapping[str, AoeinitError | None]) -> Iterator[Finding]:
    if not kernels:
        yield error("no kernel with modules is installed in /boot", "install a kernel's package")
    usable = [release for release, reason in kernels.items() if reason is None]
    newest = next(reversed(list(kernels)), None)
    for release, reason in kernels.items():
        if reason is not None and not usable:
            yield of_error(reason)
        elif reason is not None and release == newest:
            yield error(
                f"GRUB starts the newest kernel first, {release}, and that can have no image: "
                f"{reason.message}",
                "remove that kernel, or install one that is newer and has aoe",
            )
        elif reason is not None:
            yield Finding("warning", f"no image for kernel {release}: {reason.message}", reason.hint or "")


def _machine(facts: Facts) -> Iterator[Finding]:
    if isinstance(facts.interface, AoeinitError):
        yield of_error(facts.interface)
    if facts.mtu != ETHERNET_MTU:
        yield Finding(
            "warning",
            f"{facts.interface} has an MTU of {facts.mtu}, and would get it under the root, too: "
            f"rd.aoe.mtu={facts.mtu} comes into the command line",
            "network and server have to take frames of that size; else set it to 1500 first",
        )
    running = sorted({DATABASES[name] for name in facts.running & set(DATABASES)})
    if running:
        yield Finding(
            "warning",
            f"running while it is copied: {', '.join(running)}; their files may not fit together afterwards",
            "stop them first, or copy their dumps",
        )


def may_start(findings: Iterable[Finding]) -> bool:
    """Tell whether nothing found keeps the migration from starting."""
    return not any(each.level == "error" for each in findings)
