"""Images made up for tests, byte by byte, in every form that an image can have."""

import bz2
import gzip
import lzma
import stat
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import lz4.block
import lz4.frame
import zstandard

from aoeinit.inspect.reading import read_image
from aoeinit.inspect.tree import Tree

DIRECTORY, FILE, LINK, DEVICE = (
    stat.S_IFDIR | 0o755,
    stat.S_IFREG | 0o644,
    stat.S_IFLNK | 0o777,
    stat.S_IFCHR | 0o600,
)
LZ4_BLOCK = 8 << 20
PROGRAM = stat.S_IFREG | 0o755


@dataclass(frozen=True)
class Made:
    """An entry to be written, with whatever lies a test wants to tell."""

    path: str
    mode: int = FILE
    content: bytes = b""
    links: int = 1
    inode: int = 0
    device: tuple[int, int] = (0, 0)
    size: int | None = None
    mtime: int = 1_700_000_000
    magic: bytes = b"070701"
    checksum: int | None = None

    def written(self) -> bytes:
        name = self.path.encode("utf-8", "surrogateescape") + b"\0"
        size = len(self.content) if self.size is None else self.size
        total = sum(self.content) if self.checksum is None else self.checksum
        check = total if self.magic == b"070702" else 0
        fields = (
            self.inode,
            self.mode,
            0,
            0,
            self.links,
            self.mtime,
            size,
            8,
            1,
            *self.device,
            len(name),
            check,
        )
        header = self.magic + b"".join(b"%08X" % field for field in fields)
        return padded(header + name) + padded(self.content)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 4)


def archive(entries: Iterable[Made]) -> bytes:
    return b"".join(entry.written() for entry in entries) + Made("TRAILER!!!", 0).written()


def directories(*paths: str) -> list[Made]:
    return [Made(path, DIRECTORY, links=2) for path in paths]


def small_entries() -> list[Made]:
    """One of each kind."""
    return [
        *directories("bin", "etc", "dev"),
        Made("init", PROGRAM, b"#!/bin/sh\nexec /bin/busybox\n"),
        Made("bin/busybox", PROGRAM, bytes(range(256)) * 2, inode=7),
        Made("bin/sh", LINK, b"busybox"),
        Made("etc/one", FILE, links=2, inode=9),
        Made("etc/two", FILE, b"shared", links=2, inode=9),
        Made("dev/console", DEVICE, device=(5, 1)),
    ]


def tree_of(*entries: Made, parents: bool = False) -> Tree:
    return Tree(read_image(archive(entries)).items, parents=parents)


def lz4_legacy(content: bytes) -> bytes:
    packed = b"\x02\x21\x4c\x18"
    for at in range(0, len(content), LZ4_BLOCK):
        block: bytes = lz4.block.compress(content[at : at + LZ4_BLOCK], store_size=False)
        packed += struct.pack("<I", len(block)) + block
    return packed


def zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(content)


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": lambda content: gzip.compress(content, mtime=0),
    "xz": lambda content: lzma.compress(content, check=lzma.CHECK_CRC32),
    "lzma": lambda content: lzma.compress(content, lzma.FORMAT_ALONE),
    "bzip2": bz2.compress,
    "zstd": zstd,
    "lz4": lz4_legacy,
    "lz4 frame": lambda content: bytes(lz4.frame.compress(content)),
}


def uki(sections: dict[str, bytes]) -> bytes:
    """A PE file with these sections and nothing else."""
    table_at = 0x40 + 24
    start = table_at + 40 * len(sections)
    head = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40)
    head += b"PE\0\0" + struct.pack("<HH12xHH", 0x8664, len(sections), 0, 0)
    table, body = b"", b""
    for name, content in sections.items():
        stored = content + bytes(-len(content) % 512)
        table += struct.pack("<8sIIII16x", name.encode(), len(content), 0, len(stored), start + len(body))
        body += stored
    return head + table + body
