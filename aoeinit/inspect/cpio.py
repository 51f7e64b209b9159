"""The cpio formats of an image, ``newc`` and ``crc``, read as the kernel reads them.

Source: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst and, for what it leaves open,
init/initramfs.c. A parser of our own, because it has to tell offsets, find where an archive ends between
others, and pass over contents that nobody wants without unpacking them into memory.
"""

import stat
import struct
from collections.abc import Callable, Iterator
from io import BytesIO
from os import fsdecode

from aoeinit.errors import ImageError
from aoeinit.image.unpacking import DamagedStreamError, Piece, Pieces

HEADER = 110
NEWC = b"070701"
CRC = b"070702"
TRAILER = b"TRAILER!!!"
PATH_MAX = 4096

# What an entry costs of the limit at least: a million empty ones take memory too.
ENTRY_COST = 3072

FIELDS = struct.Struct(">13I")


class Item:
    """An entry as it stands in an archive.

    ``offset`` is where its header is, within the unpacked segment; ``content`` is ``None`` where it was not
    kept; ``link`` is a symbolic link's target. A hard link without content of its own has ``holder``, the
    entry that has it.
    """

    __slots__ = (
        *("path", "mode", "uid", "gid", "links", "mtime", "size", "device", "inode", "rdevice"),
        *("checksum", "offset", "content", "link", "holder"),
    )

    def __init__(self, path: str, fields: tuple[int, ...], offset: int, checksum: int | None = None) -> None:
        self.path = path
        self.checksum = checksum
        self.inode, self.mode, self.uid, self.gid, self.links, self.mtime, self.size = fields[:7]
        self.device = fields[7], fields[8]
        self.rdevice = fields[9], fields[10]
        self.offset = offset
        self.content: bytes | None = None
        self.link = ""
        self.holder: Item | None = None

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)

    @property
    def is_device(self) -> bool:
        """Whether it is a device node."""
        return stat.S_ISCHR(self.mode) or stat.S_ISBLK(self.mode)

    @property
    def name(self) -> str:
        """The path without what may stand before it: ``./etc/x`` and ``/etc/x`` are ``etc/x``."""
        return "/".join(part for part in self.path.split("/") if part not in {"", "."})


class Budget:
    """How many bytes may still be unpacked, of all segments together."""

    __slots__ = ("left", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.left = limit

    def take(self, size: int) -> None:
        """Spend ``size`` bytes; raises :class:`ImageError` where there is not so much left."""
        self.left -= size
        if self.left < 0:
            raise ImageError(
                f"the image holds more than {self.limit >> 20} MiB unpacked",
                "if that can be right, raise the limit with --limit MIB",
            )


class Reader:
    """The unpacked bytes of one segment, in order; ``position`` counts from its beginning.

    ``place`` names the segment in messages; ``base`` is added to the offsets in them, for a segment that is
    not compressed and therefore has offsets in the file.
    """

    __slots__ = ("at", "base", "budget", "consumed", "passed", "piece", "pieces", "place")

    def __init__(self, pieces: Pieces, budget: Budget, place: str, base: int = 0) -> None:
        self.pieces = pieces
        self.budget = budget
        self.place = place
        self.base = base
        self.piece: Piece = b""
        self.at = 0
        self.passed = 0
        self.consumed = 0

    @property
    def position(self) -> int:
        """How many bytes have been read."""
        return self.passed + self.at

    def fill(self) -> bool:
        """Go on to the next piece when this one is read; tell whether anything is left."""
        while self.at == len(self.piece):
            self.passed += self.at
            self.at = 0
            self.piece = b""
            try:
                self.piece = next(self.pieces)
            except StopIteration as end:
                # Asked again, a generator that has ended returns nothing.
                self.consumed = end.value or self.consumed
                return False
            except DamagedStreamError as error:
                raise ImageError(
                    f"{self.place} is damaged: {error.reason} (at its byte {error.taken})"
                ) from error
        return True

    def peek(self) -> int:
        """Give the next byte, which :meth:`fill` found to be there."""
        return self.piece[self.at]

    def skip(self, size: int) -> None:
        """Pass over ``size`` bytes."""
        self.budget.take(size)
        while size:
            self._need()
            step = min(size, len(self.piece) - self.at)
            self.at += step
            size -= step

    def take(self, size: int) -> bytes:
        """Read ``size`` bytes; they are in memory only once they are there."""
        end = self.at + size
        if end <= len(self.piece):
            self.budget.take(size)
            found = bytes(self.piece[self.at : end])
            self.at = end
            return found
        parts = BytesIO()  # which gives away what it holds without a copy
        while parts.tell() < size:
            self._need()
            part = self.piece[self.at : self.at + size - parts.tell()]
            self.budget.take(len(part))
            parts.write(part)
            self.at += len(part)
        return parts.getvalue()

    def skip_zeros(self) -> bool:
        """Pass over zero bytes; tell whether anything is left."""
        while self.fill():
            if self.peek():
                return True
            chunk = bytes(self.piece[self.at : self.at + 4096])
            zeros = len(chunk) - len(chunk.lstrip(b"\0"))
            self.budget.take(zeros)
            self.at += zeros
        return False

    def refuse(self, reason: str, offset: int) -> ImageError:
        """Make an error about what stands at ``offset``."""
        return ImageError(f"{self.place}: {reason} at offset {self.base + offset}")

    def _need(self) -> None:
        if not self.fill():
            raise self.refuse("cut short", self.position)


def read_archives(reader: Reader, keep: Callable[[Item], bool], *, alone: bool) -> Iterator[Item]:
    """Read the entries of the archives that follow one another in ``reader``, trailers left out.

    Contents are read for those that ``keep`` says yes to. ``alone``: nothing else than archives and zeros may
    stand there; otherwise reading ends before whatever it is. Raises :class:`ImageError` that tells the
    offset of what is damaged or cut short.
    """
    links: dict[tuple[int, int, int], list[Item]] = {}
    ended = True
    while reader.skip_zeros():
        offset = reader.position
        if reader.peek() != ord("0"):
            if alone:
                raise reader.refuse("neither an entry nor padding", offset)
            break
        item = _read_header(reader, offset)
        ended = item is None
        if item is None:
            _share(links)
            continue
        _read_content(reader, item, keep)
        if item.links > 1 and item.is_file:
            links.setdefault((*item.device, item.inode), []).append(item)
        yield item
    if not ended:
        # The kernel would not mind; but all that write archives end them.
        raise reader.refuse("cut short: an archive without its trailer", reader.position)


def _read_header(reader: Reader, offset: int) -> Item | None:
    """Read a header and the name behind it; ``None`` for the trailer."""
    header = reader.take(HEADER)
    if header[:6] not in {NEWC, CRC}:
        raise reader.refuse(f"an entry of an unknown format ({header[:6]!r})", offset)
    try:
        fields = FIELDS.unpack(bytes.fromhex(header[6:].decode("ascii")))
    except (ValueError, struct.error) as error:
        raise reader.refuse("a damaged header", offset) from error
    name_size = fields[11]
    if not 0 < name_size <= PATH_MAX:
        raise reader.refuse(f"a name of {name_size} bytes", offset)
    name, zero, _ = reader.take(name_size).partition(b"\0")
    if not zero:
        raise reader.refuse("a name without its end", offset)
    # The name's padding counts from the header, which takes 110 bytes.
    _skip_padding(reader, HEADER + name_size)
    if name == TRAILER:
        reader.skip(fields[6])
        _skip_padding(reader, fields[6])
        return None
    reader.budget.take(ENTRY_COST)
    return Item(fsdecode(name), fields, offset, fields[12] if header[:6] == CRC else None)


def _skip_padding(reader: Reader, size: int) -> None:
    """Pass over the padding to a multiple of four; an image may end without it."""
    for _ in range(-size % 4):
        if reader.fill():
            reader.skip(1)


def _read_content(reader: Reader, item: Item, keep: Callable[[Item], bool]) -> None:
    if item.is_link:
        if item.size > PATH_MAX:
            raise reader.refuse(f"a link with a target of {item.size} bytes", item.offset)
        item.link = fsdecode(reader.take(item.size).partition(b"\0")[0])
    elif item.size and item.is_file and keep(item):
        item.content = reader.take(item.size)
        if item.checksum is not None and item.checksum != byte_sum(item.content):
            raise reader.refuse(f"the content of {item.path!r} does not match its checksum", item.offset)
    else:
        reader.skip(item.size)
        item.content = b"" if item.is_file and not item.size else None
    _skip_padding(reader, item.size)


def byte_sum(content: bytes) -> int:
    """Add up the bytes in 32 bits: the checksum of the format crc."""
    import zlib  # noqa: PLC0415 - few archives have checksums

    # The low half of Adler-32 is that sum, as long as it stays below 65521: for 256 bytes it does.
    view = memoryview(content)
    pieces = range(0, len(view), 256)
    return sum(zlib.adler32(view[at : at + 256], 0) & 0xFFFF for at in pieces) & 0xFFFFFFFF


def _share(links: dict[tuple[int, int, int], list[Item]]) -> None:
    """Let the hard links of an archive know which of each file's has the content: mostly the last."""
    for group in links.values():
        holder = next((item for item in reversed(group) if item.size), None)
        for item in group:
            item.holder = holder if item is not holder else None
    links.clear()
