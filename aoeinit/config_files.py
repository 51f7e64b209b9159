"""The configuration files: ``/etc/aoeinit.toml``, then ``/etc/aoeinit.d/*.toml`` in the order of their names.

Source of the format: TOML 1.0. All keys are at the top; they are those of :class:`aoeinit.config.Settings`.
"""

import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from aoeinit.config import KEYS, Settings, change, nearest
from aoeinit.errors import AoeinitError, ConfigError
from aoeinit.sysroot import Resolved, resolve

FILE: Final = "etc/aoeinit.toml"
FOLDER: Final = "etc/aoeinit.d"

DEFAULT: Final = "default"
"""The origin of a setting that no file gives."""

Origins = Mapping[str, str]
"""For each setting ``FILE:LINE``, or :data:`DEFAULT`."""


def load_settings(sysroot: Path) -> tuple[Settings, Origins]:
    """Read the configuration of the system in ``sysroot``: what it sets, and where.

    A later file puts aside what an earlier one says of the same setting, lists as a whole.

    Raises :class:`ConfigError`, with file and line, for what cannot be read or meant.
    """
    settings = Settings()
    origins = dict.fromkeys(KEYS, DEFAULT)
    for found, shown in _files(sysroot):
        text = _text(found, shown)
        given = _parse(text, shown)
        where = {name: f"{shown}:{line}" for name, line in _lines(text).items()}
        values = {name: _value(name, raw, where[name], sysroot) for name, raw in given.items()}
        try:
            changed = change(settings, values)
        except ConfigError as error:
            raise ConfigError(f"{where['level']}: {error.message}", error.hint) from error
        if changed.level is None:
            origins["level"] = DEFAULT
        settings = changed
        origins |= {name: where[name] for name in values}
    return settings, origins


def _files(sysroot: Path) -> Iterator[tuple[Resolved, str]]:
    """Give each configuration file that there is, with the name under which to speak of it."""
    names = [FILE]
    folder = resolve(sysroot, FOLDER)
    if folder is not None:
        try:
            inside = sorted(os.listdir(folder.file))
        except OSError as error:
            raise _unreadable(os.fspath(sysroot / FOLDER), error) from error
        names += [f"{FOLDER}/{name}" for name in inside if re.fullmatch(r"[^.].*\.toml", name, re.DOTALL)]
    for name in names:
        shown = os.fspath(sysroot / name)
        found = resolve(sysroot, name)
        if found is not None:
            yield found, shown
        elif os.path.islink(shown):
            raise ConfigError(
                f"{shown} is a link to {os.readlink(shown)}, which is not there",
                "remove the link, or make the file.",
            )


def _text(found: Resolved, shown: str) -> str:
    try:
        content = _content(found.file, shown)
    except OSError as error:
        raise _unreadable(shown, error) from error
    try:
        return content.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{shown}:{line}: not UTF-8: byte 0x{content[error.start]:02x}",
            "save the file as UTF-8 text.",
        ) from error


def _content(file: Path, shown: str) -> bytes:
    """Read a file that is one: opening a FIFO would wait for somebody to write to it, a device has no end."""
    with open(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise ConfigError(f"cannot read {shown}: not a regular file", "move it away, or make it a file.")
        return stream.read()


def _unreadable(shown: str, error: OSError) -> ConfigError:
    return ConfigError(f"cannot read {shown}: {error.strerror}", "mend it, move it away, or run as root.")


def _parse(text: str, shown: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(_syntax(str(error), text, shown), 'a line is like: nic = "host"') from error


def _syntax(told: str, text: str, shown: str) -> str:
    """Put the line in front of what the parser told: before Python 3.14 its place is in the words only."""
    match = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", told, re.DOTALL)
    if match is None:  # not about the syntax: a number of five thousand digits, lists in lists beyond measure
        return f"{shown}: not TOML: {told}"
    if match[2] is None:
        last = text.rstrip("\n").count("\n") + 1
        return f"{shown}:{last}: not TOML: {match[1]} at the end of the file"
    return f"{shown}:{match[2]}: not TOML: {match[1]} in column {match[3]}"


def _lines(text: str) -> dict[str, int]:
    """Tell on which line (from 1) the statement begins that first names each key at the top.

    A statement is complete where the lines since the last one are TOML by themselves; comments are, too.
    """
    lines: dict[str, int] = {}
    statement = ""
    begin = 1
    for number, line in enumerate(text.split("\n"), start=1):
        statement += f"{line}\n"
        try:
            names = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        for name in names:
            lines.setdefault(name, begin)
        statement, begin = "", number + 1
    return lines


def _value(name: str, raw: Any, where: str, sysroot: Path) -> Any:  # noqa: ANN401 - of any setting
    """Check what a file says of one setting and make a value of it."""
    key = KEYS.get(name)
    if key is None:
        raise ConfigError(f"{where}: unknown key {name!r}", nearest(name, tuple(KEYS)))
    kind = bool if key.flag else int if key.whole else str
    items = raw if key.repeats and isinstance(raw, list) else [raw]
    wrong = [each for each in items if type(each) is not kind]
    if wrong:
        takes = {False: "a string", True: "a string, or a list of strings"}[key.repeats]
        raise ConfigError(
            f"{where}: {name} is {'a list with ' * (items is raw)}{_type(wrong[0])}",
            f"it takes {'true or false' if key.flag else 'a whole number' if key.whole else takes}: "
            f"{name} = {key.example}",
        )
    try:
        values = tuple(key.read(each) for each in items)
        if name == "file":
            values = tuple((_inside(sysroot, source), destination) for source, destination in values)
        if name == "nic" and not values:
            raise ConfigError("names no driver", f"name one at least: nic = {key.example}")
    except AoeinitError as error:
        raise ConfigError(f"{where}: {name}: {error.message}", error.hint) from error
    return values if key.repeats else values[0]


def _inside(sysroot: Path, source: Path) -> Path:
    """Find what a file of the system in ``sysroot`` calls ``source``."""
    if not source.is_absolute():
        raise ConfigError(f"{str(source)!r} is no absolute path", "write where it is: /root/key:/etc/key")
    found = resolve(sysroot, os.fspath(source))
    return found.file if found else sysroot / os.fspath(source).lstrip("/")


def _type(raw: object) -> str:
    names = {bool: "a boolean", int: "an integer", float: "a float", str: "a string", list: "a list"}
    return names.get(type(raw), "a table" if isinstance(raw, dict) else "a date or time")
