"""Asking the network for AoE targets, through packet sockets: no driver is needed, nor any address."""

import ctypes
import os
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

from aoeinit.aoe.discovery import Change, Discovery, Heads, Presence
from aoeinit.aoe.frames import ETHERTYPE
from aoeinit.aoe.links import Link, choose_links
from aoeinit.aoe.survey import Request, Survey
from aoeinit.aoe.target import Target
from aoeinit.errors import AoeinitError
from aoeinit.system.links import read_links

PROBES: Final = 3
"""How often each target is asked, so that a lost frame does not hide it."""
PING_SECONDS: Final = 0.05
"""Between one ping of a path and the next."""

_LONGEST = 1 << 16
_BUFFER = 4 << 20
"""Bytes for answers that wait to be read: a thousand targets answer one probe at the same time."""
_BATCH = 64
"""Frames that are read or sent before the other is done again."""
_BATCH_SECONDS = 0.002
"""Between one batch that is sent and the next: servers and switches have small buffers."""
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_SO_ATTACH_FILTER, _SO_RCVBUFFORCE = 26, 33

# The machine's own root may come through this interface. Of whole frames only answers with a tag of ours are
# taken (classic BPF, linux/filter.h): code, where to go if so and if not, operand.
_FILTER = (
    (0x80, 0, 0, 0),  # A = length of the frame
    (0x35, 0, 4, 24),  # shorter than a header: take it, so that it is counted
    (0x30, 0, 0, 14),  # A = version and flags
    (0x45, 0, 3, 0x08),  # no answer: leave it
    (0x30, 0, 0, 20),  # A = first byte of the tag
    (0x45, 0, 1, 0x80),  # without our bit: leave it
    (0x06, 0, 0, _LONGEST),
    (0x06, 0, 0, 0),
)


def discover(
    interfaces: Sequence[str] = (),
    target: Target | None = None,
    *,
    heads: Heads | None = None,
    seconds: float = 1.0,
    pings: int = 0,
) -> Discovery:
    """Ask for one target, or all, on the interfaces named, or on all Ethernet ones that have carrier.

    It listens for ``seconds``, however early an answer comes: a second server may be slower. Meanwhile
    servers are asked for their disks. Only for those that leave this open, and for ``pings``, it waits up to
    ``seconds`` more. Raises :class:`ConfigError` where an interface cannot be used, :class:`AoeinitError`
    without the right to use packet sockets.
    """
    links, warnings = choose_links(read_links(), interfaces)
    with exchange(links, target) as wire:
        for _ in range(PROBES):
            wire.send(wire.survey.probes() + wire.survey.identifications())
            wire.listen(seconds / PROBES)
        for _ in range(PROBES):
            wire.send(wire.survey.identifications())
            wire.listen(seconds / PROBES, until=lambda: wire.survey.all_identified)
        for number in range(1, pings + 1):
            wire.send(wire.survey.pings())
            if number < pings:
                wire.listen(PING_SECONDS)
            else:
                wire.listen(seconds, until=lambda: wire.survey.all_pings_answered)
    return wire.survey.discovery(heads or {}, warnings)


def watch(
    interfaces: Sequence[str] = (),
    target: Target | None = None,
    *,
    heads: Heads | None = None,
    seconds: float = 1.0,
) -> Iterator[tuple[Discovery, tuple[Change, ...]]]:
    """Ask again and again, once in ``seconds``, and tell each time which paths have come or gone.

    What disks there are is not asked. Raises what :func:`discover` raises, but in the first search only:
    afterwards interfaces may come and go.
    """
    presence = Presence()
    found = _look(interfaces, target, heads or {}, seconds)
    while True:
        presence, changes = presence.follow(found, heads or {})
        yield found, changes
        try:
            found = _look(interfaces, target, heads or {}, seconds)
        except AoeinitError:
            found = Discovery((), (), {})
            time.sleep(seconds)


def _look(interfaces: Sequence[str], target: Target | None, heads: Heads, seconds: float) -> Discovery:
    links, warnings = choose_links(read_links(), interfaces)
    with exchange(links, target) as wire:
        wire.send(wire.survey.probes())
        wire.listen(seconds)
    return wire.survey.discovery(heads, warnings)


class Exchange:
    """Sends a survey's requests through its sockets, by interface, and gives it what comes in."""

    def __init__(self, sockets: Mapping[str, socket.socket], survey: Survey) -> None:
        self.sockets = sockets
        self.survey = survey

    def send(self, requests: Sequence[Request]) -> None:
        """Send requests, and read what comes meanwhile; what cannot be sent is lost like other frames."""
        for start in range(0, len(requests), _BATCH):
            for request in requests[start : start + _BATCH]:
                self.survey.sent(request, time.monotonic())
                with suppress(OSError):
                    self.sockets[request.interface].send(request.frame)
            self.listen(_BATCH_SECONDS)

    def listen(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Read for a time, or until something is so."""
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as ready:
            for interface, each in self.sockets.items():
                ready.register(each, selectors.EVENT_READ, interface)
            while not until():
                for key, _ in ready.select(max(0, end - time.monotonic())):
                    self.receive(key.data)
                if time.monotonic() >= end:
                    break

    def receive(self, interface: str) -> None:
        """Read what waits, but not for ever: frames may come faster than they are read."""
        for _ in range(_BATCH):
            try:
                content = self.sockets[interface].recv(_LONGEST)
            except OSError:  # there is no more, or the interface went down
                return
            self.survey.received(interface, content, time.monotonic())


@contextmanager
def exchange(links: Sequence[Link], target: Target | None) -> Iterator[Exchange]:
    """Open a socket for AoE on each interface, for a new survey."""
    with ExitStack() as stack:
        sockets = {link.name: stack.enter_context(_open(link.name)) for link in links}
        made = Exchange(sockets, Survey(links, target, random_tags()))
        yield made
        made.survey.lost(sum(map(_overflowed, sockets.values())))


def random_tags() -> Iterator[int]:
    """Give numbers that nobody can guess who does not see our frames."""
    while True:
        yield int.from_bytes(os.urandom(4), "big") >> 1


def _open(interface: str) -> socket.socket:
    try:
        # Without a protocol nothing comes in before the filter is there.
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    except PermissionError as error:
        raise AoeinitError(
            "no right to send and receive AoE frames (CAP_NET_RAW)",
            "run it as root; a container has to be given the capability",
        ) from error
    except OSError as error:
        raise AoeinitError(f"cannot open a packet socket: {error.strerror}", "load af_packet") from error
    try:
        _attach_filter(opened)
        _enlarge_buffer(opened)
        opened.bind((interface, ETHERTYPE))
    except OSError as error:
        opened.close()
        raise AoeinitError(f"cannot listen on {interface}: {error.strerror}", "see: ip link") from error
    return opened


def _attach_filter(opened: socket.socket) -> None:
    program = b"".join(struct.pack("=HBBI", *instruction) for instruction in _FILTER)
    buffer = ctypes.create_string_buffer(program, len(program))
    opened.setsockopt(
        socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(_FILTER), ctypes.addressof(buffer))
    )


def _enlarge_buffer(opened: socket.socket) -> None:
    try:
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    except PermissionError:  # that takes CAP_NET_ADMIN; this goes as far as net.core.rmem_max lets it
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)


def _overflowed(opened: socket.socket) -> int:
    """Count the frames that the kernel threw away because too many came at a time (packet(7))."""
    statistics = opened.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
    return int(struct.unpack("=II", statistics)[1])
