"""Reading an image: its segments, found by their content, and the entries in them."""

import mmap
import os
import stat
from collections.abc import Callable

from aoeinit.errors import ImageError
from aoeinit.image.unpacking import Pieces, detect, unpack
from aoeinit.inspect import uki
from aoeinit.inspect.cpio import Budget, Item, Reader, read_archives

LIMIT = 1 << 30
"""How many bytes an image may hold unpacked unless somebody says more."""

_HINTS = {
    FileNotFoundError: "images are in /boot, under the name that the boot loader's configuration gives",
    PermissionError: "run as root: an image is often readable for root only",
}

# The sections of a unified kernel image that become the kernel's initramfs, in that order (systemd-stub(7)).
UKI_PARTS = (".ucode", ".initrd")


class Segment:
    """A stretch of the file: archives that are not compressed, or one compressed stream of them.

    ``offset`` and ``packed`` are its place and size in the file, ``size`` what it holds unpacked.
    """

    __slots__ = ("compression", "entries", "offset", "packed", "size")

    def __init__(self, offset: int, packed: int, compression: str, size: int, entries: int) -> None:
        self.offset = offset
        self.packed = packed
        self.compression = compression
        self.size = size
        self.entries = entries


class Image:
    """What an image consists of; ``texts`` are the small sections of a unified kernel image."""

    __slots__ = ("items", "segments", "size", "texts")

    def __init__(self, size: int) -> None:
        self.size = size
        self.segments: list[Segment] = []
        self.items: list[Item] = []
        self.texts: dict[str, str] = {}


def keep_all(_item: Item) -> bool:
    """Say that every content is wanted."""
    return True


def keep_none(_item: Item) -> bool:
    """Say that no content is wanted; targets of links are read all the same."""
    return False


def open_image(path: str, *, limit: int = LIMIT, keep: Callable[[Item], bool] = keep_all) -> Image:
    """Read the image in the file ``path``, as :func:`read_image`; its messages then begin with the path.

    Raises :class:`ImageError` also for a file that cannot be read or is larger than ``limit``.
    """
    try:
        return read_image(_map_file(path, limit), limit=limit, keep=keep)
    except ImageError as error:
        raise ImageError(f"{path}: {error.message}", error.hint) from error
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror or error}", _HINTS.get(type(error))) from error
    except ValueError as error:
        raise ImageError(f"{path!r} cannot be the name of a file: {error}") from error


def _map_file(path: str, limit: int) -> memoryview:
    status = os.stat(path)  # before it is opened: opening a FIFO would wait for somebody to write to it
    if not stat.S_ISREG(status.st_mode):
        raise ImageError("no regular file", "give the file that the boot loader loads")
    if status.st_size > limit:
        raise ImageError(
            f"{status.st_size >> 20} MiB are more than the limit of {limit >> 20} MiB",
            "if that can be an image, raise the limit with --limit MIB",
        )
    if not status.st_size:
        return memoryview(b"")
    # Mapped, what an archive that is not packed holds is passed over without being read. Whoever cuts the
    # file short meanwhile ends us with SIGBUS; all that write images replace them as a whole.
    with open(path, "rb") as file:
        return memoryview(mmap.mmap(file.fileno(), status.st_size, prot=mmap.PROT_READ))


def read_image(
    content: bytes | memoryview, *, limit: int = LIMIT, keep: Callable[[Item], bool] = keep_all
) -> Image:
    """Read a whole image: an initramfs as boot loaders hand it over, or a unified kernel image.

    ``limit`` is in bytes. Raises :class:`ImageError` that names the offset of what is damaged, cut short or
    nothing that the kernel would unpack.
    """
    view = memoryview(content)
    image = Image(len(view))
    budget = Budget(limit)
    for start, end in _parts(view, image):
        at = start
        while (at := _after_zeros(view, at, end)) < end:
            at += _read_segment(image, view[at:end], at, budget, keep)
    if not image.segments:
        raise ImageError(
            "no initramfs: it holds nothing but zeros" if image.size else "no initramfs: it is empty"
        )
    return image


def _parts(view: memoryview, image: Image) -> list[tuple[int, int]]:
    if not uki.is_pe(view):
        return [(0, len(view))]
    places = uki.sections(view)
    if ".initrd" not in places:
        raise ImageError(
            "a kernel without an initramfs in it: it has no section .initrd",
            "give the initramfs that belongs to it, or a unified kernel image",
        )
    for name in (".uname", ".cmdline"):
        start, end = places.get(name, (0, 0))
        image.texts[name] = (
            bytes(view[start : min(end, start + 4096)]).decode(errors="replace").strip("\0\n ")
        )
    return [places[name] for name in UKI_PARTS if name in places]


def _after_zeros(view: memoryview, at: int, end: int) -> int:
    while at < end:
        chunk = bytes(view[at : min(at + 4096, end)])
        rest = chunk.lstrip(b"\0")
        at += len(chunk) - len(rest)
        if rest:
            break
    return at


def _read_segment(
    image: Image, view: memoryview, offset: int, budget: Budget, keep: Callable[[Item], bool]
) -> int:
    """Read what begins ``view``, which is at ``offset`` in the file; return how many bytes that was."""
    method = detect(bytes(view[:6]))
    if method is None and view[0] != ord("0"):
        raise ImageError(
            f"no initramfs: at offset {offset} begins neither an archive nor anything compressed "
            f"({bytes(view[:6]).hex(' ')})"
        )
    if method is None:
        reader = Reader(_plain(view), budget, "the archive", offset)
    else:
        reader = Reader(unpack(method, view), budget, f"the {method} stream at offset {offset}")
    before = len(image.items)
    image.items.extend(read_archives(reader, keep, alone=method is not None))
    packed = reader.position if method is None else reader.consumed
    entries = len(image.items) - before
    image.segments.append(Segment(offset, packed, method or "none", reader.position, entries))
    return packed


def _plain(view: memoryview) -> Pieces:
    yield view
    return len(view)
