"""netplan: YAML that becomes files of networkd or NetworkManager at each boot.

Source: netplan's YAML reference. Block style only, which is what installers and cloud-init write.
"""

import fnmatch
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aoeinit.install.network.conflicts import enslaved, readdressed, resized
from aoeinit.install.network.interface import BootInterface
from aoeinit.install.network.lines import Line, files, read_lines

FOLDERS: Final = ("etc/netplan", "usr/lib/netplan")
MASTERS: Final = {"bridges", "bonds", "vrfs"}

Entry = tuple[tuple[str, ...], str, Line]
"""The keys that lead to a value, the value, and its line; items of a list have the key of the list."""


def conflicts(sysroot: Path, boot: BootInterface) -> Iterator[str]:
    """Warn of bridges and bonds with the interface in them, and of another name, MAC or MTU."""
    for folder in FOLDERS:
        for path in files(sysroot, folder, "*.yaml"):
            entries = list(_entries(read_lines(sysroot, path)))
            names = _names(entries, boot)
            for keys, value, line in entries:
                yield from _told(keys, value, line, boot, names)


def _told(
    keys: tuple[str, ...], value: str, line: Line, boot: BootInterface, names: set[str]
) -> Iterator[str]:
    match keys:
        case ("network", kind, master, "interfaces") if kind in MASTERS:
            if names & set(re.split(r"[][,\s]+", value)):
                yield enslaved(line, boot, master)
        case ("network", "ethernets", name, "macaddress") if name in names:
            yield from readdressed(line, boot, value)
        case ("network", "ethernets", name, "mtu") if name in names:
            yield from resized(line, boot, value)
        case ("network", "ethernets", name, "set-name") if name in names and value != boot.name:
            yield line.says(f"{boot.name} would be {value}; /etc/systemd/network/00-aoeinit.link comes first")


def _names(entries: list[Entry], boot: BootInterface) -> set[str]:
    """Give the names that stand for the interface: its own, and those that are given to its MAC or name."""
    found: dict[str, bool] = {}
    for keys, value, _ in entries:
        match keys:
            case ("network", "ethernets", name, "match", "macaddress"):
                found[name] = found.get(name, True) and value.lower() == boot.mac
            case ("network", "ethernets", name, "match", "name"):
                found[name] = found.get(name, True) and fnmatch.fnmatchcase(boot.name, value)
    return {boot.name} | {name for name, fits in found.items() if fits}


def _entries(lines: tuple[Line, ...]) -> Iterator[Entry]:
    """Read block style: deeper lines belong to the key above them."""
    above: list[tuple[int, str]] = []
    for line in lines:
        text = re.sub(r"(^|\s)#.*", "", line.text)
        found = re.fullmatch(r"( *)(?:- +(.*)|([^\s:]+|\"[^\"]*\")\s*:(?:\s+(.*))?)", text.rstrip())
        if not found:
            continue
        indent, item, key, value = found.groups()
        # The items of a list may stand below its key without being deeper.
        above = [each for each in above if each[0] < len(indent) + (item is not None)]
        if key is not None:
            above.append((len(indent), key.strip('"')))
        given = item if item is not None else value
        if given:
            yield tuple(each for _, each in above), given.strip("\"' "), line
