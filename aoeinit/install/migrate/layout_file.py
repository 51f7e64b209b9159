"""A layout that somebody has written: the partitions of a target, in TOML."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aoeinit.errors import ConfigError
from aoeinit.install.migrate.copying import is_at_or_below
from aoeinit.install.migrate.layout import (
    FILESYSTEMS,
    SWAP,
    Volume,
    Wanted,
    fitting_label,
    least_size,
)
from aoeinit.install.migrate.source import Source

EXAMPLE: Final = '[[partition]] mount = "/" filesystem = "ext4" size = "rest"'
KEYS: Final = frozenset({"mount", "filesystem", "size", "label"})
UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
TABLES: Final = ("dos", "gpt")
REST: Final = "rest"
POINT: Final = re.compile(r"/|(?:/(?!\.{1,2}(?:/|$))[^/\s\x00-\x1f]+)+")


@dataclass(frozen=True, slots=True)
class Asked:
    """The partitions, and the kind of table, ``None`` where it is left open."""

    wanted: tuple[Wanted, ...]
    table: str | None


def read_layout(content: bytes, source: Source, name: str) -> Asked:
    """Read a layout for a system; what it gives no partition becomes a part of what is above it.

    Raises :class:`ConfigError` for what cannot be meant.
    """
    try:
        plain = tomllib.loads(content.decode())
    except ValueError as error:
        raise ConfigError(f"{name} is not TOML: {error}", f"a partition is like: {EXAMPLE}") from error
    parts, table = plain.pop("partition", None), plain.pop("table", None)
    if plain:
        raise ConfigError(f"{name}: unknown key {next(iter(plain))!r}", "there is: table, partition")
    if table not in (None, *TABLES):
        raise ConfigError(f"{name}: table is {table!r}", f"it can be {' or '.join(TABLES)}")
    if not isinstance(parts, list) or not parts or not all(isinstance(each, dict) for each in parts):
        raise ConfigError(f"{name} has no partitions", f"write one: {EXAMPLE}")
    points = [str(each.get("mount")) for each in parts]
    twice = next((point for point in points if point != SWAP and points.count(point) > 1), None)
    if twice:
        raise ConfigError(f"{name} mounts {twice} twice", "give each partition a mount point of its own")
    if "/" not in points:
        raise ConfigError(f"{name} has no partition for /", f"add: {EXAMPLE}")
    if sum(each.get("size") == REST for each in parts) > 1:
        raise ConfigError(f"{name} gives the rest to several partitions", "give sizes to all but one")
    return Asked(tuple(_wanted(parts, points, source, name)), table)


def _wanted(parts: list[dict[str, Any]], points: list[str], source: Source, name: str) -> Iterator[Wanted]:
    swaps = 0
    for number, (plain, point) in enumerate(zip(parts, points, strict=True), start=1):
        where = f"{name}, partition {number}"
        unknown = set(plain) - KEYS
        if unknown:
            raise ConfigError(
                f"{where}: unknown key {min(unknown)!r}", f"there is: {', '.join(sorted(KEYS))}"
            )
        swaps += point == SWAP
        default = (SWAP if swaps == 1 else f"{SWAP}{swaps}") if point == SWAP else point.strip("/") or "root"
        kind = _filesystem(plain, point, source, where)
        # Nobody has counted how much of a file system that is split goes where.
        known = point != SWAP and not is_split(point, points, source)
        used, files = below(point, points, source) if known else (0, 0)
        grows = plain.get("size") == REST
        least = 0 if point == SWAP else least_size(kind, used, files)
        size = least if grows else _size(plain, where)
        if size < least:
            holds = f" for {files} files" if files and least > least_size(kind, used) else ""
            raise ConfigError(
                f"{where}: {point} needs {least >> 20} MiB{holds}, and gets {size >> 20}", "make it larger"
            )
        volumes = () if point == SWAP else _volumes(point, kind, points, source)
        label = fitting_label(kind, str(plain.get("label", default)).replace("/", "-"))
        yield Wanted(kind, label, volumes, size, least, used, fixed=not grows, grows=grows, files=files)


def _filesystem(plain: Mapping[str, Any], point: str, source: Source, where: str) -> str:
    if point == SWAP:
        return SWAP
    if not POINT.fullmatch(point):
        raise ConfigError(f"{where}: mount is {point!r}", 'it is an absolute path without blanks, or "swap"')
    had = next((each.filesystem for each in source.mounts if each.point == point), source.root.filesystem)
    kind = plain.get("filesystem", had)
    if kind not in FILESYSTEMS:
        raise ConfigError(f"{where}: filesystem is {kind!r}", f"there is: {', '.join(FILESYSTEMS)}")
    return str(kind)


def _size(plain: Mapping[str, Any], where: str) -> int:
    text = str(plain.get("size", ""))
    match = re.fullmatch(r"([0-9]{1,15})([KMGT]?)(?:iB)?", text, re.ASCII)
    if not match or not int(match[1]):
        raise ConfigError(f"{where}: size is {text!r}", 'it is like "512M", "40G" or "rest"')
    size = int(match[1]) * UNITS[match[2]]
    return -(-size // UNITS["M"]) * UNITS["M"]


def below(point: str, points: list[str], source: Source) -> tuple[int, int]:
    """Tell how much of the source will be on the partition for ``point``: bytes, and files."""
    mine = {each.device: each for each in source.mounts if _nearest(each.point, points) == point}
    return sum(each.used for each in mine.values()), sum(each.files for each in mine.values())


def is_split(point: str, points: list[str], source: Source) -> bool:
    """Tell whether a part of what the source has on the file system for ``point`` gets another partition."""
    mounted = [each.point for each in source.mounts]
    cut = (one for one in points if one != SWAP and one not in mounted)
    return any(_nearest(_nearest(one, mounted), points) == point for one in cut)


def _nearest(path: str, points: Iterable[str]) -> str:
    """Give that of ``points`` which a path is on."""
    return max((one for one in points if one != SWAP and is_at_or_below(path, one)), key=len, default="")


def _volumes(point: str, kind: str, points: list[str], source: Source) -> tuple[Volume, ...]:
    """Keep the subvolumes that the source has mounted on the same Btrfs."""
    own = next((each for each in source.mounts if each.point == point), None)
    if kind != "btrfs" or own is None or own.subvolume is None:
        return (Volume(point),)
    others = [each for each in source.mounts if each.device == own.device and each.point not in points]
    return tuple(Volume(each.point, each.subvolume) for each in (own, *others))
