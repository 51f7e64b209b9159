"""The stages of a boot: which modules an image carries, and when the agent loads each."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from aoeinit.config import ALL, HOST, Settings
from aoeinit.errors import KernelError
from aoeinit.kernel.closure import LoadOrder, load_order
from aoeinit.kernel.ethernet import driver_modules, ethernet_modules, hardware_modules, is_network_driver
from aoeinit.kernel.hardware import NetworkInterface
from aoeinit.kernel.index import Module, ModuleIndex


@dataclass(frozen=True, slots=True)
class PlannedModule:
    """A module of the image; ``stage`` is ``None`` for one that the agent loads by alias, if at all."""

    module: Module
    stage: str | None
    required: bool


@dataclass(frozen=True, slots=True)
class StagePlan:
    """The modules in the order of the stages, what is built in, and what the user should know."""

    modules: tuple[PlannedModule, ...]
    builtins: tuple[str, ...]
    warnings: tuple[str, ...]


def plan_stages(
    index: ModuleIndex,
    settings: Settings,
    filesystems: Iterable[str],
    interfaces: Collection[NetworkInterface],
) -> StagePlan:
    """Decide which modules an image needs, and when each is loaded.

    Raises :class:`KernelError` for a name or a file system that the kernel does not have, and for a machine
    whose interfaces it has no driver for.
    """
    named, warnings = _named_drivers(index, settings.nic)
    if HOST in settings.nic:
        hardware, unserved = _hardware(index, interfaces)
        named += hardware
        warnings += unserved
    names: list[tuple[str | None, Iterable[str]]] = [
        ("early", settings.module),
        ("network", named),
        ("filesystem", [_filesystem(index, name) for name in filesystems]),
        ("overlay", ["overlay"] if index.resolve("overlay") else ()),
        ("aoe", ["aoe"]),
        (None, _names(ethernet_modules(index)) if ALL in settings.nic else ()),
    ]
    orders = [(stage, load_order(index, each)) for stage, each in names]
    soft = dict.fromkeys(each for _, order in orders for each in order.missing)
    return StagePlan(
        modules=_join(orders),
        builtins=tuple(dict.fromkeys(name for _, order in orders for name in order.builtin)),
        warnings=(
            *warnings,
            *(f"kernel {index.release} lacks {each.name}, which module {each.module} wants" for each in soft),
        ),
    )


def _named_drivers(index: ModuleIndex, nics: Iterable[str]) -> tuple[list[str], list[str]]:
    """Name the drivers that were asked for by name, each with what it is useless without."""
    names: list[str] = []
    warnings: list[str] = []
    for name in nics:
        if name in {HOST, ALL}:
            continue
        drivers = [found for found in index.resolve(name) if isinstance(found, Module)]
        names += [*(each for driver in drivers for each in _names(driver_modules(index, driver))), name]
        warnings += [
            f"--nic {name}: {driver.name} is no network driver; for other modules there is --module"
            for driver in drivers
            if not is_network_driver(driver)
        ]
    return names, warnings


def _hardware(index: ModuleIndex, interfaces: Collection[NetworkInterface]) -> tuple[list[str], list[str]]:
    """Name the drivers of this machine's interfaces, and warn of an interface for which there is none."""
    found = hardware_modules(index, interfaces)
    if len(found.unserved) == len(interfaces):
        seen = ", ".join(f"{each.name} ({each.device})" for each in found.unserved)
        raise KernelError(
            f"kernel {index.release} has no driver for this machine's interfaces: {seen}"
            if seen
            else "this machine has no wired Ethernet interface that --nic host could go by",
            "name the driver, as in --nic e1000, or take all with --nic all",
        )
    warnings = [
        f"kernel {index.release} has no driver for interface {each.name} ({each.device})"
        for each in found.unserved
    ]
    return [*_names(found.modules)], warnings


def _names(modules: Iterable[Module]) -> Iterator[str]:
    return (module.name for module in modules)


def _filesystem(index: ModuleIndex, name: str) -> str:
    # File systems ask for themselves as "fs-NAME" (MODULE_ALIAS_FS, include/linux/fs.h), which also tells
    # that ext4 serves ext3.
    if index.resolve(f"fs-{name}"):
        return f"fs-{name}"
    # The indexes of a built-in one may lack its aliases.
    for found in index.resolve(name):
        if not isinstance(found, Module) or "/fs/" in found.path:
            return name
    raise KernelError(
        f"kernel {index.release} has no file system {name}",
        "name the type of the root file system as mount does: --filesystem ext4",
    )


def _join(orders: Iterable[tuple[str | None, LoadOrder]]) -> tuple[PlannedModule, ...]:
    """Join the load orders: each module once, in the first stage that wants it, required if any does."""
    stages: dict[Module, str | None] = {}
    required: set[Module] = set()
    for stage, order in orders:
        for item in order.items:
            stages.setdefault(item.module, stage)
            # What is loaded by alias is asked for by the hardware, if at all.
            if item.required and stage is not None:
                required.add(item.module)
    return tuple(PlannedModule(module, stage, module in required) for module, stage in stages.items())
