"""The modules of an image: whether all that an AoE root needs is there, whole, and for the right kernel."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from aoeinit.boot import contract
from aoeinit.errors import KernelError
from aoeinit.inspect.facts import module_folder
from aoeinit.inspect.findings import Finding, error, warning
from aoeinit.inspect.listing import shown
from aoeinit.inspect.tree import Tree
from aoeinit.kernel.ethernet import BUSES, ethernet_modules
from aoeinit.kernel.firmware import find_firmware
from aoeinit.kernel.index import Module, ModuleIndex
from aoeinit.kernel.modfile import read_module
from aoeinit.kernel.modinfo import ModInfo, read_modinfo
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


def check_modules(tree: Tree, sysroot: Path, release: str) -> list[Finding]:
    """List what is wrong with the modules of ``release`` that an AoE root needs, and with their firmware.

    Drivers are known by the folder they are in; in an image of ours, failing that, by their stage.
    """
    try:
        index = ModuleIndex.read(sysroot, release)
        wanted, findings = _wanted(index, _listed_drivers(tree))
        infos, broken = _read(index, wanted)
        findings += broken
        findings += _wrong_release(infos, release)
        pairs = [(module.name, name) for module, info in infos.items() for name in info.firmware]
        missing: dict[str, list[str]] = {}
        for each in find_firmware(sysroot, release, pairs).missing:
            missing.setdefault(each.module, []).append(each.name)
        findings += [
            warning(f"module {shown(module)} names firmware that is not in it: {shown(_some(names))}")
            for module, names in missing.items()
        ]
    except KernelError as failure:
        folder = module_folder(tree, release) or f"lib/modules/{release}"
        return [error(failure.message.replace(f"{sysroot}/", "/") or shown(folder))]
    return findings


def _listed_drivers(tree: Tree) -> set[str]:
    lines = [line.split() for line in (tree.text(contract.MODULES_FILE) or "").splitlines()]
    return {module_name(words[-1]) for words in lines if words[:2] == ["network", "required"]}


def _wanted(index: ModuleIndex, listed: set[str]) -> tuple[list[Module], list[Finding]]:
    """Choose the modules an AoE root needs; what is missing altogether is a finding."""
    findings = []
    aoe = index.module("aoe")
    if aoe is None and "aoe" not in index.builtins:
        findings.append(error("no aoe driver in it"))
    drivers = [
        module
        for module in ethernet_modules(index)
        if "/drivers/net/" in f"/{module.path}" and not module.path.startswith(NO_DRIVERS)
    ]
    drivers = drivers or [index.modules[name] for name in sorted(listed & index.modules.keys())]
    if not drivers:
        findings.append(error("no driver for an Ethernet interface in it"))
    findings += _busless(index, drivers)
    filesystems = [module for name, module in index.modules.items() if name in ROOTS]
    if not filesystems and not ROOTS & index.builtins:
        findings.append(error("no file system for a root in it"))
    return [*([aoe] if aoe else []), *drivers, *filesystems], findings


def _busless(index: ModuleIndex, drivers: list[Module]) -> Iterator[Finding]:
    """Find drivers whose bus only another module makes, which is not there."""
    for driver in drivers:
        schemes = {pattern.partition(":")[0] for pattern in index.alias_patterns.get(driver.name, ())}
        for bus in sorted(schemes & BUSES.keys() - {"pcmcia", "usb"}):
            if not any(index.module(name) or name in index.builtins for name in BUSES[bus]):
                find = error if len(drivers) == 1 else warning
                yield find(f"module {driver.name} has no bus {bus}: none of {', '.join(BUSES[bus])} is in it")


def _read(index: ModuleIndex, wanted: Iterable[Module]) -> tuple[dict[Module, ModInfo], list[Finding]]:
    """Read modules and all that they depend on, each once."""
    infos: dict[Module, ModInfo] = {}
    findings: list[Finding] = []
    todo = [(module, "") for module in wanted][::-1]
    seen: set[str] = set()
    while todo:
        module, needed_by = todo.pop()
        if module.name in seen:
            continue
        seen.add(module.name)
        try:
            info = read_modinfo(read_module(index.module_file(module)), module.name)
        except KernelError as failure:
            by = f", which {needed_by} needs" if needed_by else ""
            findings.append(error(f"module {module.name}{by}: {_inside(index, failure.message)}"))
            continue
        infos[module] = info
        for name in info.depends:
            found = index.module(name)
            if found is not None:
                todo.append((found, module.name))
            elif name not in index.builtins:
                findings.append(error(f"module {module.name} needs {shown(name)}, which is not in it"))
    return infos, findings


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def _inside(index: ModuleIndex, message: str) -> str:
    return shown(message.replace(f"{index.sysroot}/", "/"))


def _wrong_release(infos: dict[Module, ModInfo], release: str) -> Iterator[Finding]:
    for module, info in infos.items():
        if info.release != release:
            built_for = shown(info.release) or "(unknown)"
            yield error(f"module {module.name} was built for kernel {built_for}, not {release}")
