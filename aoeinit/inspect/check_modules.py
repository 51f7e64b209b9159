"""The modules of an image: whether all that an AoE root needs is there, whole, and for the right kernel."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aoeinit.boot import contract
from aoeinit.errors import KernelError
from aoeinit.inspect.facts import module_folder
from aoeinit.inspect.findings import Finding, error, warning
from aoeinit.inspect.listing import shown
from aoeinit.inspect.module_reading import ModuleReading
from aoeinit.inspect.tree import Tree
from aoeinit.kernel.ethernet import BUSES, ethernet_modules, is_ethernet_driver
from aoeinit.kernel.firmware import find_firmware
from aoeinit.kernel.index import Module, ModuleIndex
from aoeinit.kernel.names import module_name

ROOTS = frozenset(
    {
        "bcachefs",
        "btrfs",
        "erofs",
        "ext2",
        "ext3",
        "ext4",
        "f2fs",
        "jfs",
        "nilfs2",
        "reiserfs",
        "squashfs",
        "xfs",
    }
)
"""File systems that a root on a disk can have."""

NAMES_SHOWN = 3

NO_DRIVERS = ("kernel/drivers/net/phy/", "kernel/drivers/net/mdio/", "kernel/drivers/net/pcs/")
"""What is needed by drivers but is none."""


@dataclass(frozen=True, slots=True)
class Need:
    """Of what a root needs one module that is whole, or something built in; ``absent`` says there is none."""

    modules: tuple[Module, ...]
    built_in: bool
    absent: str


def check_modules(tree: Tree, sysroot: Path, release: str) -> list[Finding]:
    """List what is wrong with the modules of ``release`` that an AoE root needs, and with their firmware.

    Drivers are known by the folder they are in; in an image of ours, failing that, by their stage. A fault of
    one of several drivers or file systems is a warning while another of them is whole.
    """
    try:
        index = ModuleIndex.read(sysroot, release)
        reading = ModuleReading(index)
        findings: list[Finding] = []
        for need in _needs(index, _listed_drivers(tree)):
            findings += _unserved(reading, need)
        findings += map(warning, reading.doubts)
        findings += _without_firmware(index, reading)
    except KernelError as failure:
        folder = module_folder(tree, release) or f"lib/modules/{release}"
        return [error(failure.message.replace(f"{sysroot}/", "/") or shown(folder))]
    errors = {finding.text for finding in findings if finding.level == "error"}
    return [each for each in findings if each.level == "error" or each.text not in errors]


def _listed_drivers(tree: Tree) -> set[str]:
    lines = [line.split() for line in (tree.text(contract.MODULES_FILE) or "").splitlines()]
    return {module_name(words[-1]) for words in lines if words[:2] == ["network", "required"]}


def _needs(index: ModuleIndex, listed: set[str]) -> Iterator[Need]:
    """Choose the modules an AoE root needs."""
    aoe = index.module("aoe")
    yield Need((aoe,) if aoe else (), "aoe" in index.builtins, "no aoe driver in it")
    drivers = tuple(module for module in ethernet_modules(index) if _is_driver(module))
    built_in = (Module(name, path) for name, path in index.builtin_paths.items())
    yield Need(
        drivers or _uppermost(index, listed),
        any(is_ethernet_driver(module) and _is_driver(module) for module in built_in),
        "no driver for an Ethernet interface in it",
    )
    yield Need(
        tuple(module for name, module in index.modules.items() if name in ROOTS),
        bool(ROOTS & index.builtins),
        "no file system for a root in it",
    )


def _uppermost(index: ModuleIndex, listed: set[str]) -> tuple[Module, ...]:
    """Leave out what is listed because a driver needs it."""
    there = sorted((listed & index.modules.keys()).difference(*BUSES.values()))
    below = {needed.name for name in there for needed in index.dependencies(name)}
    return tuple(index.modules[name] for name in there if name not in below)


def _is_driver(module: Module) -> bool:
    return "/drivers/net/" in f"/{module.path}" and not module.path.startswith(NO_DRIVERS)


def _unserved(reading: ModuleReading, need: Need) -> Iterator[Finding]:
    if not need.modules and not need.built_in:
        yield error(need.absent)
    faults = [[*_busless(reading.index, each), *reading.faults(each)] for each in need.modules]
    find = warning if need.built_in or not all(faults) else error
    yield from (find(text) for each in faults for text in each)


def _busless(index: ModuleIndex, driver: Module) -> Iterator[str]:
    """Tell the bus of a driver that only another module makes, which is not there."""
    schemes = {pattern.partition(":")[0] for pattern in index.alias_patterns.get(driver.name, ())}
    for bus in sorted(schemes & BUSES.keys() - {"pcmcia", "usb"}):
        if not any(index.module(name) or name in index.builtins for name in BUSES[bus]):
            yield f"module {driver.name} has no bus {bus}: none of {', '.join(BUSES[bus])} is in it"


def _without_firmware(index: ModuleIndex, reading: ModuleReading) -> Iterator[Finding]:
    # Never an error: many drivers run without, and no file tells which.
    pairs = [(module.name, name) for module, info in reading.infos.items() for name in info.firmware]
    missing: dict[str, list[str]] = {}
    for each in find_firmware(index.sysroot, index.release, pairs).missing:
        missing.setdefault(each.module, []).append(each.name)
    for module, names in missing.items():
        yield warning(f"module {shown(module)} names firmware that is not in it: {shown(_some(names))}")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more
