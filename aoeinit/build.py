"""Composition: what goes into an image for one kernel release, as a plan that can be printed or written."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aoeinit import __version__
from aoeinit.boot import contract
from aoeinit.boot.files import INIT, agent_files
from aoeinit.config import ALL, AUTO, Settings
from aoeinit.errors import ConfigError
from aoeinit.image.busybox import find_busybox, require_applets
from aoeinit.image.copies import file_entries
from aoeinit.image.entries import Directory, Entry, File, Symlink, arrange
from aoeinit.image.programs import find_program, program_entries
from aoeinit.kernel.ethernet import require_aoe
from aoeinit.kernel.firmware import Firmware, FirmwareFound, find_firmware, read_firmware
from aoeinit.kernel.hardware import NetworkInterface
from aoeinit.kernel.index import Module, ModuleIndex
from aoeinit.kernel.microcode import IMAGE_FOLDER, Microcode, Processor, find_microcode
from aoeinit.kernel.modfile import read_module
from aoeinit.kernel.modinfo import check_release, read_modinfo
from aoeinit.kernel.names import uncompressed_path
from aoeinit.kernel.subset import index_files
from aoeinit.stages import PlannedModule, plan_stages

MOUNT_POINTS: Final = ("dev", "proc", "run", "sys", "sysroot")

# Where a sysroot has folders of its own for these, the image still has one /usr.
MERGED_FOLDERS: Final = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib"}

# A script that is run by /bin/sh gets busybox's.
APPLET_PATHS: Final = frozenset(
    f"{folder}/{applet}" for folder in ("bin", "usr/bin") for applet in contract.APPLETS
)


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What to build, and for which machine; all but the sources of files is taken from ``sysroot``.

    ``filesystems`` are the types that the root may have; ``interfaces`` those of this machine, whose names
    the image remembers and whose hardware ``host`` means; ``processor`` is the one whose microcode it needs,
    ``None`` for any.
    """

    release: str
    sysroot: Path
    settings: Settings
    filesystems: tuple[str, ...]
    interfaces: tuple[NetworkInterface, ...] = ()
    processor: Processor | None = None


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """Everything an image will hold, arranged, and what the user should know about it.

    ``early`` are the entries of an archive of their own in front, which may be none.
    """

    release: str
    entries: tuple[Entry, ...]
    early: tuple[Entry, ...]
    modules: tuple[PlannedModule, ...]
    builtins: tuple[str, ...]
    firmware: tuple[str, ...]
    microcode: tuple[str, ...]
    programs: tuple[str, ...]
    warnings: tuple[str, ...]


def plan_image(options: BuildOptions) -> ImagePlan:
    """Read what an image needs from the sysroot.

    Raises a kind of :class:`aoeinit.errors.AoeinitError` for whatever would keep the image from booting.
    """
    index = ModuleIndex.read(options.sysroot, options.release)
    require_aoe(index)
    # Without these, an image would lack what its modules need at run time, and nothing would say so.
    index.require("modules.alias", "modules.softdep")
    stages = plan_stages(index, options.settings, options.filesystems, options.interfaces)
    modules = stages.modules
    contents = {each.module: read_module(index.module_file(each.module)) for each in modules}
    firmware = _firmware(index, contents)
    busybox = find_busybox(options.sysroot)
    require_applets(options.sysroot, busybox, _applets(options.settings))
    programs = tuple(find_program(options.sysroot, name) for name in options.settings.program)
    microcode = _microcode(options)
    entries = [
        *_frame(options.sysroot),
        *_agent(),
        *_busybox(options.sysroot, busybox, _applets(options.settings)),
        *_module_files(index, contents, stages.builtins),
        *_firmware_files(options.sysroot, firmware.files),
        *(
            entry
            for path in programs
            for entry in program_entries(options.sysroot, path, provided=APPLET_PATHS)
        ),
        *(entry for source, path in options.settings.file for entry in file_entries(source, path)),
        *_password_files(options.settings),
        *_contract_files(options, modules),
    ]
    return ImagePlan(
        release=options.release,
        entries=arrange(entries),
        early=arrange(_early_entries(microcode)),
        modules=modules,
        builtins=stages.builtins,
        firmware=tuple(each.name for each in firmware.files),
        microcode=tuple(name for each in microcode for name in each.names),
        programs=(busybox, *programs),
        warnings=(*stages.warnings, *_firmware_warnings(firmware)),
    )


def _firmware_warnings(firmware: FirmwareFound) -> Iterator[str]:
    names: dict[str, list[str]] = {}
    for missing in firmware.missing:
        names.setdefault(missing.module, []).append(missing.name)
    for module, files in names.items():
        yield f"module {module} names firmware that is not installed: {', '.join(files)}"


def _firmware(index: ModuleIndex, contents: dict[Module, bytes]) -> FirmwareFound:
    wanted: list[tuple[str, str]] = []
    for module, content in contents.items():
        modinfo = read_modinfo(content, module.name)
        check_release(modinfo, module.name, index.release)
        wanted += [(module.name, name) for name in modinfo.firmware]
    return find_firmware(index.sysroot, index.release, wanted)


def _frame(sysroot: Path) -> Iterator[Entry]:
    """Give the mount points, and the links that make one /usr, as the sysroot has them."""
    yield from (Directory(path) for path in MOUNT_POINTS)
    for name, target in MERGED_FOLDERS.items():
        link = sysroot / name
        yield Symlink(name, os.readlink(link) if link.is_symlink() else target)


def _agent() -> Iterator[Entry]:
    for path, content in agent_files().items():
        yield File(path, content, 0o755 if path == INIT else 0o644)


def _applets(settings: Settings) -> tuple[str, ...]:
    """Name what the agent of this image may call."""
    return (*contract.APPLETS, *(contract.SHELL_APPLETS if settings.emergency_shell else ()))


def _busybox(sysroot: Path, busybox: str, applets: Iterable[str]) -> Iterator[Entry]:
    """Give busybox under the name of every applet that is called, and where the kernel calls modprobe."""
    yield from program_entries(sysroot, busybox, destination="bin/busybox")
    yield from (Symlink(f"bin/{applet}", "/bin/busybox") for applet in applets)
    yield Symlink("sbin/modprobe", "/bin/busybox")


def _module_files(
    index: ModuleIndex, contents: dict[Module, bytes], builtins: tuple[str, ...]
) -> Iterator[Entry]:
    for module, content in contents.items():
        yield File(_module_path(index.release, module), content)
    for name, content in index_files(index, contents, builtins).items():
        yield File(f"lib/modules/{index.release}/{name}", content)


def _module_path(release: str, module: Module) -> str:
    return f"lib/modules/{release}/{uncompressed_path(module.path)}"


def _firmware_files(sysroot: Path, files: Iterable[Firmware]) -> Iterator[Entry]:
    """Give each firmware file once; its other names are links to it."""
    first: dict[str, str] = {}
    for firmware in files:
        path = f"lib/firmware/{firmware.name}"
        if firmware.source in first:
            yield Symlink(path, f"/{first[firmware.source]}")
        else:
            first[firmware.source] = path
            yield File(path, read_firmware(sysroot, firmware))


def _microcode(options: BuildOptions) -> tuple[Microcode, ...]:
    if options.settings.microcode == AUTO:
        return find_microcode(options.sysroot, options.release, options.processor)
    return ()


def _early_entries(microcode: Iterable[Microcode]) -> Iterator[Entry]:
    """Give what the kernel reads before it unpacks anything."""
    for each in microcode:
        yield File(f"{IMAGE_FOLDER}/{each.image_file}", each.content)
        # By this, lsinitrd of any version knows that another archive follows.
        yield File("early_cpio", b"1\n")


def emergency_shell(settings: Settings) -> str:
    """Say in the contract's words what kind of emergency shell there is."""
    if settings.emergency_password and not settings.emergency_shell:
        raise ConfigError("a password for the emergency shell, but no shell", "add --emergency-shell")
    if not settings.emergency_shell:
        return ""
    return "password" if settings.emergency_password else "open"


def _password_files(settings: Settings) -> Iterator[Entry]:
    """Give the files by which sulogin checks the emergency shell's password."""
    if settings.emergency_password:
        yield File(contract.USERS_FILE, b"root:x:0:0:root:/:/bin/sh\n")
        yield File(contract.SHADOW_FILE, f"root:{settings.emergency_password}:::::::\n".encode(), 0o600)


def _contract_files(options: BuildOptions, modules: Iterable[PlannedModule]) -> Iterator[Entry]:
    """Write down for the agent what :mod:`aoeinit.boot.contract` promises."""
    facts = {
        "version": __version__,
        "kernel": options.release,
        "target": str(options.settings.target or ""),
        "nic": "all" if ALL in options.settings.nic else "listed",
        "shell": emergency_shell(options.settings),
    }
    image = "".join(f"{key}={value}\n" for key, value in facts.items() if value)
    ordered = sorted(
        (each for each in modules if each.stage), key=lambda each: contract.STAGES.index(each.stage or "")
    )
    lines = (
        f"{each.stage} {contract.NEEDS[not each.required]} /{_module_path(options.release, each.module)}\n"
        for each in ordered
    )
    names = (f"{each.mac} {each.name}\n" for each in options.interfaces if each.mac)
    yield File(contract.IMAGE_FILE, image.encode())
    yield File(contract.MODULES_FILE, "".join(lines).encode())
    yield File(contract.INTERFACES_FILE, "".join(names).encode())
