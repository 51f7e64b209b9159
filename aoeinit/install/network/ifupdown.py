"""ifupdown: /etc/network/interfaces, whose services take interfaces down at a shutdown.

Source: interfaces(5). ``no-auto-down`` is what keeps ``ifdown -a`` of networking.service away; an interface
with ``allow-hotplug`` has a service of its own, which names it to ``ifdown``.
"""

import fnmatch
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path, PurePath
from typing import Final

from aoeinit.install.network.conflicts import Fatal, enslaved, readdressed, resized, taken_down
from aoeinit.install.network.interface import BootInterface
from aoeinit.install.network.lines import Line, files, has_file, joined, read_lines
from aoeinit.install.state import Change, Present, State, look
from aoeinit.sysroot import resolve

INTERFACES: Final = "etc/network/interfaces"
OWN: Final = "etc/network/interfaces.d/aoeinit"
UNITS: Final = "etc/systemd/system"
TEXT: Final = """\
# Written by aoeinit network: the root is reached through this interface.
no-auto-down {name}
"""
LINES: Final = rb"\n?" + re.escape(TEXT.encode()).replace(rb"\{name\}", rb"\S+")
"""Those of whichever interface, as a pattern."""
UNIT: Final = """\
# Written by aoeinit network: the root is reached through this interface, and must be to the end.
[Service]
ExecStop=
"""
SELECTING: Final = ("auto", "source", "source-directory", "mapping", "rename", "no-auto-down", "no-scripts")


def is_used(sysroot: Path) -> bool:
    """Tell whether ifupdown is there, with the file it works by."""
    return has_file(sysroot, "usr/sbin/ifup", "sbin/ifup") and has_file(sysroot, INTERFACES)


def changes(sysroot: Path, boot: BootInterface) -> Iterator[Change]:
    """Give what keeps both kinds of interface, ``auto`` and ``allow-hotplug``, from being taken down."""
    if not is_used(sysroot):
        return
    text = TEXT.format(name=boot.name).encode()
    why = f"keeps networking.service from taking {boot.name} down"
    if any(_includes(line, OWN) for line in read_lines(sysroot, INTERFACES)):
        yield Change(OWN, look(sysroot, OWN), Present(text, 0o644), why)
    else:
        found = resolve(sysroot, INTERFACES)
        path = found.path if found else INTERFACES
        before = look(sysroot, path) or Present(b"", 0o644)
        yield Change(path, before, _with(before, text), why)
    if has_file(sysroot, *(f"{folder}/systemd/system/ifup@.service" for folder in ("usr/lib", "lib"))):
        path = f"{UNITS}/ifup@{escaped(boot.name)}.service.d/aoeinit.conf"
        why = f"keeps the service of a hot-plugged {boot.name} from taking it down"
        yield Change(path, look(sysroot, path), Present(UNIT.encode(), 0o644), why)


def _with(before: Present, text: bytes) -> Present:
    """Add the text to a file, behind an empty line: the last one may end with a backslash."""
    if text in before.content:
        return before
    content = re.sub(LINES, b"", before.content)  # an earlier run's, for another interface
    end = b"" if content.endswith(b"\n") or not content else b"\n"
    return replace(before, content=content + end + b"\n" + text)


def without(change: Change, current: State) -> State | Change:
    """Take our lines out of a file changed since; give the change itself where they are not in it."""
    found = re.search(LINES, current.content) if current else None
    if current is None or current.is_link or found is None:
        return change
    return replace(current, content=current.content[: found.start()] + current.content[found.end() :])


def escaped(name: str) -> str:
    """Write an interface's name as part of a unit's (systemd.unit(5), string escaping)."""
    return re.sub(r"[^A-Za-z0-9:_.]", lambda found: f"\\x{ord(found[0]):02x}", name)


def _includes(line: Line, path: str) -> bool:
    """Tell whether a line takes in another file."""
    words = line.text.split()
    place = PurePath("/etc/network")
    wanted = f"/{path}"
    if len(words) < 2:  # noqa: PLR2004 - a word and what it includes
        return False
    included = [str(place / word) for word in words[1:]]
    if words[0] == "source":
        return any(fnmatch.fnmatchcase(wanted, each) for each in included)
    return words[0] == "source-directory" and any(
        fnmatch.fnmatchcase(wanted.rpartition("/")[0], each.rstrip("/")) for each in included
    )


def conflicts(sysroot: Path, boot: BootInterface) -> Iterator[str]:
    """Warn of bridges and bonds with the interface in them, and of a new name, MAC or MTU."""
    if not is_used(sysroot):
        return
    lines = tuple(_all_lines(sysroot))
    names = {boot.name, *_logical_names(lines, boot)}
    for line in _mapped_by_script(lines, boot):
        yield line.says(
            f"its script chooses what {boot.name} gets, and only the stanza {boot.name} was looked at; "
            "name the stanzas in its map lines"
        )
    stanza = ""
    for line in lines:
        key, value = (*line.text.strip().split(maxsplit=1), "", "")[:2]
        if key == "rename" and any(new != boot.name for new in _new_names(value, boot)):
            told = f"{boot.name} gets another name under the root, which is lost then; take the line out"
            yield Fatal(line.says(told))
        if key == "iface":
            stanza = (*value.split(), "")[0]
        elif key in SELECTING or key.startswith("allow-"):
            stanza = ""
        elif stanza and not key.startswith("#"):
            yield from _told(line, stanza, key.replace("_", "-"), value, boot, ours=stanza in names)


def _logical_names(lines: Iterable[Line], boot: BootInterface) -> Iterator[str]:
    """Give the names of stanzas that the interface may get its settings from: ``auto eth0=home``, mappings.

    A mapping's script decides; by convention its ``map`` lines end with the name that it chooses.
    """
    mapped = False
    for line in lines:
        key, *words = line.text.split() or [""]
        if key == "auto" or key.startswith("allow-"):
            yield from _new_names(" ".join(words), boot)
        if _starts(line):
            mapped = key == "mapping" and any(fnmatch.fnmatchcase(boot.name, each) for each in words)
        elif key == "map" and mapped and words:
            yield words[-1]


def _mapped_by_script(lines: Sequence[Line], boot: BootInterface) -> Iterator[Line]:
    """Give the mappings of the interface that do not tell the names that they choose from."""
    for number, line in enumerate(lines):
        key, *words = line.text.split() or [""]
        if key == "mapping" and any(fnmatch.fnmatchcase(boot.name, each) for each in words):
            below = takewhile(lambda each: not _starts(each), lines[number + 1 :])
            if not any(each.text.split()[:1] == ["map"] for each in below):
                yield line


def _starts(line: Line) -> bool:
    """Tell whether a line begins a stanza."""
    key = (*line.text.split(), "")[0]
    return key in {*SELECTING, "iface"} or key.startswith("allow-")


def _new_names(value: str, boot: BootInterface) -> Iterator[str]:
    """Give what follows ``=`` where a word means the interface: ``NAME=``, ``/PATTERN=`` or ``mac/MAC=``."""
    for word in value.split():
        current, _, new = word.partition("=")
        variable, slash, pattern = current.partition("/")
        pattern = pattern.partition("/")[0]
        by_name = not variable and fnmatch.fnmatchcase(boot.name, pattern)
        by_mac = variable == "mac" and pattern.lower() == boot.mac
        if new and (by_name or by_mac if slash else current == boot.name):
            yield new


def _told(line: Line, stanza: str, key: str, value: str, boot: BootInterface, *, ours: bool) -> Iterator[str]:
    words = value.split()
    match key:
        case "bridge-ports" | "bond-slaves" | "slaves" | "ovs-ports":
            # "regex" begins a pattern, "all" is every Ethernet card.
            if boot.name in words or words[:1] in (["all"], ["regex"]):
                yield enslaved(line, boot, stanza)
        case "bond-master" if ours:
            yield enslaved(line, boot, value)
        case "hwaddress" if ours and words:
            yield from readdressed(line, boot, words[-1])
        case "mtu" if ours:
            yield from resized(line, boot, value)
        case "pre-up" | "up" | "post-up":
            named = {boot.name, *(("$IFACE", "${IFACE}") if ours else ())} & set(words)
            if named and "down" in words:
                yield taken_down(line, boot, "it")
            elif named and {"master", "addif", "add-port"} & set(words):
                yield enslaved(line, boot, f"what {words[0]} puts it in")


def _all_lines(sysroot: Path, path: str = INTERFACES, seen: set[str] | None = None) -> Iterator[Line]:
    """Read a file, and those it takes in where it does; each once."""
    seen = set() if seen is None else seen
    seen.add(path)
    lines = (line for line in read_lines(sysroot, path) if not line.text.lstrip().startswith("#"))
    for line in joined(lines):
        yield line
        for each in _included(sysroot, line):
            if each not in seen:
                yield from _all_lines(sysroot, each, seen)


def _included(sysroot: Path, line: Line) -> Iterator[str]:
    """Name the files that a line takes in; of ``source`` their names may be patterns."""
    key, *included = line.text.split() or [""]
    for each in included if key in {"source", "source-directory"} else ():
        path = str(PurePath(line.path).parent / each).strip("/")
        folder, _, pattern = path.rpartition("/") if key == "source" else (path, "", "*")
        yield from files(sysroot, folder, pattern)
