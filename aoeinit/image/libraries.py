"""The shared libraries of a program, found where the dynamic loader would find them, without running it.

Sources: ld.so(8), ldconfig(8) and, for the order of the search, the System V ABI, chapter 5; for musl's
loader its manual. The loader's cache is left aside: ``ld.so.conf``, from which it was made, is read instead.
Variants for special processors (``glibc-hwcaps``) are left out: the plain library runs on all of them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import basename, dirname

from aoeinit.errors import ProgramError
from aoeinit.image.elf import Elf, read_elf
from aoeinit.image.ldconf import configured_folders, musl_folders
from aoeinit.sysroot import Resolved, resolve

MUSL_INTERPRETER = re.compile(r"ld-musl-(?P<arch>[^/]+)\.so\.1$")
# Parts of musl's C library under the names that other systems give them: its loader knows them to be itself.
MUSL_OWN = re.compile(r"lib(c|pthread|rt|m|dl|util|xnet)\.")
MUSL_DEFAULT = ("/lib", "/usr/local/lib", "/usr/lib")

TOKEN = re.compile(r"\$(?:(ORIGIN|LIB|PLATFORM)\b|\{(ORIGIN|LIB|PLATFORM)\})")
# What the kernel tells the loader of the processor (AT_PLATFORM), in its plainest form.
PLATFORM = {"EM_X86_64": "x86_64", "EM_386": "i686", "EM_AARCH64": "aarch64"}


@dataclass(frozen=True, slots=True)
class Library:
    """A shared library, or the loader itself, as a program gets it.

    ``path`` is the absolute path that the loader opens, ``file`` where that leads. ``alias`` is set where
    only the loader's configuration leads there: a path where a loader without any will find the library.
    """

    name: str
    path: str
    file: Resolved
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """A library that is not there: who wants it, and the folders where it was looked for."""

    name: str
    wanted_by: str
    searched: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Closure:
    """All that a program needs loaded: the interpreter first, then libraries in the order of loading."""

    libraries: tuple[Library, ...]
    missing: tuple[Missing, ...]


@dataclass(frozen=True, slots=True)
class _Rules:
    """Where one loader looks, besides what a file says itself; ``lib`` is what it puts for ``$LIB``."""

    configured: tuple[str, ...]
    default: tuple[str, ...]
    lib: str
    musl: bool


@dataclass(slots=True)
class _Loaded:
    """A file that is loaded: every name by which it is known, and the one that asked for it first."""

    library: Library
    elf: Elf
    names: set[str]
    loader: "_Loaded | None" = None

    @property
    def chain(self) -> "Iterator[_Loaded]":
        """The file itself, the one that asked for it, and so on to the program."""
        loaded: _Loaded | None = self
        while loaded:
            yield loaded
            loaded = loaded.loader


@dataclass(slots=True)
class Loader:
    """The dynamic loader of one sysroot; it reads each file once, so that many programs cost little more."""

    sysroot: Path
    _elves: dict[str, Elf] = field(default_factory=dict)
    _rules: dict[str, _Rules] = field(default_factory=dict)

    def closure(self, program: str) -> Closure:
        """Find what ``program``, an ELF file inside the sysroot, needs; a static one needs nothing.

        What is missing is returned. Raises :class:`ProgramError` when the program, or a file that the loader
        would take for one of its libraries, cannot be read.
        """
        file = self._program(program)
        elf = self._read(file)
        if elf.interpreter is None:
            return Closure((), ())
        # The program's $ORIGIN is where it really is; a library's is where the loader found it.
        main = _Loaded(Library(program, f"/{file.path}", file), elf, set())
        interpreter = resolve(self.sysroot, elf.interpreter)
        if interpreter is None:
            return Closure((), (Missing(elf.interpreter, main.library.path, (dirname(elf.interpreter),)),))
        return self._load(main, Library(elf.interpreter, elf.interpreter, interpreter))

    def uses_origin(self, program: str) -> bool:
        """Tell whether ``program`` names folders that count from its own: it cannot be moved alone."""
        elf = self._read(self._program(program))
        return any("ORIGIN" in it for it in elf.rpath + elf.runpath + elf.needed)

    def _load(self, main: _Loaded, interpreter: Library) -> Closure:
        rules = self._loader_rules(interpreter)
        loaded = [main, self._loaded(interpreter, main)]
        missing: dict[str, Missing] = {}
        for wanting in loaded:  # grows while it is gone through: breadth first
            for name in _wanted(wanting, rules):
                if name in missing or any(name in other.names for other in loaded):
                    continue
                if rules.musl and MUSL_OWN.match(name):
                    continue
                library = self._find(name, wanting, main.elf, rules)
                if library is None:
                    searched = tuple(folder for folder, _ in _search(name, wanting, rules))
                    missing[name] = Missing(name, wanting.library.path, searched)
                    continue
                twin = next((it for it in loaded if it.library.file.path == library.file.path), None)
                if twin:
                    twin.names.add(name)
                else:
                    loaded.append(self._loaded(library, wanting))
        return Closure(tuple(it.library for it in loaded[1:]), tuple(missing.values()))

    def _find(self, name: str, wanting: _Loaded, program: Elf, rules: _Rules) -> Library | None:
        for folder, configured in _search(name, wanting, rules):
            path = f"{folder}/{basename(name)}"
            file = resolve(self.sysroot, path)
            if file and file.file.is_file() and self._read(file).architecture == program.architecture:
                alias = f"{rules.default[0]}/{name}" if configured else None
                return Library(name, path, file, alias)
        return None

    def _loaded(self, library: Library, wanting: _Loaded) -> _Loaded:
        elf = self._read(library.file)
        names = {library.name, library.path, elf.soname or library.name}
        return _Loaded(library, elf, names, wanting)

    def _program(self, program: str) -> Resolved:
        file = resolve(self.sysroot, program)
        if file is None:
            raise ProgramError(f"no program /{program.lstrip('/')} in {self.sysroot}")
        return file

    def _read(self, file: Resolved) -> Elf:
        if file.path not in self._elves:
            self._elves[file.path] = read_elf(file.file)
        return self._elves[file.path]

    def _loader_rules(self, interpreter: Library) -> _Rules:
        if interpreter.path not in self._rules:
            self._rules[interpreter.path] = _rules(self.sysroot, interpreter)
        return self._rules[interpreter.path]


def _rules(sysroot: Path, interpreter: Library) -> _Rules:
    musl = MUSL_INTERPRETER.search(interpreter.path)
    if musl:
        folders = musl_folders(sysroot, musl["arch"])
        return _Rules(folders or (), MUSL_DEFAULT if folders is None else MUSL_DEFAULT[:1], "lib", musl=True)
    # glibc is built for one pair of folders, and its loader is installed in one of them: lib/x86_64-linux-gnu
    # on Debian, lib64 on Fedora, lib elsewhere. Debian's looks into plain lib as well.
    lib = dirname(interpreter.file.path).removeprefix("usr/")
    plain = ("/lib", "/usr/lib") if "/" in lib else ()
    default = (f"/{lib}", f"/usr/{lib}", *plain)
    own = {_real(sysroot, folder) for folder in default}
    configured = (folder for folder in configured_folders(sysroot) if _real(sysroot, folder) not in own)
    return _Rules(tuple(configured), default, lib, musl=False)


def _real(sysroot: Path, folder: str) -> str:
    resolved = resolve(sysroot, folder)
    return resolved.path if resolved else folder


def _wanted(wanting: _Loaded, rules: _Rules) -> Iterator[str]:
    """List the names that a file needs; one with a slash in it is a path, and may have tokens."""
    for name in wanting.elf.needed:
        expanded = tuple(_expand((name,), wanting, rules)) if "/" in name else ()
        yield from expanded or (name,)


def _search(name: str, wanting: _Loaded, rules: _Rules) -> Iterator[tuple[str, bool]]:
    """List the folders for ``name`` in order, each with whether only the configuration names it."""
    if "/" in name:
        yield dirname(name), False
        return
    if rules.musl:
        for loaded in wanting.chain:
            yield from ((it, False) for it in _expand(loaded.elf.runpath or loaded.elf.rpath, loaded, rules))
    else:
        if not wanting.elf.runpath:
            for loaded in wanting.chain:
                yield from ((it, False) for it in _expand(loaded.elf.rpath, loaded, rules))
        yield from ((it, False) for it in _expand(wanting.elf.runpath, wanting, rules))
    yield from ((folder, True) for folder in rules.configured)
    if wanting.elf.default_folders:
        yield from ((folder, False) for folder in rules.default)


def _expand(folders: tuple[str, ...], loaded: _Loaded, rules: _Rules) -> Iterator[str]:
    """Put in what ``$ORIGIN`` and the like stand for; skip what depends on the working folder."""
    values = {
        "ORIGIN": dirname(loaded.library.path),
        "LIB": rules.lib,
        "PLATFORM": PLATFORM.get(loaded.elf.architecture[2], ""),
    }
    for folder in folders:
        path = TOKEN.sub(lambda token: values[token[1] or token[2]], folder)
        if path.startswith("/"):
            yield path
