"""Reading the files of network services: which there are, and what their lines say."""

import fnmatch
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aoeinit.errors import AoeinitError
from aoeinit.install.state import look
from aoeinit.sysroot import resolve


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file: the file's path relative to the sysroot, the number from 1 on, the text."""

    path: str
    number: int
    text: str

    def says(self, words: str) -> str:
        """Give a warning about the line."""
        return f"/{self.path}:{self.number}: {words}"


@dataclass(frozen=True, slots=True)
class Setting:
    """``KEY=VALUE`` in a section of a file; ``value`` without blanks around it."""

    section: str
    key: str
    value: str
    line: Line


def read_lines(sysroot: Path, path: str) -> tuple[Line, ...]:
    """Read a file; nothing where there is none, or only what masks one.

    Raises :class:`AoeinitError` for a file that may not be read.
    """
    found = resolve(sysroot, path)
    state = look(sysroot, found.path) if found and found.file.is_file() else None
    text = state.content.decode(errors="replace") if state else ""
    return tuple(Line(path, number, line) for number, line in enumerate(text.split("\n"), 1))


def joined(lines: Iterable[Line]) -> Iterator[Line]:
    """Join lines that go on after a backslash; each has the number of its first."""
    text, first = "", None
    for line in lines:
        first = first or line
        text += line.text.removesuffix("\\")
        if not line.text.endswith("\\"):
            yield Line(first.path, first.number, text)
            text, first = "", None
    if first:
        yield Line(first.path, first.number, text)


def files(sysroot: Path, folder: str, pattern: str) -> list[str]:
    """List the files of a folder whose names fit a pattern, in their order, by path.

    Raises :class:`AoeinitError` for a folder that may not be read.
    """
    found = resolve(sysroot, folder)
    if found is None or not found.file.is_dir():
        return []
    try:
        names = sorted(each.name for each in found.file.iterdir())
    except OSError as error:
        raise AoeinitError(f"cannot read {found.file}: {error.strerror}", "run as root") from error
    return [f"{folder}/{name}" for name in names if fnmatch.fnmatchcase(name, pattern)]


def overlaid_files(sysroot: Path, folders: Sequence[str], pattern: str) -> list[str]:
    """List the files of folders, in the order of their names: of one name, the first folder's counts."""
    found: dict[str, str] = {}
    for folder in folders:
        for path in files(sysroot, folder, pattern):
            found.setdefault(path.rpartition("/")[2], path)
    return [found[name] for name in sorted(found)]


def settings(lines: Iterable[Line]) -> Iterator[Setting]:
    """Read sections and settings as systemd and NetworkManager write them; what is neither is left out."""
    section = ""
    for line in lines:
        text = line.text.strip()
        if text.startswith("[") and text.endswith("]"):
            section = text[1:-1]
        elif text and text[0] not in "#;":
            key, equals, value = text.partition("=")
            if equals:
                yield Setting(section, key.strip(), value.strip(), line)


def has_file(sysroot: Path, *paths: str) -> bool:
    """Tell whether a system has one of some files."""
    found = (resolve(sysroot, path) for path in paths)
    return any(each is not None and each.file.is_file() for each in found)


def has_folder(sysroot: Path, *paths: str) -> bool:
    """Tell whether a system has one of some folders."""
    found = (resolve(sysroot, path) for path in paths)
    return any(each is not None and each.file.is_dir() for each in found)
