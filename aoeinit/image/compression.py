"""Compressing an image with what the kernel can unpack.

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

from aoeinit.errors import ConfigError

LZ4_MAGIC: Final = b"\x02\x21\x4c\x18"
LZ4_BLOCK: Final = 8 << 20
"""lz4 Frame Format, "Legacy frame": blocks of 8 MiB before compression, each after its size in 32 bits."""

# A window that every decoder must offer (RFC 8878, 3.1.1.1.2); levels above 19 would need more.
ZSTD_WINDOW_LOG: Final = 23
ZSTD_MAX_WORKERS: Final = 8
ZSTD_JOB: Final = 4 << 20
"""Bytes that a worker takes at a time: so little that the smallest image keeps two busy, and that they begin
while the archive is still being written. How far each looks back into the one before is zstd's own choice for
the level; at level 6 a whole window would take a fifth longer, for an image that is 2 % smaller."""


class Compressor(Protocol):
    """What :func:`compressor` returns: bytes in, bytes out, as those of the standard library work."""

    def compress(self, content: bytes, /) -> bytes:
        """Take ``content``; return what is ready to be written."""

    def flush(self) -> bytes:
        """End the stream; return the rest of it."""


@dataclass(frozen=True, slots=True)
class Method:
    """One way of compression: its levels, the one to use when none is asked for, how it begins."""

    levels: range
    default: int
    make: Callable[[int], Compressor]


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
        write_checksum=True,
        write_content_size=False,
    )
    return zstandard.ZstdCompressor(compression_params=parameters).compressobj()


def _xz(level: int) -> Compressor:
    return lzma.LZMACompressor(lzma.FORMAT_XZ, lzma.CHECK_CRC32, preset=level)


GZIP_WINDOW: Final = 31
"""zlib's number for its largest window inside a gzip header, which it gives no time and no name."""


def _gzip(level: int) -> Compressor:
    return zlib.compressobj(level, zlib.DEFLATED, GZIP_WINDOW)


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


class _Plain:
    def compress(self, content: bytes, /) -> bytes:
        return content

    def flush(self) -> bytes:
        return b""


METHODS: Final[dict[str, Method]] = {
    "zstd": Method(range(1, 20), 6, _zstd),
    "xz": Method(range(10), 6, _xz),
    "gzip": Method(range(1, 10), 6, _gzip),
    "lz4": Method(range(1, 13), 9, _Lz4),
    "none": Method(range(0), 0, lambda _level: _Plain()),
}
"""The methods by name, the default first. For every Ethernet driver with firmware zstd takes six tenths
of the time at level 6 that it takes at level 9, and its image is 6 % larger."""
