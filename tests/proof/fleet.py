"""A machine that serves any number of targets: ``python -m tests.proof.fleet INTERFACE COUNT DEAF``.

It misses the first DEAF frames.
"""

# ruff: noqa: T201 # it talks to the test through standard output

import socket
import struct
import sys

from tests.unit.test_aoe_frames import disk

ETHERTYPE = 0x88A2
ALL = b"\xff\xff\xff"
ON_A_SHELF = 250
CONFIG = struct.pack("!HHBBH", 16, 0x4019, 2, 0x10, 0)
DISK = bytes([0, 0, 0, 0x40, *bytes(8)]) + disk()
BUFFER = 8 << 20
SO_RCVBUFFORCE = 33


def main() -> None:
    count, deaf = int(sys.argv[2]), int(sys.argv[3])
    targets = [struct.pack("!HB", *divmod(number, ON_A_SHELF)) for number in range(count)]
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        wire.bind((sys.argv[1], ETHERTYPE))
        own = wire.getsockname()[4]
        print("ready", flush=True)
        for _ in range(deaf):
            wire.recv(1 << 16)
        while True:
            frame = wire.recv(1 << 16)
            target, rest = frame[16:19], frame[19:24]
            head = frame[6:12] + own + struct.pack("!HBB", ETHERTYPE, 0x18, 0)
            for each in targets if target == ALL else [target]:
                wire.send(head + each + rest + (CONFIG if rest[0] else DISK))


if __name__ == "__main__":
    main()
