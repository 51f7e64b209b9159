"""On which line of a TOML file each key stands: for messages. Source of the format: TOML 1.0."""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

Key = tuple[str | int, ...]
"""Names of tables and keys from the top; of an array of tables also the number of the table, from 0."""


def key_lines(text: str) -> Mapping[Key, int]:
    """Tell on which line (from 1) the statement begins that first names each table and key.

    ``text`` is valid TOML. What stands in an inline table or array has the line of that.
    """
    lines: dict[Key, int] = {}
    counts: dict[Key, int] = {}
    table: Key = ()
    for line, statement in _statements(text):
        names = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table = _enter(names, statement.lstrip().startswith("[["), counts)
            lines.setdefault(table, line)
        else:
            for key in _paths(names):
                lines.setdefault((*table, *key), line)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Split a file; a statement is complete where the lines since the last one are TOML by themselves."""
    statement, begin = "", 1
    for number, line in enumerate(text.split("\n"), start=1):
        statement += f"{line}\n"
        if line.rstrip().endswith(",") and "#" not in line:
            continue  # no statement ends so, and a long list is not read again for each of its lines
        try:
            found = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        if found:
            yield begin, statement
        statement, begin = "", number + 1


def _enter(names: Mapping[str, Any], is_array: bool, counts: dict[Key, int]) -> Key:  # noqa: FBT001 - private
    """Give the path of the table that a header opens, and count it in its array."""
    key: Key = ()
    inner: Any = names
    while isinstance(inner, dict) and inner:
        (name,) = inner
        inner = inner[name]
        key = (*key, name)
        last = is_array and isinstance(inner, list)
        if last:
            counts[key] = counts.get(key, -1) + 1
        if key in counts:
            key = (*key, counts[key])
    return key


def _paths(names: Mapping[str, Any]) -> Iterator[Key]:
    for name, value in names.items():
        yield (name,)
        if isinstance(value, dict):
            yield from ((name, *rest) for rest in _paths(value))
