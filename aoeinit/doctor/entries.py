"""Boot entries: what a boot loader would start, and which of it at the next boot.

Sources: uapi-group.org, "UAPI.1 Boot Loader Specification"; GRUB manual, "Environment block".
"""

import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from aoeinit.doctor.grub_menu import Menu, parse
from aoeinit.install.grub.cmdline import split, split_words
from aoeinit.install.grub.entries import ENTRIES, KERNELOPTS
from aoeinit.install.grub.esp import PLACES, names_in
from aoeinit.install.network.lines import has_file, read_lines
from aoeinit.sysroot import resolve

GRUB_FOLDERS: Final = ("boot/grub", "boot/grub2")
LOADER_CONF: Final = tuple(f"{place}/loader/loader.conf" for place in PLACES)
UNIFIED: Final = tuple(f"{place}/EFI/Linux" for place in PLACES)


@dataclass(frozen=True, slots=True)
class Entry:
    """A boot entry, and the ``file`` that has it, relative to the sysroot.

    ``kernel`` and ``initrds`` are named as the boot loader sees them, ``words`` are the command line. A
    unified kernel image is its own entry: it has no ``kernel``, and itself as its one initrd.
    """

    file: str
    name: str
    kernel: str
    initrds: tuple[str, ...]
    words: tuple[str, ...]
    version: str = ""
    is_default: bool = False

    def values(self, name: str) -> tuple[str, ...]:
        """Give every value that the command line has for a parameter."""
        stop = self.words.index("--") if "--" in self.words else len(self.words)
        pairs = map(split, self.words[:stop])
        return tuple(value for key, value in pairs if key == name)

    def value(self, name: str) -> str | None:
        """Give the value that counts, the last."""
        return (self.values(name) or (None,))[-1]

    @property
    def release(self) -> str:
        """The kernel release, as far as names tell."""
        found = re.fullmatch(r"(?:vmlinu[xz]|kernel|linux)-(.+)", self.kernel.rpartition("/")[2])
        return self.version or (found[1] if found else "")


@dataclass(frozen=True, slots=True)
class GrubMenu:
    """GRUB's menu, where it is, and the variables that GRUB keeps."""

    path: str
    menu: Menu
    variables: Mapping[str, str]

    @property
    def wanted(self) -> str:
        """The entry that GRUB is told to start."""
        return self.menu.wanted(self.variables)


def read_menu(sysroot: Path) -> GrubMenu | None:
    """Read GRUB's menu; ``None`` where a system has none."""
    folder = next((each for each in GRUB_FOLDERS if has_file(sysroot, f"{each}/grub.cfg")), None)
    if folder is None:
        return None
    path = f"{folder}/grub.cfg"
    menu = parse("\n".join(line.text for line in read_lines(sysroot, path)))
    return GrubMenu(path, menu, _environment(sysroot, folder))


def read_entries(sysroot: Path, unified: Iterable[Entry] = ()) -> tuple[Entry, ...]:
    """Read every entry of a system; ``unified`` are those that are images.

    The one that would be started is marked, unless nothing tells. Raises AoeinitError for what cannot be
    read.
    """
    grub = read_menu(sysroot)
    images = {each.file: each for each in unified}
    loader = [
        _with_words(each, images.get(locate(sysroot, each.initrds[0]) or "")) if not each.kernel else each
        for each in _of_loader(sysroot, grub.variables if grub else {})
    ]
    entries = _newest_first([*loader, *images.values()])
    if grub is None:
        return _marked(entries, _loader_default(sysroot), keep_first=True)
    linux = tuple(each for each in entries if each.kernel) if grub.menu.reads_entries else ()
    numbered = _at(linux, grub.wanted)
    default = None if numbered else grub.menu.default(grub.variables)
    items = tuple(
        Entry(grub.path, item.title, item.kernel, item.initrds, item.words, is_default=item is default)
        for item in grub.menu.items
        if item.kernel
    )
    if not grub.menu.reads_entries:
        return items
    if numbered:
        return (*items, *(replace(each, is_default=each is numbered) for each in linux))
    chosen = () if any(each.is_default for each in items) else (grub.wanted,)
    return (*items, *_marked(linux, chosen, keep_first=bool(chosen)))


def _at(entries: tuple[Entry, ...], wanted: str) -> Entry | None:
    """Give the entry that a number means."""
    number = int(wanted) if re.fullmatch(r"[0-9]{1,4}", wanted) else len(entries)
    return entries[number] if number < len(entries) else None


def lost_default(sysroot: Path) -> tuple[str, str] | None:
    """Give the file of GRUB's menu and the entry that it is told to start, if there is no such entry."""
    grub = read_menu(sysroot)
    if grub is None or grub.menu.find(grub.wanted):
        return None
    if grub.menu.reads_entries:
        ids = {_id(name) for name in names_in(sysroot, ENTRIES)}
        if grub.wanted in ids or grub.wanted.isdecimal():
            return None
    return grub.path, grub.wanted


def locate(sysroot: Path, path: str) -> str | None:
    """Find the file that an entry names: ``/boot``, or the EFI partition, may be a file system of its own."""
    name = path.lstrip("/")
    places = (name, *(f"{place}/{name}" for place in PLACES), f"boot/{name.rpartition('/')[2]}")
    found = (resolve(sysroot, place) for place in places)
    return next((each.path for each in found if each and each.file.is_file()), None)


def unified_images(sysroot: Path) -> tuple[str, ...]:
    """Name the unified kernel images that boot loaders look for."""
    return tuple(
        f"{folder}/{name}"
        for folder in UNIFIED
        for name in names_in(sysroot, folder)
        if name.lower().endswith(".efi")
    )


def unified_entry(path: str, texts: Mapping[str, str]) -> Entry:
    """Make an entry of a unified kernel image, whose small sections are ``texts``."""
    words = tuple(split_words(texts.get(".cmdline", "")))
    return Entry(path, path.rpartition("/")[2], "", (f"/{path}",), words, texts.get(".uname", ""))


def _with_words(entry: Entry, image: Entry | None) -> Entry:
    """Give an entry of a unified kernel image what that has and the entry does not tell."""
    if image is None:
        return entry
    return replace(entry, words=entry.words or image.words, version=image.version or entry.version)


def _of_loader(sysroot: Path, variables: Mapping[str, str]) -> Iterator[Entry]:
    for folder in dict.fromkeys((ENTRIES, *(f"{place}/loader/entries" for place in PLACES))):
        for name in names_in(sysroot, folder):
            if name.endswith(".conf"):
                path = f"{folder}/{name}"
                keys = _keys(line.text for line in read_lines(sysroot, path))
                if "linux" in keys or "uki" in keys:  # others start no Linux, as those with efi
                    yield _entry(path, keys, variables)


def _keys(lines: Iterable[str]) -> dict[str, list[str]]:
    keys: dict[str, list[str]] = {}
    for line in lines:
        key, *values = line.split(None, 1) or [""]
        for value in values:
            keys.setdefault(key, []).append(value.strip())
    return keys


def _entry(path: str, keys: Mapping[str, list[str]], variables: Mapping[str, str]) -> Entry:
    options = " ".join(keys.get("options", ()))
    options = options.replace(KERNELOPTS, variables.get(KERNELOPTS[1:], ""))
    initrds = (word for each in keys.get("initrd", ()) for word in each.split() if word[0] != "$")
    return Entry(
        file=path,
        name=(keys.get("title") or [path])[0],
        kernel=keys.get("linux", [""])[0],
        initrds=tuple(initrds) if "linux" in keys else (keys["uki"][0],),
        words=tuple(word for word in split_words(options) if word[0] != "$"),
        version=(keys.get("version") or [""])[0],
    )


def _environment(sysroot: Path, folder: str) -> dict[str, str]:
    lines = (line.text.partition("=") for line in read_lines(sysroot, f"{folder}/grubenv"))
    return {key: value.replace("\\ ", " ") for key, equals, value in lines if equals}


def _newest_first(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda each: version_key(each.release or each.name), reverse=True))


def version_key(text: str) -> tuple[tuple[int, str], ...]:
    """Order names as versions are: numbers by their value, of any length."""
    return tuple(_part_key(part) for part in re.findall(r"[0-9]+|[^0-9]+", text))


def _part_key(part: str) -> tuple[int, str]:
    digits = part.lstrip("0")
    return (len(digits), digits) if part[0] in "0123456789" else (-1, part)


def _loader_default(sysroot: Path) -> tuple[str, ...]:
    found = (
        line.text.split()[1:]
        for path in LOADER_CONF
        for line in read_lines(sysroot, path)
        if line.text.strip()
        if line.text.split()[0] == "default"
    )
    return tuple(word for words in found for word in words[:1])


def _marked(entries: tuple[Entry, ...], wanted: Iterable[str], *, keep_first: bool) -> tuple[Entry, ...]:
    """Mark the entry that is wanted by its name, else the first."""
    for pattern in wanted:
        for each in entries:
            name = each.file.rpartition("/")[2]
            if fnmatch.fnmatchcase(name, pattern) or _id(name) == pattern.removesuffix(".conf"):
                return tuple(replace(other, is_default=other is each) for other in entries)
    first = entries[:1] if keep_first else ()
    return tuple(replace(each, is_default=each in first) for each in entries)


def _id(name: str) -> str:
    return name.removesuffix(".conf")
