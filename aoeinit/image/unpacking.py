"""Unpacking compressed streams piece by piece, so that memory stays bounded whatever a stream claims.

The methods are those of the kernel's lib/decompress.c that are in use, and lz4's newer frame. Each is a
generator: it yields pieces of at most :data:`PIECE` bytes (lz4's legacy blocks: 8 MiB) and returns how many
bytes of the input it took. A piece is valid until the next one is asked for.

This module and those it needs for a listing import neither dataclasses nor click: a listing of a small image
takes hardly longer than Python needs to start.
"""

from collections.abc import Callable, Generator, Iterator

from aoeinit.errors import ImageError

FEED = 1 << 16
PIECE = 1 << 18

# No kernel accepts a larger zstd window (lib/decompress_unzstd.c), and no xz preset needs more memory.
WINDOW_MAX = 1 << 27
XZ_MEMORY = 1 << 28

LZ4_BLOCK = 8 << 20
LZ4_BLOCK_PACKED = LZ4_BLOCK + LZ4_BLOCK // 255 + 16
"""lz4's own bound (LZ4_compressBound) for what a legacy block can take when packed."""

SKIPPABLE = range(0x184D2A50, 0x184D2A60)

Piece = bytes | memoryview
Pieces = Generator[Piece, None, int]

NEWC = b"070701"
"""How an archive begins that is not compressed."""

MAGIC = (
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x1f\x8b", "gzip"),
    (b"\x02\x21\x4c\x18", "lz4"),
    (b"\x04\x22\x4d\x18", "lz4 frame"),
    (b"BZh", "bzip2"),
    (b"\x5d\x00\x00", "lzma"),
)


class DamagedStreamError(Exception):
    """A stream cannot be unpacked: ``taken`` bytes of it had been taken by then."""

    def __init__(self, reason: str, taken: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.taken = taken


def detect(head: bytes) -> str | None:
    """Name the method of a stream that begins with ``head`` (six bytes suffice); ``None`` for no such one."""
    for magic, method in MAGIC:
        if head.startswith(magic):
            return method
    return "zstd" if int.from_bytes(head[:4], "little") in SKIPPABLE else None


def unpack(method: str, packed: memoryview) -> Pieces:
    """Unpack the stream at the beginning of ``packed``, and those of the same method right behind it.

    Raises :class:`DamagedStreamError` for a stream that is damaged or cut short, and :class:`ImageError`
    where the method needs a package that is not installed.
    """
    at = 0
    while True:
        try:
            at += yield from METHODS[method](packed[at:])
        except DamagedStreamError as error:
            raise DamagedStreamError(error.reason, at + error.taken) from error
        if detect(bytes(packed[at : at + 6])) != method:
            return at


def unpack_all(packed: memoryview, limit: int) -> Iterator[Piece]:
    """Unpack what is one stream and nothing else, or an archive that is not compressed.

    Raises :class:`ImageError` where it is neither, is damaged, followed by something, or has more than
    ``limit`` bytes unpacked.
    """
    method = detect(bytes(packed[:6]))
    if method is None and not packed[:6] == NEWC:
        raise ImageError(f"not an image: it begins with {bytes(packed[:6]).hex(' ') or 'nothing'}")
    pieces = unpack(method, packed) if method else _plain(packed)
    size = 0
    while True:
        try:
            piece = next(pieces)
        except StopIteration as end:
            if end.value != len(packed):
                raise ImageError(f"something follows the {method} stream") from None
            return
        except DamagedStreamError as error:
            raise ImageError(f"damaged {method} stream: {error.reason}") from error
        size += len(piece)
        if size > limit:
            raise ImageError(f"the {method or 'plain'} stream holds more than the {limit} bytes expected")
        yield piece


def _plain(packed: memoryview) -> Pieces:
    for start in range(0, len(packed), PIECE):
        yield packed[start : start + PIECE]
    return len(packed)


def _gzip(packed: memoryview) -> Pieces:
    import zlib  # noqa: PLC0415 - an image is packed in one way: it pays for no other

    stream = zlib.decompressobj(zlib.MAX_WBITS | 16)  # 16: a gzip header, not zlib's own
    at = 0
    waiting: bytes | memoryview = b""
    while not stream.eof:
        if not waiting:
            waiting = packed[at : at + FEED]
            at += len(waiting)
        ended = not waiting
        try:
            piece = stream.decompress(waiting, PIECE)
        except zlib.error as error:
            raise DamagedStreamError(str(error), at - len(waiting)) from error
        waiting = stream.unconsumed_tail
        if piece:
            yield piece
        elif ended:
            raise DamagedStreamError("it is cut short", at)
    return at - len(stream.unused_data)


def _xz(packed: memoryview) -> Pieces:
    import lzma  # noqa: PLC0415 - as above

    unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)
    return (yield from _fed(unpacker, packed, lzma.LZMAError))


def _lzma(packed: memoryview) -> Pieces:
    import lzma  # noqa: PLC0415 - as above

    unpacker = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=XZ_MEMORY)
    return (yield from _fed(unpacker, packed, lzma.LZMAError))


def _bzip2(packed: memoryview) -> Pieces:
    import bz2  # noqa: PLC0415 - as above

    return (yield from _fed(bz2.BZ2Decompressor(), packed, OSError))


def _lz4_frame(packed: memoryview) -> Pieces:
    _require_lz4()
    import lz4.frame  # noqa: PLC0415 - optional

    return (yield from _fed(lz4.frame.LZ4FrameDecompressor(), packed, RuntimeError))


def _fed(unpacker: "Unpacker", packed: memoryview, failure: type[Exception]) -> Pieces:
    """Feed a decompressor as those of the standard library are; ``failure`` is what it raises."""
    at = 0
    while not unpacker.eof:
        fed = packed[at : at + FEED] if unpacker.needs_input else packed[:0]
        if unpacker.needs_input and not fed:
            raise DamagedStreamError("it is cut short", at)
        at += len(fed)
        try:
            piece = unpacker.decompress(fed, PIECE)
        except (failure, EOFError, ValueError) as error:
            raise DamagedStreamError(str(error), at - len(fed)) from error
        if piece:
            yield piece
    return at - len(unpacker.unused_data or b"")


def _zstd(packed: memoryview) -> Pieces:
    import zstandard  # noqa: PLC0415 - as above

    if int.from_bytes(packed[:4], "little") in SKIPPABLE:
        end = 8 + int.from_bytes(packed[4:8], "little")
        if end > len(packed):
            raise DamagedStreamError("it is cut short", len(packed))
        return end
    try:
        end = _zstd_frame_end(packed)
        unpacker = zstandard.ZstdDecompressor(max_window_size=WINDOW_MAX)
        with unpacker.stream_reader(packed[:end]) as reader:
            buffer = bytearray(PIECE)
            view = memoryview(buffer)
            while count := reader.readinto(buffer):
                yield view[:count]
    except zstandard.ZstdError as error:
        raise DamagedStreamError(str(error), 0) from error
    return end


def _zstd_frame_end(packed: memoryview) -> int:
    """Find where a zstd frame ends by going from block to block (RFC 8878, 3.1.1)."""
    import zstandard  # noqa: PLC0415 - as above

    end = zstandard.frame_header_size(packed)
    has_checksum = zstandard.get_frame_parameters(packed).has_checksum
    last = False
    while not last:
        block = int.from_bytes(packed[end : end + 3], "little")
        last = bool(block & 1)
        # A block that repeats one byte (type 1) holds just that.
        end += 3 + (1 if block >> 1 & 3 == 1 else block >> 3)
        if end > len(packed):
            raise DamagedStreamError("it is cut short", len(packed))
    end += 4 * has_checksum
    if end > len(packed):
        raise DamagedStreamError("it is cut short", len(packed))
    return end


def _lz4(packed: memoryview) -> Pieces:
    """Unpack the legacy frame (lz4 Frame Format, "Legacy frame"), the only one that the kernel knows.

    It has no end mark: what cannot be the size of a block belongs to something else.
    """
    _require_lz4()
    import lz4.block  # noqa: PLC0415 - optional

    at = 4
    while 0 < (size := int.from_bytes(packed[at : at + 4], "little")) <= LZ4_BLOCK_PACKED:
        if at + 4 + size > len(packed):
            raise DamagedStreamError("it is cut short", len(packed))
        try:
            yield lz4.block.decompress(packed[at + 4 : at + 4 + size], uncompressed_size=LZ4_BLOCK)
        except (lz4.block.LZ4BlockError, ValueError) as error:
            raise DamagedStreamError(str(error), at) from error
        at += 4 + size
    return min(at, len(packed))


def _require_lz4() -> None:
    try:
        import lz4.block  # noqa: F401, PLC0415 - optional
    except ImportError as error:
        raise ImageError(
            "the image is packed with lz4, and the Python package lz4 is not installed",
            "install it (python3-lz4 on Debian and Fedora)",
        ) from error


METHODS: dict[str, Callable[[memoryview], Pieces]] = {
    "zstd": _zstd,
    "xz": _xz,
    "gzip": _gzip,
    "lz4": _lz4,
    "lz4 frame": _lz4_frame,
    "bzip2": _bzip2,
    "lzma": _lzma,
}

TYPE_CHECKING = False
if TYPE_CHECKING:
    # typing takes longer to import than a small image to list.
    from typing import Protocol

    class Unpacker(Protocol):
        """What the decompressors of lzma, bz2 and lz4.frame have in common."""

        @property
        def eof(self) -> bool:
            """Whether the end of the stream was reached."""

        @property
        def needs_input(self) -> bool:
            """Whether more can be unpacked only from more input."""

        @property
        def unused_data(self) -> bytes:
            """What was fed and lies behind the end."""

        def decompress(self, data: memoryview, max_length: int) -> bytes:
            """Take input, give at most so much output."""
