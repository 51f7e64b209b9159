"""Reading an ext4 without mounting it, down to what most tools leave out: extended attributes and holes.

As the kernel's Documentation/filesystems/ext4/ describes it; what mkfs does not make by default is not read.
"""

import hashlib
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from tests.lab.programs import LabError

SUPERBLOCK = 1024
MAGIC = 0xEF53
ROOT_INODE = 2
OLD_INODE_SIZE = 128
EXTENTS = 0x80000
INLINE = 0x10000000
EXTENT_MAGIC = 0xF30A
EXTENT_ROOM = 12
LONGEST_WRITTEN = 32768
"""An extent that is longer has been reserved, not written: it reads as zeros."""
ATTRIBUTES_MAGIC = 0xEA020000
PREFIXES = {
    1: "user.",
    2: "system.posix_acl_access",
    3: "system.posix_acl_default",
    4: "trusted.",
    6: "security.",
    7: "system.",
}
FAST_LINK = 60


@dataclass(frozen=True, slots=True)
class Extent:
    """``count`` blocks of a file from its block ``first`` on, which stand at ``start`` on the disk."""

    first: int
    count: int
    start: int


@dataclass(frozen=True, slots=True)
class Inode:
    """One file; ``changed`` is when its content was, in nanoseconds, ``attributes`` are its extended ones."""

    number: int
    mode: int
    owner: int
    group: int
    size: int
    changed: int
    links: int
    attributes: tuple[tuple[str, bytes], ...]
    extents: tuple[Extent, ...]
    block: bytes


class Ext4:
    """The file system that begins at byte ``start`` of a file."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        self.file = file
        self.start = start
        self.superblock = self.at(SUPERBLOCK, 1024)
        (magic,) = struct.unpack_from("<H", self.superblock, 0x38)
        if magic != MAGIC:
            raise LabError(f"no ext4 at byte {start}: the magic number is {magic:#x}")
        (log_size,) = struct.unpack_from("<I", self.superblock, 0x18)
        self.block_size = 1024 << log_size
        (self.first_block,) = struct.unpack_from("<I", self.superblock, 0x14)
        (self.inodes_in_group,) = struct.unpack_from("<I", self.superblock, 0x28)
        (self.inode_size,) = struct.unpack_from("<H", self.superblock, 0x58)
        (incompatible,) = struct.unpack_from("<I", self.superblock, 0x60)
        (size,) = struct.unpack_from("<H", self.superblock, 0xFE)
        self.descriptor_size = size if incompatible & 0x80 else 32

    def at(self, offset: int, size: int) -> bytes:
        self.file.seek(self.start + offset)
        return self.file.read(size)

    def block_at(self, number: int) -> bytes:
        return self.at(number * self.block_size, self.block_size)

    @cached_property
    def label(self) -> str:
        return self.superblock[0x78:0x88].rstrip(b"\0").decode()

    @cached_property
    def uuid(self) -> str:
        text = self.superblock[0x68:0x78].hex()
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    def inode(self, number: int) -> Inode:
        group, index = divmod(number - 1, self.inodes_in_group)
        table = (self.first_block + 1) * self.block_size + group * self.descriptor_size
        descriptor = self.at(table, self.descriptor_size)
        (place,) = struct.unpack_from("<I", descriptor, 0x8)
        if self.descriptor_size > 32:
            place |= struct.unpack_from("<I", descriptor, 0x28)[0] << 32
        return self.parse(number, self.at(place * self.block_size + index * self.inode_size, self.inode_size))

    def parse(self, number: int, raw: bytes) -> Inode:
        mode, owner, size = struct.unpack_from("<HHI", raw, 0)
        (seconds,) = struct.unpack_from("<i", raw, 0x10)
        group, links = struct.unpack_from("<HH", raw, 0x18)
        (flags,) = struct.unpack_from("<I", raw, 0x20)
        (high_size,) = struct.unpack_from("<I", raw, 0x6C)
        high_owner, high_group = struct.unpack_from("<HH", raw, 0x78)
        extra = struct.unpack_from("<I", raw, 0x88)[0] if self.inode_size > OLD_INODE_SIZE else 0
        if flags & INLINE:
            raise LabError(f"inode {number}: inline content is not read here")
        block = raw[0x28:0x64]
        return Inode(
            number=number,
            mode=mode,
            owner=owner | high_owner << 16,
            group=group | high_group << 16,
            size=size | high_size << 32,
            changed=(seconds + ((extra & 3) << 32)) * 1_000_000_000 + (extra >> 2),
            links=links,
            attributes=tuple(sorted(self.attributes(raw))),
            extents=tuple(self.extents(block)) if flags & EXTENTS else (),
            block=block,
        )

    def extents(self, node: bytes) -> Iterator[Extent]:
        magic, entries, _, depth = struct.unpack_from("<HHHH", node, 0)
        if magic != EXTENT_MAGIC:
            raise LabError(f"an extent tree begins with {magic:#x}")
        for number in range(1, entries + 1):
            entry = node[number * EXTENT_ROOM :][:EXTENT_ROOM]
            if depth:
                low, high = struct.unpack_from("<IH", entry, 4)
                yield from self.extents(self.block_at(low | high << 32))
                continue
            first, count, high, low = struct.unpack("<IHHI", entry)
            if count <= LONGEST_WRITTEN:
                yield Extent(first, count, low | high << 32)

    def attributes(self, raw: bytes) -> Iterator[tuple[str, bytes]]:
        """All extended attributes: those behind the inode, and those in a block of their own."""
        if self.inode_size > OLD_INODE_SIZE:
            inside = raw[OLD_INODE_SIZE + struct.unpack_from("<H", raw, 0x80)[0] :]
            if inside[:4] == struct.pack("<I", ATTRIBUTES_MAGIC):
                yield from attribute_entries(inside[4:], 0)
        low, high = struct.unpack_from("<I", raw, 0x68)[0], struct.unpack_from("<H", raw, 0x76)[0]
        if low | high:
            yield from attribute_entries(self.block_at(low | high << 32), 32)

    def content(self, inode: Inode) -> Iterator[tuple[int, bytes]]:
        """The written pieces of a file, each with the byte that it begins at, in order."""
        for extent in sorted(inode.extents, key=lambda extent: extent.first):
            offset = extent.first * self.block_size
            size = min(extent.count * self.block_size, inode.size - offset)
            if size > 0:
                yield offset, self.at(extent.start * self.block_size, size)

    def digest(self, inode: Inode) -> str:
        """The SHA-256 of a file's content."""
        digest, end = hashlib.sha256(), 0
        for offset, piece in self.content(inode):
            hash_zeros(digest, offset - end)
            digest.update(piece)
            end = offset + len(piece)
        hash_zeros(digest, inode.size - end)
        return digest.hexdigest()

    def link_target(self, inode: Inode) -> str:
        if inode.size < FAST_LINK and not inode.extents:
            return inode.block[: inode.size].decode(errors="surrogateescape")
        return b"".join(piece for _, piece in self.content(inode)).decode(errors="surrogateescape")

    def entries(self, folder: Inode) -> Iterator[tuple[str, int]]:
        """The names in a folder and their inodes; an index is made to look like unused entries."""
        for _, piece in self.content(folder):
            for at in range(0, len(piece), self.block_size):
                yield from folder_entries(piece[at : at + self.block_size])

    def walk(self, number: int = ROOT_INODE, path: str = "/") -> Iterator[tuple[str, Inode]]:
        """Every path with its inode, a folder before what is in it."""
        inode = self.inode(number)
        yield path, inode
        if stat.S_ISDIR(inode.mode):
            for name, child in self.entries(inode):
                yield from self.walk(child, f"{path.rstrip('/')}/{name}")

    def find(self, path: str) -> Inode:
        """The inode of an absolute path in which no folder is a link."""
        inode = self.inode(ROOT_INODE)
        for part in Path(path).parts[1:]:
            number = dict(self.entries(inode)).get(part)
            if number is None:
                raise LabError(f"{path}: {part} is not there")
            inode = self.inode(number)
        return inode

    def read(self, path: str) -> bytes:
        inode = self.find(path)
        whole = bytearray(inode.size)
        for offset, piece in self.content(inode):
            whole[offset : offset + len(piece)] = piece
        return bytes(whole)


def folder_entries(block: bytes) -> Iterator[tuple[str, int]]:
    at = 0
    while at < len(block):
        number, room, length = struct.unpack_from("<IHB", block, at)
        name = block[at + 8 : at + 8 + length]
        if number and name not in {b".", b".."}:
            yield name.decode(errors="surrogateescape"), number
        at += room


def attribute_entries(block: bytes, at: int) -> Iterator[tuple[str, bytes]]:
    while block[at : at + 4] != bytes(4) and at + 16 <= len(block):
        length, index, offset, _, size = struct.unpack_from("<BBHII", block, at)
        name = block[at + 16 : at + 16 + length].decode()
        yield PREFIXES.get(index, f"{index}:") + name, block[offset : offset + size]
        at += (16 + length + 3) & ~3


def hash_zeros(digest: "hashlib._Hash", size: int) -> None:
    while size > 0:
        piece = min(size, 1 << 20)
        digest.update(bytes(piece))
        size -= piece
