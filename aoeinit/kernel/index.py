"""The module index of one kernel release: what depmod wrote down about its modules."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from aoeinit.errors import KernelError
from aoeinit.kernel.aliases import AliasLines, AliasTable
from aoeinit.kernel.content import locate, read_content
from aoeinit.kernel.names import module_name
from aoeinit.kernel.release import find_release

DEPMOD_AGAIN: Final = "make the file anew with depmod"


@dataclass(frozen=True, slots=True)
class Module:
    """A module on disk; ``path`` is relative to the folder of its release."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Builtin:
    """What could be a module but is part of the kernel itself."""

    name: str


@dataclass(frozen=True, slots=True)
class SoftDependencies:
    """What a module wants before and after itself but works without: names, aliases or modaliases."""

    pre: tuple[str, ...] = ()
    post: tuple[str, ...] = ()


class ModuleIndex:
    """What one kernel release has: modules, what they depend on, their aliases, and what is built in.

    Source: the index files of depmod(8). Each is read when it is first asked for; modules.alias takes longer
    than all the others. Every question raises :class:`KernelError` for an index that is missing (unless a
    kernel can do without it), cannot be read or makes no sense.
    """

    def __init__(self, sysroot: Path, release: str, folder: Path) -> None:
        self.sysroot = sysroot
        self.release = release
        self.folder = folder

    @classmethod
    def read(cls, sysroot: Path, release: str) -> "ModuleIndex":
        """Open the index of a release; raises :class:`KernelError` where there is no release or no index."""
        index = cls(sysroot, release, find_release(sysroot, release))
        index.require("modules.dep")
        return index

    def require(self, *names: str) -> None:
        """Raise :class:`KernelError` where an index that depmod always writes is not there."""
        for name in names:
            if self.file(name) is None:
                base = "" if self.sysroot == Path("/") else f"-b {self.sysroot} "
                raise KernelError(
                    f"kernel {self.release} has no {name} in {self.folder}",
                    f"make it with: depmod {base}{self.release}",
                )

    def file(self, path: str) -> Path | None:
        """Find a file of the release, links followed inside the sysroot; ``None`` where it is not there."""
        found = locate(self.sysroot, f"{self.folder.relative_to(self.sysroot)}/{path}")
        return None if found is None else found.file

    def module_file(self, module: Module) -> Path:
        """Find the file of a module; raises :class:`KernelError` where it is gone."""
        path = self.file(module.path)
        if path is None:
            raise KernelError(
                f"{self.folder / module.path} is listed in modules.dep but not there",
                "install the kernel's package again, or make modules.dep anew with depmod",
            )
        return path

    @cached_property
    def modules(self) -> dict[str, Module]:
        """Every module by its name, in the order of modules.dep."""
        return {name: Module(name, line.partition(":")[0]) for name, line in self._dependency_lines.items()}

    @cached_property
    def builtins(self) -> frozenset[str]:
        """The names of what is built in (modules.builtin)."""
        return frozenset(self.builtin_paths)

    @cached_property
    def builtin_paths(self) -> dict[str, str]:
        """The paths that what is built in would have as modules, by name."""
        return {module_name(line): line for line in self._text("modules.builtin").splitlines() if line}

    def module(self, name: str) -> Module | None:
        """Find the module of that very name, in the kernel's spelling."""
        line = self._dependency_lines.get(name)
        return None if line is None else Module(name, line.partition(":")[0])

    def dependencies(self, name: str) -> tuple[Module, ...]:
        """List all that a module cannot be loaded without, in the order of modules.dep.

        depmod lists the dependencies of dependencies too, each after those that need it.
        """
        paths = self._dependency_lines[name].partition(":")[2].split()
        return tuple(Module(module_name(path), path) for path in paths)

    def soft_dependencies(self, name: str) -> SoftDependencies:
        """Tell what a module wants; of several lines about it only the first counts, as for kmod."""
        return self._soft_dependencies.get(name, SoftDependencies())

    def resolve(self, name_or_alias: str) -> tuple[Module | Builtin, ...]:
        """Find what a name or an alias stands for; nothing where the kernel has nothing for it.

        In the order in which kmod asks (libkmod, ``kmod_module_new_from_lookup``): a module's name, the
        aliases of modules, a built-in's name, the aliases of built-ins. The first that knows it decides.
        """
        name = module_name(name_or_alias) if ":" not in name_or_alias else name_or_alias
        named = self.module(name)
        if named is not None:
            return (named,)
        aliased = tuple(filter(None, map(self.module, self._aliases.lookup(name_or_alias))))
        if aliased:
            return aliased
        if name in self.builtins:
            return (Builtin(name),)
        return tuple(map(Builtin, self._builtin_aliases.lookup(name_or_alias)))

    @cached_property
    def alias_patterns(self) -> dict[str, list[str]]:
        """The alias patterns of every module that has any."""
        return self._aliases.patterns()

    @cached_property
    def _dependency_lines(self) -> dict[str, str]:
        lines = [line for line in self._text("modules.dep").splitlines() if line]
        for line in lines:
            if ":" not in line:
                raise KernelError(
                    f"{self.folder}/modules.dep: {line[:80]!r} is no list of dependencies",
                    DEPMOD_AGAIN,
                )
        return {module_name(line[: line.index(":")]): line for line in lines}

    @cached_property
    def _soft_dependencies(self) -> dict[str, SoftDependencies]:
        found: dict[str, SoftDependencies] = {}
        for line in self._text("modules.softdep").splitlines():
            match line.split():
                case ["softdep", name, *words]:
                    found.setdefault(module_name(name), _soft_dependencies(words))
        return found

    @cached_property
    def _aliases(self) -> AliasLines:
        return AliasLines(self._text("modules.alias"))

    @cached_property
    def _builtin_aliases(self) -> AliasTable:
        return AliasTable(self._builtin_alias_pairs())

    def _builtin_alias_pairs(self) -> Iterator[tuple[str, str]]:
        # Strings "NAME.KEY=VALUE", each ended by a zero byte (Documentation/kbuild/kbuild.rst).
        for entry in self._text("modules.builtin.modinfo").split("\0"):
            key, _, alias = entry.partition("=")
            name, _, field = key.partition(".")
            if field == "alias":
                yield alias, module_name(name)

    def _text(self, name: str) -> str:
        # An index that is not there says nothing: kernels without built-in aliases have no file for them.
        path = self.file(name)
        if path is None:
            return ""
        try:
            return read_content(path).decode()
        except UnicodeDecodeError as error:
            raise KernelError(f"{path} is not text: {error}", DEPMOD_AGAIN) from error


def _soft_dependencies(words: list[str]) -> SoftDependencies:
    # Words before the first "pre:" or "post:" mean nothing (modprobe.d(5), softdep).
    lists: dict[str, list[str]] = {"pre:": [], "post:": []}
    current: list[str] = []
    for word in words:
        if word in lists:
            current = lists[word]
        else:
            current.append(word)
    return SoftDependencies(tuple(lists["pre:"]), tuple(lists["post:"]))
