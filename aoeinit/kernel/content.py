"""Reading files of a sysroot: bounded, unpacked, and with every failure as an error that names the file."""

import os
import stat
from pathlib import Path
from typing import Final

from aoeinit.errors import AoeinitError, KernelError
from aoeinit.sysroot import Resolved, resolve

MAX_CONTENT: Final = 256 << 20
"""Bytes that one file may have, packed or not: far above any module or firmware, far below all memory."""

TOO_MUCH: Final = f"more than {MAX_CONTENT >> 20} MiB, which no module or firmware has"

UNXZ_MEMORY: Final = 128 << 20
"""Bytes of memory for unpacking xz, twice what ``xz -9`` asks for: a corrupt header may ask for 4 GiB."""

REINSTALL: Final = "install the package that it comes from again"
"""The way out where a file that a package owns is broken."""


def locate(sysroot: Path, path: str) -> Resolved | None:
    """Follow ``path`` inside the sysroot, as :func:`aoeinit.sysroot.resolve`.

    Raises :class:`KernelError` for a loop of links, a folder that may not be entered or an impossible name.
    """
    try:
        return resolve(sysroot, path)
    except AoeinitError as error:
        raise KernelError(error.message, error.hint) from error


def read_content(path: Path) -> bytes:
    """Read a regular file.

    Raises :class:`KernelError` where it cannot be read, is no regular file or exceeds :data:`MAX_CONTENT`.
    """
    try:
        # Before it is opened: opening a FIFO would wait for somebody to write to it.
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise KernelError(f"{path} is not a regular file")
        if status.st_size > MAX_CONTENT:
            raise KernelError(f"{path} has {TOO_MUCH}")
        with open(path, "rb") as file:
            return file.read(MAX_CONTENT)
    except OSError as error:
        raise KernelError(f"cannot read {path}: {error.strerror}") from error


def read_unpacked(path: Path) -> bytes:
    """Read a file, unpacked where its name says that gzip, xz or zstd packed it.

    Raises :class:`KernelError` as :func:`read_content`, and where the content is corrupt, truncated or
    exceeds :data:`MAX_CONTENT` once unpacked.
    """
    unpack = {".gz": _gunzip, ".xz": _unxz, ".zst": _unzstd}.get(path.suffix)
    packed = read_content(path)
    if unpack is None:
        return packed
    try:
        return unpack(packed)
    except ValueError as error:
        raise KernelError(f"{path} cannot be unpacked: {error}", REINSTALL) from error


# Each of these raises ValueError for bad input. They import late: most systems pack in one way or not at all.


def _gunzip(packed: bytes) -> bytes:
    import zlib  # noqa: PLC0415 - see above

    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # 16: a gzip header, not zlib's own
    try:
        content = unpacker.decompress(packed, MAX_CONTENT + 1)
    except zlib.error as error:
        raise ValueError(error) from error
    return _complete(content, ended=unpacker.eof)


def _unxz(packed: bytes) -> bytes:
    import lzma  # noqa: PLC0415 - see above

    unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=UNXZ_MEMORY)
    try:
        content = unpacker.decompress(packed, MAX_CONTENT + 1)
    except lzma.LZMAError as error:
        raise ValueError(error) from error
    return _complete(content, ended=unpacker.eof)


def _complete(content: bytes, *, ended: bool) -> bytes:
    if len(content) > MAX_CONTENT:
        raise ValueError(TOO_MUCH)
    if not ended:
        raise ValueError("truncated")
    return content


def _unzstd(packed: bytes) -> bytes:
    import zstandard  # noqa: PLC0415 - see above

    try:
        size = zstandard.get_frame_parameters(packed).content_size
        # A frame that tells its size is unpacked whole, whatever the limit.
        if MAX_CONTENT < size < zstandard.CONTENTSIZE_UNKNOWN:
            raise ValueError(TOO_MUCH)
        return zstandard.ZstdDecompressor().decompress(packed, max_output_size=MAX_CONTENT)
    except zstandard.ZstdError as error:
        raise ValueError(error) from error
