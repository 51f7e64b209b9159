"""An image's archive: cpio in the format ``newc``, written and read by libarchive.

Source of the format: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from ctypes import c_char_p, c_int64, c_uint
from typing import Any, BinaryIO

import libarchive
from libarchive import ffi
from libarchive.entry import FileType

from aoeinit.errors import ImageError
from aoeinit.image.compression import compressor
from aoeinit.image.entries import Device, Directory, Entry, File, Symlink, describe

# The package has no names for these; its own way to set a link makes a hard one.
_set_symlink = ffi.ffi("entry_set_symlink", [ffi.c_archive_entry_p, c_char_p], None)
_set_inode = ffi.ffi("entry_set_ino64", [ffi.c_archive_entry_p, c_int64], None)
_set_links = ffi.ffi("entry_set_nlink", [ffi.c_archive_entry_p, c_uint], None)

BLOCK = 1 << 20
FRONT_BLOCK = 512
"""The kernel asks for 4 bytes; cpio pads to this much, and tools that look for what follows go by it."""

_DEVICE_TYPE = {"c": FileType.CHAR_DEVICE, "b": FileType.BLOCK_DEVICE}


def write_image(
    entries: Iterable[Entry],
    stream: BinaryIO,
    *,
    compression: str = "zstd",
    level: int | None = None,
    mtime: int = 0,
) -> None:
    """Write ``entries``, as :func:`~aoeinit.image.entries.arrange` ordered them, as a compressed image.

    The same arguments give the same bytes. Raises what :func:`write_archive` and
    :func:`~aoeinit.image.compression.compressor` raise.
    """
    packer = compressor(compression, level)
    write_archive(entries, lambda block: stream.write(packer.compress(block)), mtime=mtime)
    stream.write(packer.flush())


def write_archive(entries: Iterable[Entry], sink: Callable[[bytes], object], *, mtime: int) -> None:
    """Write ``entries`` in their order as a newc archive, which is handed to ``sink`` piece by piece.

    Everything belongs to root and was modified at ``mtime`` (seconds since 1970, in 32 bits); inode numbers
    count from 1. Raises :class:`ImageError` for what the format cannot hold, and whatever ``sink`` raises.
    """
    if not 0 <= mtime < 1 << 32:
        raise ImageError(f"the time {mtime} does not fit an archive", "SOURCE_DATE_EPOCH is in seconds")
    failures: list[BaseException] = []

    def write(buffer: Any) -> int:  # noqa: ANN401 - libarchive's own memory, gone after this call
        # An exception cannot pass through C, which would drop it, an interruption by the user included.
        try:
            sink(bytes(buffer))
        except BaseException as failure:  # noqa: BLE001 - it is raised again below
            failures.append(failure)
            return -1
        return len(buffer)

    try:
        with libarchive.custom_writer(write, "cpio_newc", block_size=BLOCK) as archive:
            for inode, entry in enumerate(entries, start=1):
                _write_entry(archive._pointer, entry, inode, mtime)  # noqa: SLF001 - no public name for it
    except libarchive.ArchiveError as error:
        if failures:
            raise failures[0] from None
        raise ImageError(f"cannot write the archive: {error}") from error


def front_archive(entries: tuple[Entry, ...], *, mtime: int) -> bytes:
    """Make the archive that stands in front of an image, not compressed; nothing where there are no entries.

    It ends on a multiple of :data:`FRONT_BLOCK` bytes. Raises what :func:`write_archive` raises.
    """
    content = bytearray()
    if entries:
        write_archive(entries, content.extend, mtime=mtime)
    return bytes(content) + bytes(-len(content) % FRONT_BLOCK)


def read_archive(pieces: Iterable[bytes | memoryview]) -> Iterator[Entry]:
    """Read the entries of an uncompressed newc archive, in its order, one at a time.

    Raises :class:`ImageError` for what is no such archive, is damaged or holds an entry of another kind, and
    whatever ``pieces`` raises.
    """
    stream = _PieceStream(iter(pieces))
    try:
        with libarchive.stream_reader(stream, "cpio", "none", block_size=BLOCK) as archive:
            yield from map(_read_entry, archive)
    except libarchive.ArchiveError as error:
        raise stream.failure or ImageError(f"cannot read the archive: {error}") from error
    if stream.failure:
        raise stream.failure


class _PieceStream:
    """The file that libarchive asks for, made of pieces; it keeps what an exception in C would lose."""

    def __init__(self, pieces: Iterator[bytes | memoryview]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")
        self.failure: Exception | None = None

    def seekable(self) -> bool:
        return False

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - an array of ctypes
        try:
            self._rest = self._rest or memoryview(next(self._pieces, b""))
        except Exception as failure:  # noqa: BLE001 - it is raised again by read_archive()
            self.failure = failure
        size = min(len(self._rest), len(buffer))
        memoryview(buffer).cast("B")[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def _write_entry(archive: Any, entry: Entry, inode: int, mtime: int) -> None:  # noqa: ANN401 - a C pointer
    header = libarchive.ArchiveEntry(uid=0, gid=0, mtime=mtime, size=0)
    pointer = header._entry_p  # noqa: SLF001 - the package has no public name for it
    ffi.entry_copy_pathname(pointer, os.fsencode(entry.path))
    _set_inode(pointer, inode)
    _set_links(pointer, 2 if isinstance(entry, Directory) else 1)
    content = b""
    match entry:
        case Directory():
            header.modify(filetype=FileType.DIRECTORY, perm=entry.mode)
        case File():
            content = entry.content
            header.modify(filetype=FileType.REGULAR_FILE, perm=entry.mode, size=len(content))
        case Symlink():
            header.modify(filetype=FileType.SYMBOLINK_LINK, perm=0o777)
            _set_symlink(pointer, os.fsencode(entry.target))
        case Device():
            header.modify(filetype=_DEVICE_TYPE[entry.kind], perm=entry.mode, rdev=(entry.major, entry.minor))
    ffi.write_header(archive, pointer)
    if content and ffi.write_data(archive, content, len(content)) != len(content):
        raise ImageError(f"the archive did not take all of {describe(entry)}")
    ffi.write_finish_entry(archive)


def _read_entry(header: Any) -> Entry:  # noqa: ANN401 - a type of the package, which has no types
    pointer = header._entry_p  # noqa: SLF001 - paths as bytes, whatever the locale
    path = os.fsdecode(ffi.entry_pathname(pointer) or b"")
    if header.isdir:
        return Directory(path, header.perm)
    if header.issym:
        return Symlink(path, os.fsdecode(ffi.entry_symlink(pointer) or b""))
    if header.ischr or header.isblk:
        return Device(path, "c" if header.ischr else "b", header.rdevmajor, header.rdevminor, header.perm)
    if header.isreg and not header.islnk:
        block_size = max(1, min(header.size or 0, BLOCK))
        return File(path, b"".join(header.get_blocks(block_size=block_size)), header.perm)
    raise ImageError(f"{path} in the archive is neither file, directory, symbolic link nor device node")
