"""The part of an ELF file that says what it needs at run time: its interpreter and its dynamic section.

Read as the dynamic loader reads it, through the program headers; a file without section headers is as good.
Source: System V ABI, chapter 5, and elf(5).
"""

from dataclasses import dataclass
from pathlib import Path

from elftools.elf.dynamic import Dynamic
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import InterpSegment

from aoeinit.errors import ProgramError

DF_1_NODEFLIB = 0x800


@dataclass(frozen=True, slots=True)
class Elf:
    """What a program or library asks of the dynamic loader.

    ``architecture`` is what two files must have in common to be loaded together: class in bits, whether
    little-endian, machine. ``rpath`` and ``runpath`` are as they were written, with ``$ORIGIN`` and the like;
    ``rpath`` is empty where there is a ``runpath``, which takes its place. ``default_folders`` is false for a
    file linked with ``-z nodefaultlib``.
    """

    architecture: tuple[int, bool, str]
    interpreter: str | None = None
    needed: tuple[str, ...] = ()
    soname: str | None = None
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    default_folders: bool = True


def read_elf(file: Path) -> Elf:
    """Read what ``file`` asks of the loader; raises :class:`ProgramError` for what is no (whole) ELF file."""
    try:
        with file.open("rb") as stream:
            return _read(ELFFile(stream))
    except OSError as error:
        raise ProgramError(f"cannot read {file}: {error.strerror}") from error
    except Exception as error:
        # pyelftools meets damage with errors of its own and with those of Python, assertions among them.
        raise ProgramError(
            f"{file} is not a usable ELF file: {str(error) or type(error).__name__}",
            "reinstall the package that it belongs to",
        ) from error


def _read(elf: ELFFile) -> Elf:
    interpreter = None
    tags: list[tuple[str, object]] = []
    for segment in elf.iter_segments():
        if isinstance(segment, InterpSegment):
            interpreter = segment.get_interp_name()
        elif segment["p_type"] == "PT_DYNAMIC":
            tags = _tags(Dynamic(elf.stream, elf, None, segment["p_offset"], segment["p_filesz"] == 0))
    texts = {tag: str(value) for tag, value in tags}
    runpath = _folders(texts.get("DT_RUNPATH", ""))
    flags = next((value for tag, value in tags if tag == "DT_FLAGS_1"), 0)
    return Elf(
        (elf.elfclass, elf.little_endian, str(elf["e_machine"])),
        interpreter,
        tuple(str(value) for tag, value in tags if tag == "DT_NEEDED"),
        texts.get("DT_SONAME"),
        () if "DT_RUNPATH" in texts else _folders(texts.get("DT_RPATH", "")),
        runpath,
        not (isinstance(flags, int) and flags & DF_1_NODEFLIB),
    )


def _tags(dynamic: Dynamic) -> list[tuple[str, object]]:
    names = {"DT_NEEDED": "needed", "DT_SONAME": "soname", "DT_RPATH": "rpath", "DT_RUNPATH": "runpath"}
    found = []
    for tag in dynamic.iter_tags():
        kind = str(tag.entry.d_tag)
        found.append((kind, getattr(tag, names[kind]) if kind in names else tag.entry.d_val))
    return found


def _folders(path: str) -> tuple[str, ...]:
    return tuple(folder for folder in path.split(":") if folder)
