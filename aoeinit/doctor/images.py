"""The images: whether each is whole, for its kernel, and as new as its modules and the configuration."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from aoeinit import __version__
from aoeinit.boot import contract
from aoeinit.config import HOST
from aoeinit.config_files import FILE
from aoeinit.doctor.findings import Finding, graded, warning
from aoeinit.doctor.system import Kernel, ReadImage, System, listed_targets, target_of
from aoeinit.errors import AoeinitError
from aoeinit.inspect.check import WAY_OUT
from aoeinit.inspect.check_knowledge import knows_aoe
from aoeinit.inspect.tree import content_of
from aoeinit.kernel.ethernet import require_aoe
from aoeinit.kernel.index import ModuleIndex
from aoeinit.kernel.modfile import read_module
from aoeinit.kernel.names import module_name, uncompressed_path
from aoeinit.stages import plan_stages

SHOWN: Final = 3


def examine(system: System) -> Iterator[Finding]:
    """Look at the image of every kernel that may be booted."""
    for kernel in system.kernels:
        if kernel.image is None:
            what = f"kernel {kernel.release} has no image"
            yield graded(what, system.build(kernel.release), fatal=kernel.is_next)
            continue
        image = system.images.get(kernel.image)
        if isinstance(image, AoeinitError):
            yield graded(image.message, system.build(kernel.release), fatal=kernel.is_next)
        elif image:
            yield from _of(system, kernel, image)


def _of(system: System, kernel: Kernel, image: ReadImage) -> Iterator[Finding]:
    path, fix = f"/{kernel.image}", system.build(kernel.release)
    if not image.facts.about:
        fix += f"; so that it stays: {system.command('hooks install --yes')}"
    for each in image.findings:
        if each.level == "error":
            yield graded(f"{path}: {each.text.removesuffix(WAY_OUT)}", fix, fatal=kernel.is_next)
    yield from _of_system(system, kernel, image, path, fix)
    if not image.facts.about:
        yield from _of_another_tool(image, path, fix)
        return
    version = image.facts.about.get("version")
    if version != __version__:
        yield warning(f"{path} was made by aoeinit {version}, and this is {__version__}", fix)
    yield from _of_settings(system, kernel, image, path, fix)


def _of_another_tool(image: ReadImage, path: str, fix: str) -> Iterator[Finding]:
    if knows_aoe(image.tree):  # else that is among the errors
        yield warning(
            f"{path} was made by {image.facts.builder or 'an unknown tool'}: whether it finds an AoE target "
            "is not known, and the driver gives up after aoe_deadsecs, 180 s",
            fix,
        )


def _of_system(system: System, kernel: Kernel, image: ReadImage, path: str, fix: str) -> Iterator[Finding]:
    """Compare the image with the kernel's modules as they are now."""
    try:
        index = ModuleIndex.read(system.sysroot, image.release)
        require_aoe(index)
        if not image.facts.about:
            return
        old = [name for name in _listed(image) if _differs(index, image, name)]
        lacking = list(_lacking(system, index, image))
    except AoeinitError as failure:
        yield graded(failure.message, failure.hint or fix, fatal=kernel.is_next)
        return
    if old:
        yield warning(f"{path} is older than the modules of {image.release}: {_some(old)} differ", fix)
    for name, stage in lacking:
        needed = stage in {"network", "filesystem", "aoe"}
        yield graded(
            f"{path} lacks the module {name}, which this system needs", fix, fatal=kernel.is_next and needed
        )


def _listed(image: ReadImage) -> Iterator[str]:
    """Name the modules that the agent loads by the list, as their index has them."""
    for line in (image.tree.text(contract.MODULES_FILE) or "").splitlines():
        yield module_name(line.rpartition(" ")[2])


def _differs(index: ModuleIndex, image: ReadImage, name: str) -> bool:
    """Tell whether the kernel has this module, with another content."""
    module = index.module(name)
    if module is None:
        return name not in index.builtins
    item = image.tree.find(f"lib/modules/{index.release}/{uncompressed_path(module.path)}")
    return item is not None and content_of(item) != read_module(index.module_file(module))


def _lacking(system: System, index: ModuleIndex, image: ReadImage) -> Iterator[tuple[str, str]]:
    """Plan the modules of an image anew, and name those that this one lacks, with the stage of each."""
    settings = system.settings
    if not system.hardware:
        settings = replace(settings, nic=tuple(name for name in settings.nic if name != HOST))
    mac = system.interface.mac if system.interface else None
    cards = [each for each in system.hardware or () if each.mac == mac] or system.hardware or ()
    filesystems = settings.filesystem or ((system.filesystem,) if system.filesystem else ())
    stages = plan_stages(index, settings, filesystems, cards)
    there = {each.name for each in image.facts.modules}
    for each in stages.modules:
        if each.required and each.stage and each.module.name not in there:
            yield each.module.name, each.stage


def _of_settings(system: System, kernel: Kernel, image: ReadImage, path: str, fix: str) -> Iterator[Finding]:
    """Compare the image with the configuration, and with the machine that it is for."""
    newer = sorted(file for file, time in system.modified.items() if time > image.modified)
    if newer:
        yield warning(f"{path} is older than {', '.join(newer)}", fix)
    baked = image.facts.about.get("target")
    entry = kernel.entry
    named = entry is not None and (target_of(entry.value("root") or "") or listed_targets(entry))
    if baked and system.target and baked != str(system.target):
        yield graded(
            f"{path} is for target {baked}, not {system.target}",
            f"{fix} --target {system.target}, or for good target = in /{FILE}",
            fatal=kernel.is_next and not named,
        )
    own = system.interface
    names = dict(image.facts.interfaces)
    if own and own.mac in names and names[own.mac] != own.name:
        yield warning(f"{path} names the interface {names[own.mac]}, the system {own.name}", fix)
    elif own and own.mac not in names:
        yield warning(
            f"{path} does not know {own.name} ({own.mac}), which will have another name than the system's",
            f"run on the machine itself, or with --sysfs from it: {fix}",
        )


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
