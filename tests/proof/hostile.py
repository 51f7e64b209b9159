"""The machine that sends what no server would: ``python -m tests.proof.hostile INTERFACE MAC``.

It answers each probe that it sees with spoilt answers, and sends other nonsense to MAC all the time, until
its standard input ends. Then it prints how many frames it has sent.
"""

# ruff: noqa: T201 # it talks to the test through standard output
# ruff: noqa: S311 # chance is to be predictable

import selectors
import socket
import struct
import sys
from random import Random

ETHERTYPE = 0x88A2
HEADER = 24
EACH = 50
"""Spoilt answers to a probe, and pieces of nonsense at a time."""
PAUSE = 0.005


def spoilt(answer: bytes, chance: Random) -> bytes:
    """An answer in which something after the type is wrong, too much or not there."""
    frame = bytearray(answer)
    match chance.randrange(3):
        case 0:
            return bytes(frame[: chance.randrange(14, len(frame))])
        case 1:
            at = chance.randrange(14, len(frame))
            frame[at:] = chance.randbytes(chance.randrange(0, 1500 - at))
        case _:
            for _ in range(chance.randrange(1, 8)):
                frame[chance.randrange(14, len(frame))] = chance.randrange(256)
    return bytes(frame)


def answer(probe: bytes, own: bytes, chance: Random) -> bytes:
    """What a server of some target would say to a probe, or of some disk."""
    tag = probe[20:HEADER]
    target = struct.pack("!HB", chance.randrange(100, 200), chance.randrange(255))
    header = probe[6:12] + own + struct.pack("!HBB", ETHERTYPE, 0x18, 0) + target + b"\1" + tag
    return (
        header + struct.pack("!HHBBH", 16, 1, 2, 0x10, 20) + b"\x1b[2J\r\nhostile\x07\x00\x9b\x00\xff\xfe\x08"
    )


def nonsense(victim: bytes, own: bytes, chance: Random) -> bytes:
    head = victim + own + struct.pack("!H", ETHERTYPE)
    return head + chance.randbytes(chance.choice((0, 1, 9, 10, 46, 500, 1486)))


def main() -> None:
    chance = Random(1)
    victim = bytes.fromhex(sys.argv[2].replace(":", ""))
    sent = 0
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire,
        selectors.DefaultSelector() as ready,
    ):
        wire.bind((sys.argv[1], ETHERTYPE))
        own = wire.getsockname()[4]
        ready.register(wire, selectors.EVENT_READ)
        ready.register(sys.stdin, selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            for key, _ in ready.select(PAUSE):
                if key.fileobj is sys.stdin:
                    print(sent)
                    return
                probe = wire.recv(1 << 16)
                if len(probe) >= HEADER and not probe[14] & 0x08:
                    for _ in range(EACH):
                        sent += bool(wire.send(spoilt(answer(probe, own, chance), chance)))
            for _ in range(EACH):
                sent += bool(wire.send(nonsense(victim, own, chance)))


if __name__ == "__main__":
    main()
