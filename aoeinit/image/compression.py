"""Compressing an image with what the kernel can unpack, and unpacking it again to check it.

What the kernel asks for (lib/decompress_*.c): a zstd window of at most 128 MiB, xz with a CRC32 check or
none, gzip, and the legacy frame of lz4. The same input gives the same bytes, on any number of processors.
"""

import lzma
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Final, Protocol, cast

import zstandard

from aoeinit.errors import ConfigError, ImageError

LZ4_MAGIC: Final = b"\x02\x21\x4c\x18"
LZ4_BLOCK: Final = 8 << 20
"""lz4 Frame Format, "Legacy frame": blocks of 8 MiB before compression, each after its size in 32 bits."""

MAGIC: Final = {
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ\x00": "xz",
    b"\x1f\x8b": "gzip",
    LZ4_MAGIC: "lz4",
    b"070701": "none",
}

# A window that every decoder must offer (RFC 8878, 3.1.1.1.2); levels above 19 would need more.
ZSTD_WINDOW_LOG: Final = 23
ZSTD_MAX_WORKERS: Final = 8
ZSTD_JOB: Final = 2 << 20
"""Bytes that a worker takes at a time: so little that the smallest image keeps two busy, and that they begin
while the archive is still being written. Each looks back over a whole window: hardly anything is lost."""
ZSTD_FULL_OVERLAP: Final = 9

# So little input at a time keeps what a hostile image can unpack to within 128 MiB of the limit.
ZSTD_PIECE: Final = 4096


class Compressor(Protocol):
    """What :func:`compressor` returns: bytes in, bytes out, as those of the standard library work."""

    def compress(self, content: bytes, /) -> bytes:
        """Take ``content``; return what is ready to be written."""

    def flush(self) -> bytes:
        """End the stream; return the rest of it."""


@dataclass(frozen=True, slots=True)
class Method:
    """One way of compression: its levels, the one to use when none is asked for, how it begins and ends."""

    levels: range
    default: int
    make: Callable[[int], Compressor]
    unpack: Callable[[bytes, int], bytes]


def compressor(name: str, level: int | None = None) -> Compressor:
    """Begin a stream compressed by the method ``name``, one of :data:`METHODS`; ``None`` is its own level.

    Raises :class:`ConfigError` for a method that is unknown or not installed and a level out of its range.
    """
    method = METHODS.get(name)
    if method is None:
        raise ConfigError(f"unknown compression {name!r}", f"use one of {', '.join(METHODS)}")
    if level is None:
        level = method.default
    elif level not in method.levels:
        allowed = f"{method.levels[0]} to {method.levels[-1]}" if method.levels else "no level"
        raise ConfigError(f"compression {name} has no level {level}", f"it takes {allowed}")
    return method.make(level)


def detect(head: bytes) -> str:
    """Name the method that compressed an image which begins with ``head`` (six bytes suffice).

    Raises :class:`ImageError` where it is none of :data:`METHODS`.
    """
    for magic, name in MAGIC.items():
        if head.startswith(magic):
            return name
    raise ImageError(f"not an image: it begins with {head[:6].hex(' ') or 'nothing'}")


def decompress(content: bytes, limit: int) -> bytes:
    """Unpack ``content``, whatever its method, to at most ``limit`` bytes.

    Raises :class:`ImageError` when it is damaged, cut short, followed by something else, or larger.
    """
    name = detect(content[:6])
    try:
        unpacked = METHODS[name].unpack(content, limit)
    except (zstandard.ZstdError, lzma.LZMAError, zlib.error, struct.error) as error:
        raise ImageError(f"damaged {name} stream: {error}") from error
    if len(unpacked) > limit:
        raise ImageError(f"the {name} stream holds more than the {limit} bytes expected")
    return unpacked


def _zstd(level: int) -> Compressor:
    # A worker takes the same share of the input however many there are, so the bytes do not depend on their
    # number. No worker at all would be another algorithm: there is always at least one.
    workers = min(len(os.sched_getaffinity(0)), ZSTD_MAX_WORKERS)
    return zstd_compressor(level, workers)


def zstd_compressor(level: int, workers: int) -> Compressor:
    """Begin a zstd stream made by ``workers`` threads (at least 1): their number does not show in it."""
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level,
        window_log=min(ZSTD_WINDOW_LOG, zstandard.ZstdCompressionParameters.from_level(level).window_log),
        threads=max(workers, 1),
        job_size=ZSTD_JOB,
        overlap_log=ZSTD_FULL_OVERLAP,
        write_checksum=True,
        write_content_size=False,
    )
    return zstandard.ZstdCompressor(compression_params=parameters).compressobj()


def _unzstd(content: bytes, limit: int) -> bytes:
    stream = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
    pieces: list[bytes] = []
    size = 0
    for start in range(0, len(content), ZSTD_PIECE):
        if stream.eof:
            raise ImageError("something follows the zstd stream")
        pieces.append(stream.decompress(content[start : start + ZSTD_PIECE]))
        size += len(pieces[-1])
        if size > limit:
            break
    else:
        _check_end("zstd", at_end=stream.eof, rest=stream.unused_data)
    return b"".join(pieces)


def _xz(level: int) -> Compressor:
    return lzma.LZMACompressor(lzma.FORMAT_XZ, lzma.CHECK_CRC32, preset=level)


def _unxz(content: bytes, limit: int) -> bytes:
    stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=1 << 28)
    unpacked = stream.decompress(content, limit + 1)
    if len(unpacked) <= limit:
        _check_end("xz", at_end=stream.eof, rest=stream.unused_data)
    return unpacked


GZIP_WINDOW: Final = 31
"""zlib's number for its largest window inside a gzip header, which it gives no time and no name."""


def _gzip(level: int) -> Compressor:
    return zlib.compressobj(level, zlib.DEFLATED, GZIP_WINDOW)


def _gunzip(content: bytes, limit: int) -> bytes:
    stream = zlib.decompressobj(GZIP_WINDOW)
    unpacked = stream.decompress(content, limit + 1)
    if len(unpacked) <= limit:
        _check_end("gzip", at_end=stream.eof, rest=stream.unused_data)
    return unpacked


def _lz4_block() -> ModuleType:
    try:
        import lz4.block  # noqa: PLC0415 - optional: an image of another kind must not ask for it
    except ImportError as error:
        raise ConfigError(
            "compression lz4 needs the Python package lz4",
            "install it (python3-lz4 on Debian and Fedora), or use another compression",
        ) from error
    return cast("ModuleType", lz4.block)


class _Lz4:
    """The legacy frame, of which the Python package offers only the blocks."""

    def __init__(self, level: int) -> None:
        self._block = _lz4_block()
        self._level = level
        self._head = LZ4_MAGIC
        self._waiting = bytearray()

    def compress(self, content: bytes, /) -> bytes:
        self._waiting += content
        ready = bytearray()
        while len(self._waiting) >= LZ4_BLOCK:
            ready += self._pack(bytes(self._waiting[:LZ4_BLOCK]))
            del self._waiting[:LZ4_BLOCK]
        return bytes(ready)

    def flush(self) -> bytes:
        return self._pack(bytes(self._waiting)) if self._waiting or self._head else b""

    def _pack(self, block: bytes) -> bytes:
        packed: bytes = self._block.compress(
            block, mode="high_compression", compression=self._level, store_size=False
        )
        head, self._head = self._head, b""
        return head + struct.pack("<I", len(packed)) + packed


def _unlz4(content: bytes, limit: int) -> bytes:
    block = _lz4_block()
    pieces: list[bytes] = []
    at = len(LZ4_MAGIC)
    while at < len(content) and sum(map(len, pieces)) <= limit:
        (size,) = struct.unpack_from("<I", content, at)
        at += 4 + size
        if at > len(content):
            raise ImageError("the lz4 stream is cut short")
        try:
            pieces.append(block.decompress(content[at - size : at], uncompressed_size=LZ4_BLOCK))
        except block.LZ4BlockError as error:
            raise ImageError(f"damaged lz4 stream: {error}") from error
    return b"".join(pieces)


class _Plain:
    def compress(self, content: bytes, /) -> bytes:
        return content

    def flush(self) -> bytes:
        return b""


def _check_end(name: str, *, at_end: bool, rest: bytes) -> None:
    if not at_end:
        raise ImageError(f"the {name} stream is cut short")
    if rest:
        raise ImageError(f"something follows the {name} stream")


METHODS: Final[dict[str, Method]] = {
    "zstd": Method(range(1, 20), 6, _zstd, _unzstd),
    "xz": Method(range(10), 6, _xz, _unxz),
    "gzip": Method(range(1, 10), 6, _gzip, _gunzip),
    "lz4": Method(range(1, 13), 9, _Lz4, _unlz4),
    "none": Method(range(0), 0, lambda _level: _Plain(), lambda content, _limit: content),
}
"""The methods by name, the default first. For every Ethernet driver zstd takes half as long at level 6 as at
level 9, and its image is 4 % larger."""
