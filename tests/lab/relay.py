"""The program that stands in a cable: it passes frames from one interface to another and back, with faults.

``python -m tests.lab.relay ONE OTHER FAULTS VLAN``, the faults in JSON. It passes nothing until it reads
``open`` from standard input, and everything as it is from ``mend`` on; it answers ``count`` with the number
of frames by fault, as one line of JSON. Where VLAN is not 0 it is a switch: OTHER is in that virtual LAN,
and frames through ONE have its tag.
"""

# ruff: noqa: T201 # it talks to the test through standard output

import heapq
import json
import selectors
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import count
from random import Random

from tests.lab.faults import Faults, suffer
from tests.lab.vlan import tag, untag

ALL_PROTOCOLS = 3
"""ETH_P_ALL of packet(7)."""
SOL_PACKET = 263
PACKET_AUXDATA = 8
TP_STATUS_VLAN_VALID = 1 << 4
"""Of linux/if_packet.h: the kernel hands out a tag beside the frame it was in."""
PACKET_IGNORE_OUTGOING = 23
"""Of the same: what this program itself sends does not come back to it."""
AUXDATA = struct.Struct("=I12xH2x")
"""``struct tpacket_auxdata``: the status, and the tag's 16 bits of control."""
LONGEST = 65536


class Relay:
    """Frames under way, each with when it is due and to whom."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.chance = Random(faults.seed)  # noqa: S311 # it is to be predictable
        self.seen: Counter[str] = Counter()
        self.opened = False
        self.numbers = count()
        self.due: list[tuple[float, int, socket.socket, bytes]] = []

    def take(self, frame: bytes, to: socket.socket) -> None:
        if not self.opened:
            self.seen["held"] += 1
            return
        if not frame:
            self.seen["foreign"] += 1
            return
        fault = self.faults.choose(frame, self.chance)
        self.seen[fault or "passed"] += 1
        for seconds, arriving in suffer(frame, fault, self.faults.seconds, self.chance):
            heapq.heappush(self.due, (time.monotonic() + seconds, next(self.numbers), to, arriving))

    def deliver(self) -> float | None:
        """Send what is due; the seconds until more is, if there is more."""
        while self.due and self.due[0][0] <= time.monotonic():
            *_, to, frame = heapq.heappop(self.due)
            to.send(frame)
        return max(0, self.due[0][0] - time.monotonic()) if self.due else None

    def obey(self, command: str) -> bool:
        """Do as a line of standard input says; false at its end."""
        match command.strip():
            case "open":
                self.opened = True
                print("open", flush=True)
            case "mend":
                self.faults = Faults()
                print("mended", flush=True)
            case "count":
                print(json.dumps(self.seen), flush=True)
        return bool(command)


def main() -> None:
    one, other = (attach(name) for name in sys.argv[1:3])
    relay, vlan = Relay(Faults(**json.loads(sys.argv[3]))), int(sys.argv[4])
    inward, outward = translations(vlan)
    with selectors.DefaultSelector() as ready:
        ready.register(one, selectors.EVENT_READ, (inward, other))
        ready.register(other, selectors.EVENT_READ, (outward, one))
        ready.register(sys.stdin, selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            for key, _ in ready.select(relay.deliver()):
                if isinstance(key.fileobj, socket.socket):
                    translate, to = key.data
                    relay.take(translate(receive(key.fileobj)), to)
                elif not relay.obey(sys.stdin.readline()):
                    return


Translation = Callable[[bytes], bytes]


def translations(vlan: int) -> tuple[Translation, Translation]:
    """What happens to a frame on its way from the port, and to it."""
    if not vlan:
        return bytes, bytes
    return lambda frame: untag(frame, vlan), lambda frame: tag(frame, vlan)


def receive(interface: socket.socket) -> bytes:
    """The next frame, with the tag that it came with."""
    frame, told, *_ = interface.recvmsg(LONGEST, socket.CMSG_SPACE(AUXDATA.size))
    for level, kind, beside in told:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, control = AUXDATA.unpack_from(beside)
            return tag(frame, control) if status & TP_STATUS_VLAN_VALID else frame
    return frame


def attach(interface: str) -> socket.socket:
    """A socket for all frames that come in through an interface."""
    attached = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    attached.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    attached.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    attached.bind((interface, ALL_PROTOCOLS))
    return attached


if __name__ == "__main__":
    main()
