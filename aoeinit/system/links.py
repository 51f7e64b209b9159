"""The network interfaces of this network namespace, as the kernel tells them.

Through rtnetlink and not /sys/class/net, which may show another namespace's. Source: rtnetlink(7), netlink(7)
and linux/if_link.h.
"""

import os
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Final

from aoeinit.aoe.links import Link
from aoeinit.errors import AoeinitError

_RTM_GETLINK: Final = 18
_REQUEST_DUMP: Final = 0x301
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ATTRIBUTE = struct.Struct("=HH")
_ADDRESS, _NAME, _MTU, _MASTER, _LINKINFO, _CARRIER = 1, 3, 4, 10, 18, 33
_SLAVE_KIND = 4
_UP = 1
_LARGEST = 1 << 17
_VRF: Final = b"vrf\0"
"""The one kind of master that leaves frames to the interface that they came in through."""


def read_links() -> tuple[Link, ...]:
    """Read every interface. Raises :class:`AoeinitError` where the kernel does not tell."""
    try:
        messages = list(_dump())
    except OSError as error:
        raise AoeinitError(f"cannot ask the kernel for its network interfaces: {error.strerror}") from error
    found = {index: (kind, flags, attributes) for index, kind, flags, attributes in messages}
    names = {index: _name(attributes) for index, (_, _, attributes) in found.items()}
    return tuple(
        Link(
            name=names[index],
            mac=attributes.get(_ADDRESS, b"").hex(":"),
            mtu=int.from_bytes(attributes.get(_MTU, b""), sys.byteorder),
            kind=kind,
            up=bool(flags & _UP),
            carrier=attributes.get(_CARRIER) == b"\1",
            taken_by=_taken_by(attributes, names),
        )
        for index, (kind, flags, attributes) in found.items()
    )


def _dump() -> Iterator[tuple[int, int, int, dict[int, bytes]]]:
    """Ask for all interfaces; gives index, kind, flags and attributes of each."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as asked:
        asked.bind((0, 0))
        size = _HEADER.size + _LINK.size
        asked.send(_HEADER.pack(size, _RTM_GETLINK, _REQUEST_DUMP, 1, 0) + bytes(_LINK.size))
        while True:
            for kind, content in _messages(asked.recv(_LARGEST)):
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    code = -struct.unpack_from("=i", content)[0]
                    raise OSError(code, os.strerror(code))
                _, link_kind, index, flags, _ = _LINK.unpack_from(content)
                yield index, link_kind, flags, dict(_attributes(content[_LINK.size :]))


def _messages(content: bytes) -> Iterator[tuple[int, bytes]]:
    while len(content) >= _HEADER.size:
        length, kind, *_ = _HEADER.unpack_from(content)
        yield kind, content[_HEADER.size : length]
        content = content[_aligned(length) :]


def _attributes(content: bytes) -> Iterator[tuple[int, bytes]]:
    while len(content) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(content)
        yield kind & 0x3FFF, content[_ATTRIBUTE.size : length]
        content = content[_aligned(length) :]


def _aligned(length: int) -> int:
    return (length + 3) & ~3


def _name(attributes: dict[int, bytes]) -> str:
    return os.fsdecode(attributes.get(_NAME, b"").rstrip(b"\0"))


def _taken_by(attributes: dict[int, bytes], names: dict[int, str]) -> str | None:
    master = attributes.get(_MASTER)
    if master is None or dict(_attributes(attributes.get(_LINKINFO, b""))).get(_SLAVE_KIND) == _VRF:
        return None
    return names.get(int.from_bytes(master, sys.byteorder), "another interface")
