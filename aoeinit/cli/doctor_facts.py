"""The facts that ``aoeinit doctor`` examines: of a system's files, and of the machine that it runs on."""

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from aoeinit.aoe.target import Target
from aoeinit.boot.report import read_boot_report, read_driver
from aoeinit.cli.hooks import is_callable, is_debian
from aoeinit.cli.network import running_interface
from aoeinit.cli.views import checked
from aoeinit.config import Settings
from aoeinit.config_files import FILE, FOLDER, load_settings
from aoeinit.doctor.entries import Entry, read_entries, unified_entry, unified_images
from aoeinit.doctor.findings import Finding, warning
from aoeinit.doctor.kernels import kernels_of
from aoeinit.doctor.system import Kernel, ReadImage, Running, System, listed_targets, target_of
from aoeinit.errors import AoeinitError, ImageError
from aoeinit.inspect.reading import LIMIT
from aoeinit.install.fstab.change import FSTAB
from aoeinit.install.fstab.lines import Line, parse
from aoeinit.install.grub.esp import names_in
from aoeinit.install.hooks import installed_command
from aoeinit.install.network.links import recorded
from aoeinit.install.state import look
from aoeinit.kernel.hardware import network_interfaces
from aoeinit.kernel.release import installed_releases
from aoeinit.sysroot import resolve
from aoeinit.system import machine
from aoeinit.system.packets import discover
from aoeinit.system.partitions import partitions_of

T = TypeVar("T")
Images = dict[str, ReadImage | AoeinitError]

SECONDS = 0.5
"""How long servers are listened to."""

MOUNT_POINTS = ("/boot", "/boot/efi", "/efi")
FILES_ONLY = (
    "the network, the driver, the target's partitions, what is mounted: this system does not run here"
)
NO_HARDWARE = "whether images have the drivers of the machine's cards: --sysfs names a copy of its /sys"
NO_FILESYSTEM = "whether images have the root's file system: nothing tells its type"
NO_TARGET = "what depends on the target: neither configuration nor fstab nor an entry names one"


class Asking:
    """Asks one thing after another, and keeps what could not be told instead of ending."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.left_out: list[str] = []

    def __call__(self, ask: Callable[[], T], otherwise: T) -> T:
        """Ask for what a boot needs to be right: a failure is a finding."""
        try:
            return ask()
        except AoeinitError as failure:
            self.findings.append(warning(failure.message, failure.hint or "see there"))
            return otherwise

    def politely(self, ask: Callable[[], T], otherwise: T) -> T:
        """Ask for what need not be known."""
        try:
            return ask()
        except AoeinitError as failure:
            self.left_out.append(f"{failure.message}{'; ' * bool(failure.hint)}{failure.hint or ''}")
            return otherwise


def gather(sysroot: Path, sysfs: Path | None) -> tuple[System, list[Finding], list[str]]:
    """Look at a system; give what it is, what was found on the way, and what was not looked at."""
    ask = Asking()
    runs_here = os.path.realpath(sysroot) == "/"
    system = files_of(sysroot, ask)
    sysfs = sysfs or (Path("/sys") if runs_here else None)
    if sysfs:
        system = replace(system, hardware=ask.politely(lambda: network_interfaces(sysfs), None))
    if not system.hardware:
        ask.left_out.append(NO_HARDWARE)
    if runs_here:
        system = running(system, ask)
    else:
        ask.left_out.append(FILES_ONLY)
    if system.target is None:
        ask.left_out.append(NO_TARGET)
    return system, ask.findings, ask.left_out


def files_of(sysroot: Path, ask: Asking) -> System:
    """Read all that files tell."""
    settings = ask(lambda: load_settings(sysroot)[0], Settings())
    state = ask(lambda: look_through(sysroot, FSTAB), None)
    fstab = parse(state) if state is not None else ()
    entries, kernels, images = booted(sysroot, ask)
    times: dict[str, float] = {}
    target = target_in(settings, fstab, entries, images.values())
    ask.findings += stale_settings(settings, target)
    return System(
        sysroot=sysroot,
        debian=is_debian(sysroot),
        command_is_there=ask(lambda: has_command(sysroot), True),
        settings=settings,
        entries=entries,
        kernels=kernels,
        images=images,
        fstab=fstab,
        target=target,
        interface=ask(lambda: recorded(sysroot), None),
        hardware=None,
        filesystem=root_filesystem(sysroot, ask),
        free=ask(lambda: free_in_boot(sysroot), None),
        modified=ask(lambda: configuration_times(sysroot), times),
    )


def booted(sysroot: Path, ask: Asking) -> tuple[tuple[Entry, ...], tuple[Kernel, ...], Images]:
    """Find the entries, the kernels and the images, and read these."""
    images: Images = {}
    paths: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    kernels: tuple[Kernel, ...] = ()
    unified = [unified_of(sysroot, path, images) for path in ask(lambda: unified_images(sysroot), paths)]
    entries = ask(lambda: read_entries(sysroot, unified), entries)
    kernels = ask(lambda: kernels_of(sysroot, entries, image_names(sysroot)), kernels)
    for kernel in kernels:
        read_image(sysroot, kernel, images)
    ask.left_out += [f"{sysroot / path}: only root may read it" for path in closed(sysroot, kernels)]
    return entries, kernels, images


def has_command(sysroot: Path) -> bool:
    """Tell whether what the hooks call is there, if there are any."""
    command = installed_command(sysroot)
    return command is None or is_callable(sysroot, command)


def root_filesystem(sysroot: Path, ask: Asking) -> str | None:
    """Tell the type of the root's file system, if anything does."""
    try:
        return machine.root_filesystem(sysroot)
    except AoeinitError:
        ask.left_out.append(NO_FILESYSTEM)
        return None


def look_through(sysroot: Path, path: str) -> bytes | None:
    """Read a file, through links; ``None`` where there is none."""
    found = resolve(sysroot, path)
    state = look(sysroot, found.path) if found else None
    return state.content if state else None


def unified_of(sysroot: Path, path: str, images: Images) -> Entry:
    """Read a unified kernel image, and give the entry that it is."""
    read_image(sysroot, Kernel("", path, is_next=False), images)
    image = images.get(path)
    return unified_entry(path, image.texts if isinstance(image, ReadImage) else {})


def read_image(sysroot: Path, kernel: Kernel, images: Images) -> None:
    """Read the image of a kernel, if that was not done yet."""
    if kernel.image is None or kernel.image in images:
        return
    place = sysroot / kernel.image
    if closed(sysroot, [kernel]):
        return
    try:
        read, findings = checked(f"{place}", kernel.release or None, LIMIT)
        status = place.stat()
    except AoeinitError as failure:
        images[kernel.image] = failure
        return
    except OSError as failure:
        images[kernel.image] = ImageError(f"{place}: {failure.strerror}")
        return
    release = kernel.release or read.facts.kernel or ""
    texts = read.image.texts
    images[kernel.image] = ReadImage(
        status.st_size, status.st_mtime, release, findings, read.facts, read.tree, texts
    )


def closed(sysroot: Path, kernels: Iterable[Kernel]) -> list[str]:
    """Name the images that are there and may not be read by whoever runs this."""
    paths = dict.fromkeys(each.image for each in kernels if each.image)
    return [each for each in paths if not os.access(sysroot / each, os.R_OK)]


def image_names(sysroot: Path) -> dict[str, str]:
    """Name the image that each installed kernel has by itself, where there is a kernel to start at all."""
    boot = set(names_in(sysroot, "boot"))
    releases = [each for each in installed_releases(sysroot) if f"vmlinuz-{each}" in boot]
    return {each: f"boot/{machine.default_output(sysroot, each).name}" for each in releases}


def target_in(
    settings: Settings,
    fstab: tuple[Line, ...],
    entries: tuple[Entry, ...],
    images: Iterable[ReadImage | AoeinitError],
) -> Target | None:
    """Find the target that the next boot takes, in the order in which words count.

    Of ``rd.aoe=`` counts what anything else says, too: without that it may be left from another target.
    """
    ordered = sorted(entries, key=lambda each: not each.is_default)
    default = [each for each in ordered if each.is_default]
    lines = [target_of(each.source) for each in fstab if each.is_disk and each.mount_point == "/"]
    baked = (
        target_of(f"aoe:{each.facts.about.get('target')}") for each in images if isinstance(each, ReadImage)
    )
    listed = [target for each in default for target in listed_targets(each)]
    others = [target_of(each.value("root") or "") for each in ordered]
    said = [settings.target, *lines, *others, *baked]
    roots = [target_of(each.value("root") or "") for each in default]
    agreed = [each for each in said if each in listed]
    rest = (target for each in ordered for target in listed_targets(each))
    return next(filter(None, (*roots, *agreed, *said, *rest)), None)


def stale_settings(settings: Settings, target: Target | None) -> list[Finding]:
    """Tell of settings for another target than the next boot's: new images would be for that."""
    if settings.target in {None, target}:
        return []
    what = f"target = {settings.target} in /{FILE}, and the next boot takes {target}"
    return [warning(what, f'target = "{target}", or the command line for {settings.target}')]


def free_in_boot(sysroot: Path) -> int | None:
    """Tell the bytes that are left for images."""
    found = resolve(sysroot, "boot")
    try:
        status = os.statvfs(found.file) if found else None
    except OSError:
        return None
    return status.f_bavail * status.f_frsize if status else None


def configuration_times(sysroot: Path) -> dict[str, float]:
    """Tell when each configuration file was written, in seconds since 1970."""
    names = (FILE, *(f"{FOLDER}/{name}" for name in names_in(sysroot, FOLDER) if name.endswith(".toml")))
    found = ((name, resolve(sysroot, name)) for name in names)
    return {f"/{name}": each.file.stat().st_mtime for name, each in found if each}


def running(system: System, ask: Asking) -> System:
    """Add what the running machine tells."""
    root = Path("/")
    mountinfo = Path("/proc/self/mountinfo")
    try:
        report = read_boot_report(root)
    except AoeinitError:
        report = None
    root_device = machine.root_device(mountinfo)
    is_local = root_device is not None and machine.is_on_target(root_device, Path("/sys")) is False
    target = system.target or target_of(f"aoe:{report.state.get('target')}" if report else "")
    found = Running(
        mounted=frozenset(each for each in MOUNT_POINTS if machine.mounted_filesystem(mountinfo, each)),
        report=report,
        driver=report.driver if report else read_driver(root, f"{target}"),
        answers=ask.politely(lambda: discover((), target, seconds=SECONDS), None) if target else None,
        partitions=ask.politely(lambda: partitions_of(target), None) if target else None,
        local_root=root_device if is_local else None,
    )
    interface = ask.politely(lambda: running_interface(None, None), system.interface)
    return replace(system, target=target, interface=interface, running=found)
