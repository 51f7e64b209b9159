"""What a system exports already: settings of Debian's vblade, and units that run vblade."""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aoeinit.aoe.target import Target
from aoeinit.errors import AoeinitError, ConfigError
from aoeinit.server.exports import Export, overlap, whole_disk
from aoeinit.server.vblade import CONFIGURATIONS, UNITS
from aoeinit.sysroot import resolve

_VALUED: Final = "bmol"
"""The options of vblade that have a value."""
_EXEC: Final = re.compile(r"^[ \t]*ExecStart[ \t]*=[ \t]*[-@:+!]*(?:.*[\s/])?vblade\s(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Found:
    """An export that a file of the system, ``path``, makes."""

    path: str
    target: Target
    interface: str
    device: str
    read_only: bool


def existing(sysroot: Path) -> tuple[Found, ...]:
    """Read the exports of a system; files that vblade would make nothing of are left out."""
    return (
        *_each(sysroot, CONFIGURATIONS, ".conf", _of_settings),
        *_each(sysroot, UNITS, ".service", _of_unit),
    )


def refuse_twice(
    sysroot: Path, exports: Iterable[Export], found: Iterable[Found], ours: Iterable[str]
) -> None:
    """Raise :class:`ConfigError` where a file that is not ``ours`` exports a target or a disk already.

    One disk may be exported as one target through several interfaces, and by any number read-only.
    """
    mine = frozenset(ours)
    others = [(each, real_device(sysroot, each.device)) for each in found if each.path not in mine]
    for export in exports:
        real = real_device(sysroot, export.device)
        for other, its_real in others:
            same = overlap(export.device, other.device) or overlap(real, its_real)
            if reason := _clash(export, other, same_disk=same):
                raise ConfigError(
                    f"/{other.path} exports {reason} already",
                    f"remove that file, or choose another {'target' if reason[0] == 'e' else 'disk'}",
                )


def refuse_two_names(sysroot: Path, exports: Iterable[Export]) -> None:
    """Raise :class:`ConfigError` for two exports whose disks are one on the system, unless both only read."""
    disks: dict[str, Export] = {}
    parts: dict[str, Export] = {}
    for export in exports:
        real = real_device(sysroot, export.device)
        whole = whole_disk(real)
        for other in (disks.get(real), parts.get(real), disks.get(whole or "")):
            if other and not (export.read_only and other.read_only):
                raise ConfigError(
                    f"{other.device} ({other.target}) and {export.device} ({export.target}) are one disk",
                    "export it once, or give one of them another disk",
                )
        disks.setdefault(real, export)
        if whole:
            parts.setdefault(whole, export)


def real_device(sysroot: Path, device: str) -> str:
    """Name what a device or file is on the system behind all links; one that is not there keeps its name."""
    try:
        found = resolve(sysroot, device)
    except AoeinitError:
        return device
    return f"/{found.path}" if found else device


def _clash(export: Export, other: Found, *, same_disk: bool) -> str:
    if export.target == other.target:
        apart = same_disk and export.interface != other.interface
        return "" if apart else f"{export.target} on {other.interface}"
    shared = export.read_only and other.read_only
    return f"{other.device} as {other.target}" if same_disk and not shared else ""


def _each(
    sysroot: Path, folder: str, ending: str, read: Callable[[str, str], Iterator[Found]]
) -> Iterator[Found]:
    place = resolve(sysroot, folder)
    if place is None or not place.file.is_dir():
        return
    for entry in sorted(place.file.glob(f"*{ending}")):
        path = f"{folder}/{entry.name}"
        resolved = resolve(sysroot, path)
        if resolved is None or not resolved.file.is_file():
            continue
        try:
            text = resolved.file.read_text(errors="replace")
        except OSError as error:
            raise AoeinitError(f"cannot read {resolved.file}: {error.strerror}", "run as root") from error
        yield from read(path, text)


def _of_settings(path: str, text: str) -> Iterator[Found]:
    """Read a file of Debian's: assignments of a shell, and systemd takes it for that, too."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, is_assignment, rest = line.strip().partition("=")
        if is_assignment and name.isidentifier():
            values[name] = " ".join(_words(rest))
    yield from _found(path, values, _words(values.get("options", "")))


def _of_unit(path: str, text: str) -> Iterator[Found]:
    for match in _EXEC.finditer(text.replace("\\\n", " ")):
        flags, rest = _split(_words(match[1]))
        if len(rest) == len(_POSITIONS):
            values = dict(zip(_POSITIONS, (word.replace("%%", "%") for word in rest), strict=True))
            yield from _found(path, values, flags)


_POSITIONS: Final = ("shelf", "slot", "netif", "filename")


def _found(path: str, values: Mapping[str, str], flags: Iterable[str]) -> Iterator[Found]:
    shelf, slot, interface, device = (values.get(name, "") for name in _POSITIONS)
    if not (shelf and slot and interface and device):
        return  # Debian's generator leaves it out as well
    try:
        target = Target.parse(f"e{shelf}.{slot}")
    except ConfigError:
        return
    read_only = any("r" in flag for flag in flags if flag.startswith("-") and flag[1:2] not in _VALUED)
    yield Found(path, target, interface, device, read_only)


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """Tell options, their values left out, from what stands for itself; getopt(3) takes them in any order."""
    flags: list[str] = []
    rest: list[str] = []
    of_option = False
    for word in words:
        if of_option:
            of_option = False
        elif word.startswith("-") and len(word) > 1:
            flags.append(word)
            of_option = word[-1] in _VALUED and not any(each in _VALUED for each in word[1:-1])
        else:
            rest.append(word)
    return flags, rest


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:  # a quote that is not closed
        return text.split()
