"""Module files: the ELF object in them, whatever they are packed with."""

import struct
from pathlib import Path
from typing import Final

from aoeinit.errors import KernelError
from aoeinit.kernel.content import REINSTALL, read_unpacked

ELF_MAGIC: Final = b"\x7fELF"


def read_module(path: Path) -> bytes:
    """Read a module, unpacked, as insmod takes it; ``.ko``, ``.ko.gz``, ``.ko.xz`` and ``.ko.zst``.

    Raises :class:`KernelError` where the file cannot be read or unpacked, holds no ELF object or only the
    beginning of one.
    """
    content = read_unpacked(path)
    if not content.startswith(ELF_MAGIC):
        raise KernelError(f"{path} is no kernel module: it holds no ELF object", REINSTALL)
    if len(content) < _end_of_sections(content):
        raise KernelError(f"{path} is truncated: it ends within its ELF object", REINSTALL)
    return content


def _end_of_sections(elf: bytes) -> int:
    """Find where the section headers end, which in an object file come last (a signature may follow).

    Source: System V ABI, chapter 4, "ELF Header": e_shoff, e_shentsize and e_shnum.
    """
    order = ">" if elf[5:6] == b"\2" else "<"
    offset_format, offset_at, sizes_at = ("Q", 40, 58) if elf[4:5] == b"\2" else ("I", 32, 46)
    try:
        (offset,) = struct.unpack_from(order + offset_format, elf, offset_at)
        size, count = struct.unpack_from(order + "HH", elf, sizes_at)
    except struct.error:
        return len(elf) + 1  # not even the header is whole
    return int(offset + size * count)
