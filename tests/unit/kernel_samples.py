"""Small kernels for tests: releases with hand-made indexes, and modules that are real ELF objects."""

import struct
from pathlib import Path

from aoeinit.kernel.index import ModuleIndex
from aoeinit.kernel.names import module_name

RELEASE = "6.1.0-test"
FOLDER = f"lib/modules/{RELEASE}"


def make_release(sysroot: Path, *, dep: str = "", builtin_alias: str = "", **indexes: str) -> ModuleIndex:
    """Write the indexes of a release; ``builtin_alias`` has lines ``NAME ALIAS``."""
    folder = sysroot / FOLDER
    folder.mkdir(parents=True)
    (folder / "modules.dep").write_text(dep)
    for name, text in indexes.items():
        (folder / f"modules.{name}").write_text(text)
    entries = (line.split() for line in builtin_alias.splitlines())
    (folder / "modules.builtin.modinfo").write_text(
        "".join(f"{name}.license=GPL\0{name}.alias={alias}\0" for name, alias in entries)
    )
    return ModuleIndex.read(sysroot, RELEASE)


def dep_lines(*lines: str) -> str:
    """Write modules.dep from lines ``NAME: NAME...``."""
    return "".join(
        " ".join([f"{path_of(name)}:", *map(path_of, needed.split())]) + "\n"
        for name, _, needed in (line.partition(":") for line in lines)
    )


def path_of(name: str) -> str:
    return f"kernel/{name}.ko"


def module_elf(
    name: str = "sample", *, firmware: tuple[str, ...] = (), release: str = RELEASE, big_endian: bool = False
) -> bytes:
    """Make a 64-bit relocatable ELF object whose one section of interest is ``.modinfo``."""
    values = [("license", "GPL"), *(("firmware", file) for file in firmware)]
    values += [("name", module_name(name)), ("vermagic", f"{release} SMP mod_unload ")]
    return elf_with_section(
        ".modinfo", b"".join(f"{key}={value}\0".encode() for key, value in values), big_endian=big_endian
    )


def elf_with_section(name: str, content: bytes, *, big_endian: bool = False) -> bytes:
    """Make an ELF object: header, the section, the names of sections, and last the section headers.

    Source: System V ABI, chapter 4.
    """
    order = ">" if big_endian else "<"
    names = b"\0" + name.encode() + b"\0.shstrtab\0"
    content_at = 64
    names_at = content_at + len(content)
    headers_at = names_at + len(names)
    ident = b"\x7fELF" + bytes([2, 2 if big_endian else 1, 1]) + bytes(9)
    header = ident + struct.pack(order + "HHIQQQIHHHHHH", 1, 62, 1, 0, 0, headers_at, 0, 64, 0, 0, 64, 3, 2)
    sections = [
        (0, 0, 0, 0),
        (1, 1, content_at, len(content)),
        (len(name) + 2, 3, names_at, len(names)),
    ]
    table = b"".join(
        struct.pack(order + "IIQQQQIIQQ", at, kind, 0, 0, offset, size, 0, 0, 1, 0)
        for at, kind, offset, size in sections
    )
    return header + content + names + table
