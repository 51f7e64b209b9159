"""Aliases: the patterns by which devices, file systems and other modules ask for a module."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

from aoeinit.kernel.names import normalised_alias

ALIAS_LINE: Final = re.compile(r"^alias (.*) (\S+)$", re.MULTILINE)
"""A line of modules.alias: the pattern, which may hold spaces, and the module (depmod.d(5))."""

WILDCARD: Final = re.compile(r"[*?\[\\]")


class AliasTable:
    """Patterns of fnmatch(3) and the module that each stands for, in the order of their index.

    A kernel has some 27,000. A pattern can match only what begins with the letters before its first
    wildcard, so that a look-up has to try just the few that share a beginning with the alias.
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

    def patterns(self) -> dict[str, list[str]]:
        """Group the patterns by module; one without any is left out."""
        found: dict[str, list[str]] = {}
        for bucket in self._buckets.values():
            for _, pattern, module in bucket:
                found.setdefault(module, []).append(pattern)
        return found
