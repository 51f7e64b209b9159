"""Looking whether a disk is empty: at its ends, at samples in between, and at what a sparse file holds."""

import errno
import os
from collections.abc import Iterator
from typing import Final

from aoeinit.errors import AoeinitError

MIB: Final = 1 << 20
BLOCK: Final = 4096
SAMPLES: Final = 64
EXTENTS: Final = 32
"""So many pieces of a sparse file are looked at."""


def first_data(path: str, size: int) -> int | None:
    """Give the offset of the first byte that is seen not to be zero on a disk of so many bytes.

    It takes about a hundred reads at most. Raises :class:`AoeinitError` for what cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for offset, length in sorted({*places(size), *held(descriptor)}):
                content = os.pread(descriptor, length, offset)
                rest = content.lstrip(b"\0")
                if rest:
                    return offset + len(content) - len(rest)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise AoeinitError(f"cannot read {path}: {error.strerror}", "see the kernel's log") from error
    return None


def places(size: int) -> Iterator[tuple[int, int]]:
    """Give offsets and lengths: the first and the last MiB, and blocks at even distances in between."""
    yield 0, MIB
    yield max(0, size - MIB), MIB
    for number in range(1, SAMPLES + 1):
        yield number * size // (SAMPLES + 1) // MIB * MIB, BLOCK


def held(descriptor: int) -> Iterator[tuple[int, int]]:
    """Give where the first pieces of a sparse file begin (lseek(2), SEEK_DATA); a device has no holes."""
    at = 0
    try:
        for _ in range(EXTENTS):
            at = os.lseek(descriptor, at, os.SEEK_DATA)
            yield at, BLOCK
            at = os.lseek(descriptor, at, os.SEEK_HOLE)
    except OSError as error:
        # There is no more, or this is nothing that knows of holes.
        if error.errno not in {errno.ENXIO, errno.EINVAL, errno.EOPNOTSUPP}:
            raise
