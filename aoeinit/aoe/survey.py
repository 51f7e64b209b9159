"""Asking for targets: which requests are to be sent, and what the frames that come back mean."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from statistics import median
from typing import Final

from aoeinit.aoe import frames
from aoeinit.aoe.discovery import Discovery, Heads, Path, Place, RoundTrips, judge
from aoeinit.aoe.frames import Config, Frame, FrameError
from aoeinit.aoe.identify import parse_identity
from aoeinit.aoe.links import Link
from aoeinit.aoe.target import Target

MAX_PATHS: Final = 8192
"""Paths that are remembered; whoever sees a probe can answer for millions."""


class Kind(Enum):
    """What a request is to find out."""

    PROBE = "who is there"
    IDENTIFY = "what disk that is"
    PING = "how long an answer takes"


@dataclass(frozen=True, slots=True)
class Request:
    """A frame to send through an interface; ``place`` is ``None`` where anybody may answer."""

    kind: Kind
    interface: str
    tag: int
    frame: bytes
    place: Place | None = None


class Survey:
    """What was asked and answered so far. It makes requests and takes frames, but sends and receives nothing.

    ``target`` is the only one to ask, or ``None`` for all. ``tags`` gives numbers below 2**31.
    """

    def __init__(self, links: Iterable[Link], target: Target | None, tags: Iterator[int]) -> None:
        self.links = {link.name: link for link in links}
        self.target = target
        self.tags = tags
        self.paths: dict[Place, Path] = {}
        self.ignored: Counter[str] = Counter()
        self._open: dict[int, tuple[Request, float]] = {}
        self._pings: Counter[Place] = Counter()
        self._seconds: dict[Place, list[float]] = {}

    def probes(self) -> list[Request]:
        """Ask on every interface who is there."""
        return [self._probe(link) for link in self.links.values()]

    def lost(self, frames: int) -> None:
        """Take note of frames that came too fast to be read."""
        if frames:
            self.ignored["came too fast to be read"] += frames

    def identifications(self) -> list[Request]:
        """Ask every server that has not yet said so what disk it has."""
        return [self._ask(Kind.IDENTIFY, path.place) for path in self.paths.values() if _is_open(path)]

    @property
    def all_identified(self) -> bool:
        """Tell whether every server has said what disk it has, or refused to."""
        return not any(map(_is_open, self.paths.values()))

    def pings(self) -> list[Request]:
        """Ask every server once more, to see how long that takes."""
        return [self._ask(Kind.PING, place) for place in self.paths]

    @property
    def all_pings_answered(self) -> bool:
        """Tell whether there is no ping left without its answer."""
        return self._pings.total() == sum(map(len, self._seconds.values()))

    def sent(self, request: Request, time: float) -> None:
        """Take note that a request leaves now; ``time`` is in seconds of any one clock."""
        self._open[request.tag] = request, time
        if request.kind is Kind.PING and request.place:
            self._pings[request.place] += 1

    def received(self, interface: str, content: bytes, time: float) -> None:
        """Take what came in through an interface, whatever it is; never raises."""
        try:
            frame = frames.parse_frame(content)
            if not frame.is_answer or frame.destination != self.links[interface].mac:
                return
            request, since = self._open.get(frame.tag, (None, 0.0))
            # Without such a request it is the answer to another program.
            if request and request.interface == interface:
                self._answered(request, frame, time - since)
        except FrameError as error:
            self.ignored[str(error)] += 1

    def discovery(self, heads: Heads, warnings: tuple[str, ...] = ()) -> Discovery:
        """Give what is known, judged by which servers are declared as heads of one target."""
        paths = [replace(path, round_trips=self._round_trips(place)) for place, path in self.paths.items()]
        targets = judge(paths, heads)
        return Discovery(tuple(self.links.values()), targets, dict(self.ignored), warnings)

    def _probe(self, link: Link) -> Request:
        tag = self._tag()
        return Request(Kind.PROBE, link.name, tag, frames.query(link.mac, self.target, tag))

    def _ask(self, kind: Kind, place: Place) -> Request:
        tag = self._tag()
        source = self.links[place.interface].mac
        if kind is Kind.IDENTIFY:
            frame = frames.identify(source, place.server, place.target, tag)
        else:
            frame = frames.query(source, place.target, tag, place.server)
        return Request(kind, place.interface, tag, frame, place)

    def _tag(self) -> int:
        return next(tag for each in self.tags if (tag := frames.OUR_TAGS | each) not in self._open)

    def _answered(self, request: Request, frame: Frame, seconds: float) -> None:
        """Read an answer to our request; raises FrameError where it is none."""
        expected = frames.ISSUE_ATA if request.kind is Kind.IDENTIFY else frames.QUERY_CONFIG
        asked = request.place.target if request.place else self.target
        if frame.command != expected:
            raise FrameError("an answer to another command")
        if frame.target is None or asked not in {None, frame.target}:
            raise FrameError("an answer for another target")
        if request.place is None:
            self._found(request, frame.target, frame)
        elif request.kind is Kind.IDENTIFY:
            self._identified(request.place, frame)
        else:
            _config(frame)
            del self._open[request.tag]  # a frame that is doubled is no second answer
            self._seconds.setdefault(request.place, []).append(seconds)

    def _found(self, request: Request, target: Target, frame: Frame) -> None:
        if int(frame.source[:2], 16) & 1 or frame.source == "00:00:00:00:00:00":
            raise FrameError("an answer from no server's address")
        place = Place(target, frame.source, request.interface)
        config = _config(frame)
        if place not in self.paths and len(self.paths) == MAX_PATHS:
            raise FrameError(f"one more path than {MAX_PATHS}")
        self.paths[place] = replace(self.paths.get(place) or Path(place, config), config=config)

    def _identified(self, place: Place, frame: Frame) -> None:
        if frame.error is not None:
            refusal = frames.ERRORS.get(frame.error, f"reports error {frame.error}")
            self.paths[place] = replace(self.paths[place], refusal=refusal)
            return
        identity = parse_identity(frames.parse_sector(frame.argument))
        self.paths[place] = replace(self.paths[place], identity=identity, refusal=None)

    def _round_trips(self, place: Place) -> RoundTrips | None:
        seconds = self._seconds.get(place, [])
        if not self._pings[place]:
            return None
        if not seconds:
            return RoundTrips(self._pings[place], 0, None, None, None)
        return RoundTrips(self._pings[place], len(seconds), min(seconds), median(seconds), max(seconds))


def _is_open(path: Path) -> bool:
    return path.identity is None and path.refusal is None


def _config(frame: Frame) -> Config:
    if frame.error is not None:
        raise FrameError("an error instead of a config")
    return frames.parse_config(frame.argument)
