"""Firmware: the files that drivers load at run time, found where the kernel would find them."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from aoeinit.errors import KernelError
from aoeinit.kernel.aliases import WILDCARD
from aoeinit.kernel.content import locate, read_unpacked

SUFFIXES: Final = ("", ".zst", ".xz")
"""The forms in which the kernel takes a file, in the order in which it tries them."""


@dataclass(frozen=True, slots=True)
class Firmware:
    """A firmware file: ``name`` is what drivers ask for, ``source`` the file inside the sysroot.

    Two names with one source are links to the same file.
    """

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class MissingFirmware:
    """Firmware that a module names and the sysroot does not have. Many drivers work without some of it."""

    module: str
    name: str


@dataclass(frozen=True, slots=True)
class FirmwareFound:
    """What was found of the firmware of some modules, and what was not."""

    files: tuple[Firmware, ...]
    missing: tuple[MissingFirmware, ...]


def find_firmware(sysroot: Path, release: str, wanted: Iterable[tuple[str, str]]) -> FirmwareFound:
    """Find firmware, asked for as pairs of a module's name and a file's name or shell pattern.

    Source: drivers/base/firmware_loader/main.c of Linux, ``fw_path`` and ``_request_firmware``: each form of
    the file (:data:`SUFFIXES`) is looked for in all folders before the next form is. A name with ``..`` is
    refused there and therefore missing here. Raises :class:`KernelError` for links that cannot be followed.
    """
    folders = _search_folders(sysroot, release)
    files: dict[str, Firmware] = {}
    missing: dict[MissingFirmware, None] = {}
    for module, pattern in wanted:
        names = _matching(sysroot, folders, pattern) if WILDCARD.search(pattern) else [pattern]
        found = [file for name in names if (file := _find(sysroot, folders, name))]
        files.update((file.name, file) for file in found)
        if not found:
            missing[MissingFirmware(module, pattern)] = None
    return FirmwareFound(tuple(files.values()), tuple(missing))


def read_firmware(sysroot: Path, firmware: Firmware) -> bytes:
    """Read a firmware file, unpacked: a kernel older than 5.19 cannot load ``.zst``, nor can every newer one.

    Raises :class:`KernelError` where it cannot be read or unpacked.
    """
    return read_unpacked(sysroot / firmware.source)


def _search_folders(sysroot: Path, release: str) -> tuple[str, ...]:
    # The kernel knows /lib/firmware only. A sysroot without /lib, put together from packages of a
    # distribution that has merged it into /usr, will get that link later.
    base = "lib/firmware" if locate(sysroot, "lib") else "usr/lib/firmware"
    return (f"{base}/updates/{release}", f"{base}/updates", f"{base}/{release}", base)


def _find(sysroot: Path, folders: tuple[str, ...], name: str) -> Firmware | None:
    if ".." in name.split("/"):
        return None
    for suffix in SUFFIXES:
        for folder in folders:
            found = locate(sysroot, f"{folder}/{name}{suffix}")
            if found is not None and found.file.is_file():
                return Firmware(name, found.path)
    return None


def _matching(sysroot: Path, folders: tuple[str, ...], pattern: str) -> list[str]:
    names = {name for folder in folders for name in _glob(sysroot, folder, "", pattern.split("/"))}
    return sorted(names)


def _glob(sysroot: Path, folder: str, above: str, parts: list[str]) -> Iterator[str]:
    """List the names below ``folder``, without compression suffix, that match the pattern's ``parts``."""
    part, *rest = parts
    for entry in _entries(sysroot, folder):
        if rest and fnmatchcase(entry, part):
            yield from _glob(sysroot, f"{folder}/{entry}", f"{above}{entry}/", rest)
        elif not rest and fnmatchcase(_plain_name(entry), part):
            yield above + _plain_name(entry)


def _plain_name(entry: str) -> str:
    return next(
        (entry.removesuffix(suffix) for suffix in SUFFIXES if suffix and entry.endswith(suffix)), entry
    )


def _entries(sysroot: Path, folder: str) -> list[str]:
    found = locate(sysroot, folder)
    if found is None or not found.file.is_dir():
        return []
    try:
        return os.listdir(found.file)
    except OSError as error:
        raise KernelError(f"cannot list {found.file}: {error.strerror}") from error
