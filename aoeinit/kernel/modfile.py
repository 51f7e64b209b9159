"""Module files: the ELF object in them, whatever they are packed with."""

from pathlib import Path
from typing import Final

from aoeinit.elf_tables import read_header
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
    if not _is_whole(content):
        raise KernelError(f"{path} is truncated: it ends within its ELF object", REINSTALL)
    return content


def _is_whole(elf: bytes) -> bool:
    """Tell whether all up to the section headers is there, which in an object file come last."""
    try:
        return len(elf) >= read_header(elf).sections.end
    except ValueError:
        return False
