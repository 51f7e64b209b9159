"""Programs for the image: each with its libraries, its interpreter and every link on the way to them."""

import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from posixpath import dirname

from aoeinit.elf_tables import is_static
from aoeinit.errors import ProgramError
from aoeinit.image.entries import Directory, Entry, File, Symlink
from aoeinit.sysroot import Resolved, resolve

FOLDERS = ("usr/sbin", "usr/bin", "sbin", "bin")
ELF_MAGIC = b"\x7fELF"
EXECUTABLE = 0o111
# What the kernel reads of a script's first line, and how often it goes from script to script (execve(2)).
SCRIPT_LINE = 256
SCRIPT_DEPTH = 4
REINSTALL = "reinstall the package that it belongs to"


def find_program(sysroot: Path, program: str) -> str:
    """Return the path, from the sysroot and without a leading slash, of a program given by name or path.

    Raises :class:`ProgramError` where there is no such program or the file is not one that can be run.
    """
    named = [program.lstrip("/")]
    paths = named if "/" in program else [f"{folder}/{program}" for folder in FOLDERS]
    for path in paths:
        file = resolve(sysroot, path)
        if file and _is_executable(file):
            return path
    raise ProgramError(
        f"no program {program!r} in {sysroot}",
        "looked for " + ", ".join(f"/{path}" for path in paths) + "; install the package that holds it",
    )


def program_entries(
    sysroot: Path, path: str, destination: str | None = None, *, provided: Collection[str] = ()
) -> tuple[Entry, ...]:
    """Make the entries for the program at ``path`` in the sysroot, to be at ``destination`` in the image.

    A dynamic program brings its libraries, a script its interpreter (and what ``env`` starts), each with the
    symbolic links on the way. ``provided`` are paths, such as ``bin/sh``, that the image has by other means:
    an interpreter among them is not brought. Everything has mode 0755: no set-user-ID bit is carried.

    A program that finds libraries from where it is itself (``$ORIGIN``) stays there; ``destination`` then is
    a link to it. Raises :class:`ProgramError` when the program cannot be read or something it needs is
    missing, naming what, who wants it and where it was looked for.
    """
    path = find_program(sysroot, path if "/" in path else f"/{path}")
    return tuple(dict.fromkeys(_program(sysroot, path, destination, frozenset(provided), SCRIPT_DEPTH)))


def _program(
    sysroot: Path, path: str, destination: str | None, provided: frozenset[str], depth: int
) -> Iterator[Entry]:
    file = _existing(sysroot, path)
    content = read_program(file)
    needed: tuple[Entry, ...] = ()
    movable = True
    if content.startswith(ELF_MAGIC):
        if not _is_static(file, content):
            needed, movable = _dynamic_entries(sysroot, path)
    elif content.startswith(b"#!"):
        if not depth:
            raise ProgramError(f"/{path} in {sysroot} is a script run by a script, too many times over")
        for interpreter in _interpreters(sysroot, file, content):
            if interpreter not in provided:
                needed += tuple(_program(sysroot, interpreter, None, provided, depth - 1))
    else:
        raise ProgramError(f"/{path} in {sysroot} is neither an ELF program nor a script")
    moved = destination is not None and destination.lstrip("/") not in {path, file.path}
    if moved and movable:
        yield File(str(destination).lstrip("/"), content, 0o755)
    else:
        yield from _way(sysroot, path)
        yield File(file.path, content, 0o755)
        if moved:
            yield Symlink(str(destination).lstrip("/"), f"/{file.path}")
    yield from needed


def _is_static(file: Resolved, content: bytes) -> bool:
    try:
        return is_static(content)
    except ValueError as error:
        raise ProgramError(f"{file.file} is not a usable ELF file: {error}", REINSTALL) from error


def _dynamic_entries(sysroot: Path, path: str) -> tuple[tuple[Entry, ...], bool]:
    """List the libraries of a dynamic program, and tell whether it may be moved to another folder."""
    # Only here: scripts and the commands that read no program shall not pay for pyelftools.
    from aoeinit.image.libraries import Loader  # noqa: PLC0415

    loader = Loader(sysroot)
    closure = loader.closure(path)
    for missing in closure.missing:
        raise ProgramError(
            f"{missing.wanted_by} needs {missing.name}, which is not in {sysroot}",
            f"looked in {', '.join(missing.searched) or 'no folder'}; install the package that holds it",
        )
    entries: list[Entry] = []
    for library in closure.libraries:
        entries.extend(_way(sysroot, library.path))
        entries.append(File(library.file.path, read_program(library.file), 0o755))
        if library.alias:
            entries.extend(_way(sysroot, dirname(library.alias)))
            entries.append(Symlink(library.alias.lstrip("/"), f"/{library.file.path}"))
    return tuple(entries), not loader.uses_origin(path)


def _interpreters(sysroot: Path, file: Resolved, content: bytes) -> Iterator[str]:
    """Find the program that a script's first line names and, if that is ``env``, the one it starts."""
    line = os.fsdecode(content[2:SCRIPT_LINE].partition(b"\n")[0])
    words = line.split()
    if not words:
        raise ProgramError(f"{file.file} names no interpreter in its first line")
    try:
        yield find_program(sysroot, words[0] if "/" in words[0] else f"/{words[0]}")
        if words[0].endswith("/env"):
            started = (word for word in words[1:] if not word.startswith("-") and "=" not in word)
            yield from (find_program(sysroot, word) for word in list(started)[:1])
    except ProgramError as error:
        raise ProgramError(f"the interpreter of {file.file}: {error.message}", error.hint) from error


def _way(sysroot: Path, path: str) -> Iterator[Entry]:
    """List the links on the way along ``path``, and the folders that it leaves again by ``..``."""
    walked = [path]
    for link, target in _existing(sysroot, path).links:
        yield Symlink(link, target)
        walked.append(target if target.startswith("/") else f"{dirname(link)}/{target}")
    for names in (step.split("/") for step in walked):
        for index, name in enumerate(names):
            if name == ".." and (folder := _existing(sysroot, "/".join(names[:index]))).path:
                yield Directory(folder.path)


def _existing(sysroot: Path, path: str) -> Resolved:
    file = resolve(sysroot, path)
    if file is None:
        raise ProgramError(f"no file /{path.lstrip('/')} in {sysroot}")
    return file


def _is_executable(file: Resolved) -> bool:
    mode = os.stat(file.file).st_mode
    return stat.S_ISREG(mode) and bool(mode & EXECUTABLE)


def read_program(file: Resolved) -> bytes:
    """Read a whole program or library; raises :class:`ProgramError` where that fails."""
    try:
        return file.file.read_bytes()
    except OSError as error:
        raise ProgramError(f"cannot read {file.file}: {error.strerror}") from error
