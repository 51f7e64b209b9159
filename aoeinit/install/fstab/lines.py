r"""Lines of fstab(5), taken apart so that they can be put together again byte by byte.

What a line means is told by the rules of libmount, which mount(8) and findmnt(8) use: fields are separated by
blanks and tabs, ``\040`` and the like stand for characters, ``#`` begins a comment only where a line begins.
"""

import os
import re
from dataclasses import dataclass
from typing import Final, Self

SOURCE: Final = 0
MOUNT_POINT: Final = 1
KIND: Final = 2
OPTIONS: Final = 3
NUMBERS: Final = (4, 5)
"""The fields for dump(8) and fsck(8), which are numbers."""

NEEDED: Final = 3
"""A line without options has the default ones."""

TAGS: Final = {"UUID", "LABEL", "PARTUUID", "PARTLABEL", "ID"}
"""What a device can be named by (fstab(5))."""

BIND: Final = {"bind", "rbind"}
IN_MEMORY: Final = ("/dev/zram", "/dev/ram")

_BLANKS = re.compile(rb"([ \t]+)")
_ENDS = re.compile(rb"\r?\n?\Z")
_OCTAL = re.compile(rb"\\([0-3][0-7]{2})")
_NUMBER = re.compile(rb"[+-]?[0-9]+")
_LINK = re.compile(r"/dev/disk/by-(uuid|label|partuuid|partlabel)/(.+)")
_HEX = re.compile(r"\\x([0-9a-fA-F]{2})")
_SPECIAL = re.compile(rb"[ \t\n\\#]")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: ``pieces`` are fields and the blanks between them by turns, fields first; ``end`` ends it."""

    number: int
    pieces: tuple[bytes, ...]
    end: bytes

    @classmethod
    def parse(cls, number: int, text: bytes) -> Self:
        """Take a line apart; there is none that cannot be."""
        found = _ENDS.search(text)
        stop = found.start() if found else len(text)
        return cls(number, tuple(_BLANKS.split(text[:stop])), text[stop:])

    @property
    def body(self) -> bytes:
        """The line without its end."""
        return b"".join(self.pieces)

    @property
    def raw(self) -> bytes:
        """The whole line."""
        return self.body + self.end

    @property
    def fields(self) -> tuple[bytes, ...]:
        """What stands between the blanks, as it is written."""
        return tuple(self.pieces[index] for index in self._places())

    def _places(self) -> list[int]:
        return [index for index in range(0, len(self.pieces), 2) if self.pieces[index]]

    def with_field(self, field: int, value: bytes) -> Self:
        """Put a value in the place of a field, or after the last one if there is no such field yet."""
        places = self._places()
        pieces = list(self.pieces)
        if field < len(places):
            pieces[places[field]] = value
        else:
            pieces[places[-1]] += b" " + value
        return self.parse(self.number, b"".join(pieces) + self.end)

    @property
    def is_entry(self) -> bool:
        """Whether it is neither empty nor a comment."""
        return bool(self.fields) and not self.fields[0].startswith(b"#")

    @property
    def trouble(self) -> str | None:
        """Why nobody can tell what an entry means; ``None`` where it is clear."""
        fields = self.fields
        if b"\0" in self.body:
            return "it holds a NUL byte"
        if len(fields) < NEEDED:
            return f"it has {len(fields)} of the fields: device, mount point, type"
        if not (self.is_swap or fields[MOUNT_POINT].startswith(b"/") or fields[MOUNT_POINT] == b"none"):
            return f"{shown(fields[MOUNT_POINT])} is no mount point"
        for index in NUMBERS:
            if index < len(fields) and not _NUMBER.fullmatch(fields[index]):
                return f"{shown(fields[index])} is no number"
        return None

    @property
    def source(self) -> str:
        """What is to be mounted, without escapes and without the quotes of ``UUID="…"``."""
        text = os.fsdecode(unescaped(self.fields[SOURCE]))
        key, equals, value = text.partition("=")
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
        return f"{key}={value[1:-1]}" if equals and quoted and "/" not in key else text

    @property
    def mount_point(self) -> str:
        """Where it is to be mounted, without escapes and needless slashes."""
        path = os.fsdecode(unescaped(self.fields[MOUNT_POINT]))
        return "/" + "/".join(filter(None, path.split("/"))) if path.startswith("/") else path

    @property
    def kinds(self) -> tuple[str, ...]:
        """The types of file system that are tried."""
        return tuple(os.fsdecode(self.fields[KIND]).split(","))

    @property
    def options(self) -> tuple[str, ...]:
        """The mount options."""
        return tuple(os.fsdecode(self.fields[OPTIONS]).split(",")) if len(self.fields) > OPTIONS else ()

    @property
    def is_swap(self) -> bool:
        """Whether it is swap, which is mounted nowhere."""
        return self.fields[KIND] == b"swap"

    @property
    def is_disk(self) -> bool:
        """Whether it is an entry that names a block device, and no device in memory."""
        if not self.is_entry or self.trouble or not BIND.isdisjoint(self.options):
            return False
        if not (self.is_swap or self.mount_point.startswith("/")):
            return False
        named = tag_of(self.source) is not None or self.source.startswith("/dev/")
        return named and not self.source.startswith(IN_MEMORY)


def tag_of(source: str) -> tuple[str, str] | None:
    """Give key and value of ``UUID=…`` and the like, also of links such as ``/dev/disk/by-uuid/…``."""
    key, equals, value = source.partition("=")
    if equals and key in TAGS:
        return key, value
    link = _LINK.fullmatch(source)
    if link is None:
        return None
    return link[1].upper(), _HEX.sub(lambda match: chr(int(match[1], 16)), link[2])


def parse(text: bytes) -> tuple[Line, ...]:
    """Take a whole file apart; the lines' ``raw`` together are the file."""
    return tuple(
        Line.parse(number, line) for number, line in enumerate(re.findall(rb"[^\n]*\n|[^\n]+", text), start=1)
    )


def unescaped(field: bytes) -> bytes:
    r"""Read a field's ``\040`` and the like."""
    return _OCTAL.sub(lambda match: bytes([int(match[1], 8)]), field)


def escaped(text: str) -> bytes:
    r"""Write a field with the characters that would end it as ``\040`` and the like."""
    return _SPECIAL.sub(lambda match: b"\\%03o" % match[0][0], os.fsencode(text))


def shown(text: bytes | str) -> str:
    """Give text as a terminal can have it, whatever bytes are in it."""
    raw = os.fsencode(text) if isinstance(text, str) else text
    plain = raw.decode(errors="backslashreplace")
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in plain)
