"""Aliases: the patterns by which devices, file systems and other modules ask for a module."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

from aoeinit.kernel.names import normalised_alias

WILDCARD: Final = re.compile(r"[*?\[\\]")

WORD: Final = "alias "
"""What a line begins with."""


class AliasTable:
    """Patterns of fnmatch(3) and the module that each stands for, in the order of their index.

    A pattern can match only what begins with the letters before its first wildcard, so that a look-up has to
    try just the few that share a beginning with the alias.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._buckets: dict[str, list[tuple[int, str, str]]] = {}
        for number, (pattern, module) in enumerate(pairs):
            wildcard = WILDCARD.search(pattern)
            literal = pattern[: wildcard.start()] if wildcard else pattern
            bucket = self._buckets.setdefault(literal.replace("-", "_"), [])
            bucket.append((number, pattern, module))

    def lookup(self, alias: str) -> tuple[str, ...]:
        """Find the modules that the alias stands for, each once, in the order of the index."""
        wanted = normalised_alias(alias)
        matches = [
            (number, module)
            for end in range(len(wanted) + 1)
            for number, pattern, module in self._buckets.get(wanted[:end], ())
            if fnmatchcase(wanted, normalised_alias(pattern))
        ]
        return tuple(dict.fromkeys(module for _, module in sorted(matches)))


class AliasLines:
    """The text of modules.alias: lines ``alias PATTERN MODULE`` (depmod.d(5)), whose pattern may hold spaces.

    A kernel has some 27,000. A table of all of them takes longer than to read those alone that begin as an
    alias does, or with a wildcard.
    """

    def __init__(self, text: str) -> None:
        self._text = f"\n{text}"
        self._tables: dict[str, AliasTable] = {}

    def lookup(self, alias: str) -> tuple[str, ...]:
        """Find the modules that the alias stands for, as :meth:`AliasTable.lookup`."""
        first = normalised_alias(alias)[:1]
        if first not in self._tables:
            self._tables[first] = AliasTable(self._beginning(first))
        return self._tables[first].lookup(alias)

    def patterns(self) -> dict[str, list[str]]:
        """Group the patterns by module; one without any is left out."""
        found: dict[str, list[str]] = {}
        for line in self._text.split("\n"):
            if line.startswith(WORD):
                pattern, _, module = line.removeprefix(WORD).rpartition(" ")
                found.setdefault(module, []).append(pattern)
        return found

    def _beginning(self, first: str) -> list[tuple[str, str]]:
        """List the patterns, and their modules, that can match what begins with the letter ``first``."""
        letters = "-_" if first == "_" else re.escape(first)
        # Python searches for an end of line eight times as fast as for "^".
        return re.findall(rf"\n{WORD}([{letters}*?\[\\].*) (\S+)$", self._text, re.MULTILINE)
