"""Which kernel and which image ``aoeinit try`` boots, and what the image says of itself."""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aoeinit.aoe.target import Target
from aoeinit.cli.doctor_facts import image_names
from aoeinit.doctor.entries import Entry, locate, read_entries, unified_entry, unified_images
from aoeinit.doctor.kernels import kernels_of
from aoeinit.doctor.system import Kernel, target_of
from aoeinit.errors import AoeinitError, KernelError, TrialError
from aoeinit.inspect import uki
from aoeinit.inspect.check import kernel_release
from aoeinit.inspect.facts import Facts, find_facts, keep_facts
from aoeinit.inspect.reading import keep_none, open_image
from aoeinit.inspect.tree import Tree
from aoeinit.kernel.ethernet import is_ethernet_driver
from aoeinit.kernel.index import Module, ModuleIndex
from aoeinit.kernel.release import MODULE_FOLDERS
from aoeinit.sysroot import resolve
from aoeinit.system import machine
from aoeinit.trial.plan import Subject


@dataclass(frozen=True, slots=True)
class Looked:
    """A kernel with its image, the ``modules`` that both have, and the image's network drivers and target."""

    subject: Subject
    modules: frozenset[str]
    drivers: tuple[str, ...]
    target: Target | None


def installed(sysroot: Path) -> tuple[Kernel, ...]:
    """Give the kernels that may be booted, each with its image, that of the next boot first."""
    unified = [_unified(sysroot, path) for path in unified_images(sysroot)]
    return kernels_of(sysroot, read_entries(sysroot, unified), image_names(sysroot))


def _unified(sysroot: Path, path: str) -> Entry:
    try:
        return unified_entry(path, open_image(f"{sysroot / path}", keep=keep_none).texts)
    except AoeinitError:
        return unified_entry(path, {})


def find_subject(image: Path | None, kernel: str | None, sysroot: Path, folder: Path) -> Looked:
    """Find the image and the kernel that are meant; ``folder`` is for those of a unified kernel image.

    Raises :class:`AoeinitError` where one is missing, cannot be read or does not fit the other.
    """
    kernels = installed(sysroot)
    vmlinuz = Path(kernel) if kernel and "/" in kernel else None
    if vmlinuz and (vmlinuz.is_fifo() or vmlinuz.is_socket()):
        raise TrialError(f"{vmlinuz} is no file", "name a kernel's file, or its release")
    release = kernel_release(kernel) if kernel else None
    if image is None:
        release = release or default_release(sysroot, kernels)
        image = image_of(sysroot, release, kernels)
    return look_at(image, release, vmlinuz, sysroot, kernels, folder)


def look_at(
    image: Path,
    release: str | None,
    vmlinuz: Path | None,
    sysroot: Path,
    kernels: Iterable[Kernel],
    folder: Path,
) -> Looked:
    """Read an image, and find its kernel unless that is named."""
    read = open_image(f"{image}", keep=keep_facts)
    facts = find_facts(read, Tree(read.items, parents=True))
    release = own_release(image, facts, release)
    if facts.kernel and vmlinuz is None:
        subject = split_unified(image, release, folder)
    else:
        vmlinuz = vmlinuz or find_vmlinuz(sysroot, release, kernels)
        subject = Subject(release, readable(vmlinuz), image.absolute())
    builtins: frozenset[str] = frozenset()
    with suppress(KernelError):
        builtins = ModuleIndex.read(sysroot, release).builtins
    names = frozenset(each.name for each in facts.modules)
    return Looked(
        subject, names | builtins, network_drivers(facts), target_of(f"aoe:{facts.about.get('target')}")
    )


def own_release(image: Path, facts: Facts, release: str | None) -> str:
    """Tell which kernel an image is for; raises :class:`TrialError` if another was asked for."""
    if release and facts.releases and release not in facts.releases:
        raise TrialError(
            f"{image} has modules for kernel {', '.join(facts.releases)}, not for {release}",
            "name the image or the kernel that belongs to the other",
        )
    own = (release, facts.kernel, facts.about.get("kernel"), *facts.releases)
    found = next(filter(None, own), None)
    if found is None:
        raise TrialError(f"{image} does not tell which kernel it is for", "name that with --kernel")
    return found


def default_release(sysroot: Path, kernels: tuple[Kernel, ...]) -> str:
    """Choose the running kernel, or of another system the one that it would boot next."""
    if os.path.realpath(sysroot) == "/":
        return machine.running_kernel()
    if not kernels:
        raise TrialError(f"no kernel is installed in {sysroot}", "name an image and a kernel, by their files")
    return kernels[0].release


def image_of(sysroot: Path, release: str, kernels: Iterable[Kernel]) -> Path:
    """Find the image of a kernel; raises :class:`TrialError` where there is none."""
    for each in kernels:
        if each.release == release and each.image:
            return sysroot / each.image
    usual = machine.default_output(sysroot, release)
    if not usual.exists():
        raise TrialError(
            f"kernel {release} has no image: there is no {usual}",
            f"name one, or make it: aoeinit build --kernel {release}",
        )
    return usual


def find_vmlinuz(sysroot: Path, release: str, kernels: Iterable[Kernel]) -> Path:
    """Find the file of a kernel; raises :class:`TrialError` where there is none."""
    named = [
        locate(sysroot, each.entry.kernel)
        for each in kernels
        if each.release == release and each.entry and each.entry.kernel
    ]
    usual = [f"boot/vmlinuz-{release}", *(f"{folder}/{release}/vmlinuz" for folder in MODULE_FOLDERS)]
    for path in (*filter(None, named), *usual):
        found = resolve(sysroot, path)
        if found and found.file.is_file():
            return found.file
    raise TrialError(
        f"no kernel {release} in {sysroot}",
        f"name its file with --kernel; looked for {', '.join(f'/{path}' for path in usual)}",
    )


def readable(path: Path) -> Path:
    """Give the file's absolute path; raises :class:`TrialError` where it may not be read."""
    if not os.access(path, os.R_OK):
        raise TrialError(f"{path} may not be read", "run as root")
    return path.absolute()


def split_unified(image: Path, release: str, folder: Path) -> Subject:
    """Take a unified kernel image apart: QEMU puts into memory what the EFI stub would."""
    content = memoryview(image.read_bytes())
    places = uki.sections(content)
    vmlinuz, initrd = folder / f"vmlinuz-{release}", folder / f"initrd-{release}"
    for file, names in ((vmlinuz, (".linux",)), (initrd, (".ucode", ".initrd"))):
        parts = [content[slice(*places[name])] for name in names if name in places]
        # The kernel looks for each archive at a multiple of four.
        file.write_bytes(b"".join(bytes(part) + bytes(-len(part) % 4) for part in parts))
    own = bytes(content[slice(*places[".cmdline"])]) if ".cmdline" in places else b""
    told = own.decode(errors="replace").strip("\0\n ")
    return Subject(release, vmlinuz, initrd, image.absolute(), told)


def network_drivers(facts: Facts) -> tuple[str, ...]:
    """Name the Ethernet drivers in an image."""
    found = (
        Module(each.name, each.path.partition("lib/modules/")[2].partition("/")[2]) for each in facts.modules
    )
    return tuple(each.name for each in found if is_ethernet_driver(each))
