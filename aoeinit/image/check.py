"""Reading a written image back and holding it against what was planned."""

from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path

from aoeinit.errors import ImageError
from aoeinit.image.archive import read_archive
from aoeinit.image.entries import PATH_MAX, Entry, File, Symlink, describe
from aoeinit.image.unpacking import unpack_all

# Of the header of an entry and the paddings, and of the trailer: a generous upper bound.
_OVERHEAD = 128


def verify_image(
    image: Path, entries: tuple[Entry, ...], *, early: tuple[Entry, ...] = (), front: int = 0
) -> None:
    """Read the file ``image``, unpack it and compare it, entry by entry and in order, with ``entries``.

    Its first ``front`` bytes, where there are any, are an archive of their own with the entries ``early``.

    Raises :class:`ImageError` when it cannot be read, is damaged, or differs from the plan.
    """
    try:
        content = image.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot read the image {image} back: {error.strerror}") from error
    try:
        if front:
            _compare(read_archive([content[:front]]), early)
        unpacked = unpack_all(memoryview(content)[front:], _largest(entries))
        _compare(read_archive(unpacked), entries)
        for _ in unpacked:
            pass  # libarchive stops at the trailer; damage behind it shows only to who reads on
    except ImageError as error:
        raise ImageError(
            f"the image {image} is not what was to be written: {error.message}", error.hint
        ) from error


def _compare(found: Iterable[Entry], planned: Iterable[Entry]) -> None:
    for got, want in zip_longest(found, planned):
        if got != want:
            names = [describe(entry) if entry else "nothing" for entry in (got, want)]
            raise ImageError(f"{names[0]} stands where {names[1]} should")


def _largest(entries: tuple[Entry, ...]) -> int:
    """As many bytes as an archive of ``entries`` can have at most."""
    size = _OVERHEAD + PATH_MAX
    for entry in entries:
        size += _OVERHEAD + 4 * len(entry.path)
        match entry:
            case File():
                size += len(entry.content)
            case Symlink():
                size += 4 * len(entry.target)
    return size
