"""What a search for targets has found: paths, and whether those of a target lead to one disk."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from aoeinit.aoe.frames import Config
from aoeinit.aoe.identify import Identity
from aoeinit.aoe.links import Link
from aoeinit.aoe.target import Target

Heads = Mapping[Target, Collection[str]]
"""The MACs of the servers that are known to serve one target together."""

MISSES: Final = 3
"""Searches in a row that must not find a path before it is taken for gone: frames get lost."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where answers for a target come from: a server's MAC, and the interface that it is seen through."""

    target: Target
    server: str
    interface: str


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """How many pings were sent and answered, and the seconds that the answers took."""

    sent: int
    answered: int
    minimum: float | None
    median: float | None
    maximum: float | None


@dataclass(frozen=True, slots=True)
class Path:
    """A server's answer for a target. ``refusal`` is what it said instead of its ``identity``."""

    place: Place
    config: Config
    identity: Identity | None = None
    refusal: str | None = None
    round_trips: RoundTrips | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A target with all its paths; ``conflict`` says why they may not be one disk.

    ``missing`` are the MACs of its declared heads that did not answer.
    """

    target: Target
    paths: tuple[Path, ...]
    conflict: str | None = None
    missing: tuple[str, ...] = ()

    @property
    def servers(self) -> tuple[str, ...]:
        """Give the MAC of each server once."""
        return tuple(dict.fromkeys(path.place.server for path in self.paths))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Give each size that its servers' disks have, in sectors: those of one disk have one."""
        return _sizes(self.paths)


@dataclass(frozen=True, slots=True)
class Discovery:
    """All that answered on ``links``, and how many frames were passed over, by what was wrong with them."""

    links: tuple[Link, ...]
    targets: tuple[Found, ...]
    ignored: Mapping[str, int]
    warnings: tuple[str, ...] = ()


def judge(paths: Iterable[Path], heads: Heads) -> tuple[Found, ...]:
    """Put paths together by target, and say of which the servers may not have one disk."""
    targets: dict[Target, list[Path]] = {}
    for path in sorted(paths, key=lambda path: path.place):
        targets.setdefault(path.place.target, []).append(path)
    return tuple(_judged(target, tuple(each), heads.get(target)) for target, each in targets.items())


def _judged(target: Target, paths: tuple[Path, ...], heads: Collection[str] | None) -> Found:
    servers = tuple(dict.fromkeys(path.place.server for path in paths))
    missing = tuple(sorted(set(heads or ()) - set(servers)))
    return Found(target, paths, _conflict(servers, paths, heads), missing)


def _conflict(servers: tuple[str, ...], paths: tuple[Path, ...], heads: Collection[str] | None) -> str | None:
    strangers = [server for server in servers if heads is not None and server not in heads]
    reasons = []
    if heads is None and len(servers) > 1:
        reasons.append(f"{' and '.join(servers)} answer for it, and are not declared as its heads")
    elif strangers:
        reasons.append(f"{' and '.join(strangers)} answers for it, but is not declared as its head")
    sizes = _sizes(paths)
    if len(sizes) > 1:
        reasons.append(f"its servers differ in size: {' and '.join(map(str, sizes))} sectors")
    return "; ".join(reasons) or None


def _sizes(paths: Iterable[Path]) -> tuple[int, ...]:
    return tuple(sorted({path.identity.sectors for path in paths if path.identity}))


@dataclass(frozen=True, slots=True)
class Change:
    """A path that has come or gone; ``conflict`` is what is wrong with its target now."""

    path: Path
    came: bool
    conflict: str | None


@dataclass(frozen=True, slots=True)
class Presence:
    """The paths that are there, with how many searches in a row have not found them."""

    paths: Mapping[Place, tuple[Path, int]] = field(default_factory=dict)

    def follow(self, found: Discovery, heads: Heads) -> tuple[Self, tuple[Change, ...]]:
        """Take a search's result: a path is there at once, and gone after :data:`MISSES` without it."""
        answered = {path.place: (path, 0) for target in found.targets for path in target.paths}
        missed = {place: (path, misses + 1) for place, (path, misses) in self.paths.items()}
        latest = missed | answered
        there = {place: each for place, each in latest.items() if each[1] < MISSES}
        conflicts = {
            each.target: each.conflict for each in judge((path for path, _ in there.values()), heads)
        }
        changes = (
            Change(latest[place][0], place in there, conflicts.get(place.target))
            for place in sorted(there.keys() ^ self.paths.keys())
        )
        return type(self)(there), tuple(changes)
