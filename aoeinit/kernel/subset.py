"""Indexes for the modules of an image only, as busybox's modprobe reads them."""

from collections.abc import Collection, Iterable, Iterator
from itertools import chain

from aoeinit.kernel.ethernet import BUSES, is_ethernet_driver
from aoeinit.kernel.index import Module, ModuleIndex
from aoeinit.kernel.names import uncompressed_path


def index_files(index: ModuleIndex, modules: Iterable[Module], builtins: Collection[str]) -> dict[str, bytes]:
    """Give modules.dep and modules.alias for a closure of modules that are stored unpacked.

    modules.builtin has the lines of ``builtins``, of Ethernet drivers and of their buses: so much can be told
    of an image's kernel without it.

    busybox knows no soft dependencies. So the modules that a driver wants before or after itself get the
    driver's own device aliases as well: whoever asks for the device gets them all, and one that fails harms
    no other. busybox loads the modules of an alias from the last line to the first (``modprobe_main`` of its
    modutils/modprobe.c): hence what comes before the driver stands below it, and the drivers that could all
    serve one device stand in the reverse of kmod's order, so that the same one gets it.
    """
    wanted = {module.name for module in modules}
    chosen = {name: module for name, module in reversed(index.modules.items()) if name in wanted}
    dependencies = (_dependency_line(index, module) for module in chosen.values())
    aliases = chain.from_iterable(_alias_lines(index, module, chosen) for module in chosen.values())
    return {
        "modules.dep": "".join(dependencies).encode(),
        "modules.alias": "".join(aliases).encode(),
        "modules.builtin": "".join(_builtin_lines(index, builtins)).encode(),
    }


def _builtin_lines(index: ModuleIndex, builtins: Collection[str]) -> Iterator[str]:
    named = {*builtins, *chain.from_iterable(BUSES.values())}
    for name, path in index.builtin_paths.items():
        if name in named or is_ethernet_driver(Module(name, path)):
            yield f"{path}\n"


def _dependency_line(index: ModuleIndex, module: Module) -> str:
    needed = "".join(f" {uncompressed_path(each.path)}" for each in index.dependencies(module.name))
    return f"{uncompressed_path(module.path)}:{needed}\n"


def _alias_lines(index: ModuleIndex, module: Module, chosen: dict[str, Module]) -> Iterator[str]:
    soft = index.soft_dependencies(module.name)
    below = [found.name for name in soft.pre for found in index.resolve(name) if found.name in chosen]
    above = [found.name for name in soft.post for found in index.resolve(name) if found.name in chosen]
    for pattern in index.alias_patterns.get(module.name, ()):
        names = [*above, module.name, *below] if ":" in pattern else [module.name]
        yield from (f"alias {pattern} {name}\n" for name in names)
