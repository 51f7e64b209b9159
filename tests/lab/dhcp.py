"""A client that asks once for an address and prints the offer as JSON: run by itself, on one interface.

Usage: python -m tests.lab.dhcp INTERFACE MAC TYPE [USER-CLASS]. TYPE is the client's kind (option 93).
Sources: RFC 2131, RFC 2132, RFC 4578.
"""

import json
import socket
import struct
import sys
from collections.abc import Iterator

MAGIC = bytes((99, 130, 83, 99))
DISCOVER, OFFER = 1, 2
SERVER_PORT, CLIENT_PORT = 67, 68
TRANSACTION, CLIENT = slice(4, 8), slice(28, 34)
ROOT_PATH, REQUESTED, ROUTER, HOST_NAME, USER_CLASS, TYPE = 17, 55, 3, 12, 77, 93
SECONDS, ATTEMPTS = 1.0, 20
FIXED = 236
"""The bytes in front of the options' magic."""


def request(mac: bytes, kind: int, user_class: str) -> bytes:
    """A DHCPDISCOVER that wants a broadcast for an answer, of a transaction of this client's own."""
    head = struct.pack("!4B4sHH16x", 1, 1, 6, 0, mac[-4:], 0, 0x8000)
    options = bytes((53, 1, DISCOVER, TYPE, 2)) + kind.to_bytes(2)
    options += bytes((REQUESTED, 4, 1, ROUTER, HOST_NAME, ROOT_PATH))
    options += b"\x3c\x20PXEClient:Arch:00000:UNDI:002001"
    if user_class:
        options += bytes((USER_CLASS, len(user_class))) + user_class.encode()
    return head + mac.ljust(208, b"\0") + MAGIC + options + b"\xff"


def options_of(frame: bytes) -> Iterator[tuple[int, bytes]]:
    rest = frame[FIXED + len(MAGIC) :]
    while rest and rest[0] != 255:
        if rest[0] == 0:
            rest = rest[1:]
            continue
        yield rest[0], rest[2 : 2 + rest[1]]
        rest = rest[2 + rest[1] :]


def told(frame: bytes) -> dict[str, str]:
    """What an offer says to a machine that is to boot."""
    found = dict(options_of(frame))
    file = found.get(67) or frame[108:236]
    return {
        "address": socket.inet_ntoa(frame[16:20]),
        "next-server": socket.inet_ntoa(frame[20:24]),
        "file": file.split(b"\0")[0].decode(),
        "root-path": found.get(ROOT_PATH, b"").decode(),
        "name": found.get(HOST_NAME, b"").decode(),
        "router": socket.inet_ntoa(found[ROUTER]) if ROUTER in found else "",
    }


def is_offer(frame: bytes, card: bytes) -> bool:
    """Whether it is one for this card: a server that was asked twice answers the client before us late."""
    ours = frame[TRANSACTION] == card[-4:] and frame[CLIENT] == card
    return ours and dict(options_of(frame)).get(53) == bytes((OFFER,))


def ask(interface: str, mac: str, kind: int, user_class: str) -> dict[str, str]:
    card = bytes.fromhex(mac.replace(":", ""))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        wire.bind(("", CLIENT_PORT))
        wire.settimeout(SECONDS)
        for _ in range(ATTEMPTS):
            wire.sendto(request(card, kind, user_class), ("255.255.255.255", SERVER_PORT))
            try:
                frame = wire.recv(2048)
            except TimeoutError:
                continue
            if is_offer(frame, card):
                return told(frame)
    return {}


if __name__ == "__main__":
    offer = ask(sys.argv[1], sys.argv[2], int(sys.argv[3]), "".join(sys.argv[4:]))
    sys.stdout.write(json.dumps(offer))
