"""The closure of modules: all that has to be loaded, in the order in which to load it."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter

from aoeinit.errors import KernelError
from aoeinit.kernel.index import DEPMOD_AGAIN, Builtin, Module, ModuleIndex
from aoeinit.kernel.names import normalised_alias


@dataclass(frozen=True, slots=True)
class LoadItem:
    """A module to load; one that is not ``required`` is a soft dependency and may fail without harm."""

    module: Module
    required: bool


@dataclass(frozen=True, slots=True)
class MissingSoftDependency:
    """A soft dependency of a module that the kernel neither has as a module nor built in."""

    module: str
    name: str


@dataclass(frozen=True, slots=True)
class LoadOrder:
    """What to load, each module once and after all it needs; and what needs no loading."""

    items: tuple[LoadItem, ...]
    builtin: tuple[str, ...]
    missing: tuple[MissingSoftDependency, ...]


def load_order(index: ModuleIndex, names: Iterable[str]) -> LoadOrder:
    """Put modules, aliases and all they need in the load order that ``modprobe --show-depends`` prints.

    Raises :class:`KernelError` for a name that the kernel does not know, and for a circle among dependencies
    that are not soft.
    """
    walk = _Walk(index)
    required: set[str] = set()
    for name in names:
        for found in _known(index, name):
            walk.visit(found, name)
            if isinstance(found, Module):
                required.update({found.name}, (module.name for module in index.dependencies(found.name)))
    _refuse_circle(index, walk.modules)
    items = tuple(LoadItem(module, module.name in required) for module in walk.modules)
    return LoadOrder(items, tuple(walk.builtins), tuple(walk.missing))


def _known(index: ModuleIndex, name: str) -> tuple[Module | Builtin, ...]:
    found = index.resolve(name)
    if not found:
        near = get_close_matches(name.replace("-", "_"), [*index.modules, *index.builtins])
        hint = f"did you mean {' or '.join(near)}?" if near else f"{index.folder} lists what there is"
        raise KernelError(f"kernel {index.release} has no module or alias {name}", hint)
    return found


class _Walk:
    """One walk from the modules asked for, depth first.

    Source: libkmod-module.c of kmod, ``kmod_module_get_probe_list``. A module comes after its dependencies,
    these from the last in modules.dep to the first; each of them, and the module itself, stands between its
    own soft dependencies. A soft dependency is visited as if it had been asked for, unless it was already,
    *by the same name*: that is how kmod breaks circles of soft dependencies, and the order depends on it.
    """

    def __init__(self, index: ModuleIndex) -> None:
        self._index = index
        self._visited: set[tuple[str, str]] = set()
        # Dictionaries as ordered sets.
        self.modules: dict[Module, None] = {}
        self.builtins: dict[str, None] = {}
        self.missing: dict[MissingSoftDependency, None] = {}

    def visit(self, found: Module | Builtin, asked: str) -> None:
        """Add a module that was asked for by ``asked``, its name or an alias, with all it needs."""
        visit = found.name, normalised_alias(asked)
        if visit in self._visited:
            return
        self._visited.add(visit)
        if isinstance(found, Module):
            for dependency in reversed(self._index.dependencies(found.name)):
                self._add(dependency)
            self._add(found)
        else:
            self.builtins[found.name] = None

    def _add(self, module: Module) -> None:
        if self._index.module(module.name) is None:
            raise KernelError(
                f"{self._index.folder}/modules.dep needs {module.path} but does not list it",
                DEPMOD_AGAIN,
            )
        soft = self._index.soft_dependencies(module.name)
        self._visit_soft(module, soft.pre)
        self.modules[module] = None
        self._visit_soft(module, soft.post)

    def _visit_soft(self, module: Module, names: Iterable[str]) -> None:
        for name in names:
            found = self._index.resolve(name)
            if not found:
                self.missing[MissingSoftDependency(module.name, name)] = None
            for each in found:
                self.visit(each, name)


def _refuse_circle(index: ModuleIndex, modules: Iterable[Module]) -> None:
    graph = {
        module.name: [dependency.name for dependency in index.dependencies(module.name)] for module in modules
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise KernelError(
            f"modules of kernel {index.release} depend on each other in a circle: {circle}",
            "make modules.dep anew with depmod; if that does not help, the kernel package is broken",
        ) from error
