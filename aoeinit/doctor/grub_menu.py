"""GRUB's menu, grub.cfg: its entries, as far as they start Linux, and which of them is the default.

Source: GRUB manual, "Shell-like scripting" and "default". Nothing is run: what only a script can tell is not
known here.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_HEAD: Final = re.compile(r"\s*(menuentry|submenu)\s+(.*)\{\s*$")
_DEFAULT: Final = re.compile(r"^\s*set\s+default=(?:\"([^\"\n]*)\"|'([^'\n]*)'|(\S*))\s*$", re.MULTILINE)
_LINUX: Final = re.compile(r"linux(16|efi)?")
_INITRD: Final = re.compile(r"initrd(16|efi)?")


@dataclass(slots=True)
class Item:
    """An entry or a submenu: ``names`` are its title, its id and its number, ``above`` those it is in."""

    title: str
    names: frozenset[str]
    above: tuple["Item", ...]
    kernel: str = ""
    initrds: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    children: int = 0


@dataclass(frozen=True, slots=True)
class Menu:
    """The items in their order; ``defaults`` are the values that a script may give ``default``."""

    items: tuple[Item, ...]
    defaults: tuple[str, ...]
    reads_entries: bool

    def wanted(self, variables: Mapping[str, str]) -> str:
        """Say which entry GRUB is told to start, by the variables that it keeps."""
        once = variables.get("next_entry", "")
        saved = variables.get("saved_entry", "") if "${saved_entry}" in self.defaults else ""
        plain = [each for each in self.defaults if "$" not in each]
        return once or saved or (plain[-1] if plain else "0")

    def find(self, wanted: str) -> Item | None:
        """Find an item by the path of numbers, titles or ids that GRUB uses: ``1>2``."""
        parts = wanted.split(">")
        for item in self.items:
            path = (*item.above, item)
            if len(path) == len(parts) and all(
                part in each.names for part, each in zip(parts, path, strict=True)
            ):
                return item
        return None

    def default(self, variables: Mapping[str, str]) -> Item | None:
        """Give the entry that GRUB would start: where the one it wants is not there, the first."""
        found = self.find(self.wanted(variables))
        if found is None and self.reads_entries:
            return None
        item = found or next(iter(self.items), None)
        while item is not None and not item.kernel:
            item = next((each for each in self.items if each.above and each.above[-1] is item), None)
        return item


def parse(text: str) -> Menu:
    """Read a menu; lines that are not understood are left out."""
    items: list[Item] = []
    open_: list[Item | None] = []
    top = Item("", frozenset(), ())
    for line in text.split("\n"):
        head = _HEAD.fullmatch(line)
        if head:
            above = tuple(each for each in open_ if each is not None)
            items.append(_item(head[2], above, (above or (top,))[-1]))
            open_.append(items[-1])
        elif line.rstrip().endswith("{"):
            open_.append(None)
        elif line.strip() == "}":
            del open_[-1:]
        elif open_ and open_[-1] is not None:
            _take(open_[-1], line)
    defaults = tuple("".join(groups) for groups in _DEFAULT.findall(text))
    return Menu(tuple(items), defaults, re.search(r"^\s*blscfg\b", text, re.MULTILINE) is not None)


def _item(text: str, above: tuple[Item, ...], parent: Item) -> Item:
    words = list(_words(text))
    title = words[0] if words else ""
    marks = ("--id", "$menuentry_id_option")
    ids = [after for before, after in pairwise(words) if before in marks]
    number = str(parent.children)
    parent.children += 1
    return Item(title, frozenset({title, number, *ids}), above)


def _take(item: Item, line: str) -> None:
    words = tuple(_words(line))
    if len(words) > 1 and _LINUX.fullmatch(words[0]):
        item.kernel, item.words = _path(words[1]), words[2:]
    elif words and _INITRD.fullmatch(words[0]):
        item.initrds = tuple(map(_path, words[1:]))


def _path(text: str) -> str:
    """Take a device such as ``($root)`` away from a path."""
    return re.sub(r"^\([^)]*\)", "", text)


def _words(text: str) -> Iterator[str]:
    try:
        yield from shlex.split(text, comments=True)
    except ValueError:
        yield from text.split()
