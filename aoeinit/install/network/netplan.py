"""netplan: YAML that becomes files of networkd or NetworkManager at each boot.

Source: netplan's YAML reference, YAML 1.2.2, sections 7.4 and 8.2. Block style, which is what installers and
cloud-init write, and flow style within a line; what else YAML can do is told by its line.
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

UNREAD: Final = (
    "this is not read here; see that it leaves name, MAC and MTU of {name} alone, and it out of bridges and "
    "bonds; or write one key in a line, as netplan get prints it"
)
TOKEN: Final = re.compile(
    r"""\s*([{}\[\],]|:(?=[\s{}\[\],]|$)|"[^"]*"|'[^']*'|(?:[^\s{}\[\],:]|:(?=[^\s{}\[\],]))+)"""
)

Entry = tuple[tuple[str, ...], str, Line]
"""The keys that lead to a value, the value, and its line; items of a list have the key of the list."""


def conflicts(sysroot: Path, boot: BootInterface) -> Iterator[str]:
    """Warn of bridges and bonds with the interface in them, and of another name, MAC or MTU."""
    for folder in FOLDERS:
        for path in files(sysroot, folder, "*.yaml"):
            found = list(_entries(read_lines(sysroot, path)))
            entries = [each for each in found if not isinstance(each, Line)]
            for line in found:
                if isinstance(line, Line):
                    yield line.says(UNREAD.format(name=boot.name))
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


def _entries(lines: tuple[Line, ...]) -> Iterator[Entry | Line]:
    """Read block style: deeper lines belong to the key above them. Lines that cannot be read are given."""
    above: list[tuple[int, str]] = []
    for line in lines:
        text = re.sub(r"(^|\s)#.*", "", line.text)
        if text.startswith("{"):
            found = _flow_entries(text, (), line)
            yield from [line] if found is None else found
            continue
        matched = re.fullmatch(r"( *)(?:- +(.*)|([^\s:]+|\"[^\"]*\")\s*:(?:\s+(.*))?)", text.rstrip())
        if not matched:
            continue
        indent, item, key, value = matched.groups()
        # The items of a list may stand below its key without being deeper.
        above = [each for each in above if each[0] < len(indent) + (item is not None)]
        if key is not None:
            above.append((len(indent), key.strip('"')))
        given = item if item is not None else value
        keys = tuple(each for _, each in above)
        if key == "<<" or (given and given[0] in "&*!|>"):
            yield line
        elif given and given[0] in "{[":
            found = _flow_entries(given, keys, line)
            yield from [line] if found is None else found
        elif given:
            yield keys, given.strip("\"' "), line


def _flow_entries(text: str, keys: tuple[str, ...], line: Line) -> list[Entry] | None:
    """Read flow style; ``None`` where it does not end in the line."""
    tokens = TOKEN.findall(text)
    try:
        found = [(each, value, line) for each, value in _flow(tokens, keys)]
    except (IndexError, ValueError, RecursionError):
        return None
    return None if tokens else found


def _flow(tokens: list[str], keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Take a value from the front of the tokens, and give what is in it."""
    first = tokens.pop(0)
    if first not in {"{", "["}:
        if first in {"}", "]", ",", ":"}:
            raise ValueError
        yield keys, first.strip("\"'")
        return
    end = {"{": "}", "[": "]"}[first]
    while tokens[0] != end:
        below = keys
        if first == "{":
            below = (*keys, tokens.pop(0).strip("\"'"))
            if tokens.pop(0) != ":":
                raise ValueError
        if tokens[0] not in {",", end}:
            yield from _flow(tokens, below)
        if tokens[0] == ",":
            tokens.pop(0)
    tokens.pop(0)
