"""One call of kernel-install(8): what it asks, whether that is for us, and what is then to be done.

Sources: kernel-install(8) of systemd 252 to 257 for arguments and environment; the plugins that those
versions ship for who takes the image from where.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from aoeinit.errors import ConfigError

GENERATOR: Final = "aoeinit"

STAGED_LAYOUTS: Final = ("bls", "uki")
"""Layouts under which a later plugin takes the image from the staging area."""

VARIABLES: Final = (
    "LAYOUT",
    "STAGING_AREA",
    "BOOT_ROOT",
    "ENTRY_TOKEN",
    "MACHINE_ID",
    "IMAGE_TYPE",
    "VERBOSE",
)
"""What kernel-install exports, each after ``KERNEL_INSTALL_``; the generator is another matter."""

EFI_PARTITIONS: Final = ("/efi", "/boot/efi")
"""Boot roots that only EFI firmware and its boot loaders read."""

UKI_OVERHEAD: Final = 1 << 20
"""Bytes of a unified kernel image beside kernel and initramfs, generously: the stub and small sections."""


@dataclass(frozen=True, slots=True)
class Request:
    """What kernel-install said, in arguments and environment.

    ``generator`` is ``None`` where it said nothing of one, as before systemd 251; empty, where none is
    configured. ``tokens`` are the names under which boot entries may stand. ``boot`` is the folder in which
    the boot loader finds kernels, or the boot entries.
    """

    command: str
    release: str
    entry_folder: Path | None
    kernel: Path | None
    initrds: tuple[Path, ...]
    layout: str
    generator: str | None
    staging: Path | None
    boot: Path
    tokens: tuple[str, ...]
    image_type: str
    verbose: bool

    @classmethod
    def parse(cls, arguments: Sequence[str], environment: Mapping[str, str], sysroot: Path) -> Self:
        """Read ``COMMAND KVER [ENTRY_DIR [KERNEL [INITRD...]]]`` and what stands in the environment.

        Raises :class:`ConfigError` for a release that cannot be a part of a file's name, and for a boot root
        that would count from whatever folder this runs in.
        """
        command, release, *places = arguments
        if not release or "/" in release or release.startswith("."):
            raise ConfigError(
                f"{release!r} is not a kernel release", "it is what uname -r prints, such as 6.1.0-42-amd64"
            )
        given = {name: environment.get(f"KERNEL_INSTALL_{name}", "") for name in VARIABLES}
        if given["BOOT_ROOT"] and not given["BOOT_ROOT"].startswith("/"):
            raise ConfigError(
                f"KERNEL_INSTALL_BOOT_ROOT={given['BOOT_ROOT']} is no absolute path",
                "name the folder of the kernels from / on, such as /boot",
            )
        paths = [Path(each) for each in places]
        staging = given["STAGING_AREA"]
        return cls(
            command=command,
            release=release,
            entry_folder=paths[0] if paths else None,
            kernel=paths[1] if len(paths) > 1 else None,
            initrds=tuple(paths[2:]),
            layout=given["LAYOUT"],
            generator=environment.get("KERNEL_INSTALL_INITRD_GENERATOR"),
            staging=Path(staging) if staging else None,
            boot=_boot_folder(given["BOOT_ROOT"], given["LAYOUT"], sysroot),
            tokens=tuple(dict.fromkeys(each for each in (given["ENTRY_TOKEN"], given["MACHINE_ID"]) if each)),
            image_type=given["IMAGE_TYPE"],
            verbose=given["VERBOSE"] not in {"", "0"},
        )


def _boot_folder(boot_root: str, layout: str, sysroot: Path) -> Path:
    """Tell where kernels are: in ``/boot``, also where kernel-install has found an EFI system partition.

    Only under the layouts of the boot loader specification do they go to the partition itself.
    """
    if not boot_root or (layout not in STAGED_LAYOUTS and boot_root.rstrip("/") in EFI_PARTITIONS):
        return sysroot / "boot"
    return Path(boot_root)


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is nothing to do, and why."""

    why: str


Copy = tuple[Path, tuple[Path, ...]]
"""A file, and those that it is made of."""


@dataclass(frozen=True, slots=True)
class Build:
    """An image is to be built as ``image``.

    ``booted`` is the image that a boot entry names once all plugins have run. ``copies`` are what a
    later plugin writes, each in place of an old one that it removes first; ``overhead`` is what it adds, in
    bytes.
    """

    release: str
    image: Path
    booted: Path
    copies: tuple[Copy, ...] = ()
    overhead: int = 0


@dataclass(frozen=True, slots=True)
class Remove:
    """The image of a kernel that goes is to be removed, where it is there."""

    image: Path


def decide(request: Request, *, image_name: str, configured: str | None) -> Nothing | Build | Remove:
    """Decide what a request means.

    ``image_name`` is how the distribution names the image of this release in ``/boot``; ``configured`` the
    generator that install.conf(5) names, which counts where the request names none.

    Raises :class:`ConfigError` where kernel-install has left out what its layout needs.
    """
    why = _not_for_us(request, configured if request.generator is None else request.generator)
    if why:
        return Nothing(why)
    staged = request.layout in STAGED_LAYOUTS
    image = request.boot / image_name
    if request.command == "remove":
        # What was copied from a staging area, kernel-install and its own plugins remove.
        return Nothing(f"layout {request.layout} removes its own") if staged else Remove(image)
    return _staged(request) if staged else Build(request.release, image, booted=image)


def _not_for_us(request: Request, generator: str | None) -> str | None:
    if generator != GENERATOR:
        return f"the initrd generator is {generator or 'not set'}, not {GENERATOR}"
    if request.command not in {"add", "remove"}:
        return f"{request.command!r} is neither add nor remove"
    if request.command == "add" and request.image_type == "uki":
        return "the kernel is a unified kernel image, which has its own"
    if request.command == "add" and request.initrds:
        return f"an image was given: {request.initrds[0]}"
    return None


def _staged(request: Request) -> Build:
    if request.staging is None or request.entry_folder is None:
        raise ConfigError(
            f"layout {request.layout} without a staging area or an entry folder",
            "this is for kernel-install of systemd 251 or newer to call",
        )
    image = request.staging / "initrd"
    kernel = (request.kernel,) if request.kernel else ()
    if request.layout == "uki":
        name = "-".join((*request.tokens[:1], f"{request.release}.efi"))
        booted = request.boot / "EFI/Linux" / name
        return Build(
            request.release, image, booted, copies=((booted, (*kernel, image)),), overhead=UKI_OVERHEAD
        )
    booted = request.entry_folder / "initrd"
    copies = ((request.entry_folder / "linux", kernel), (booted, (image,)))
    return Build(request.release, image, booted, copies)


def is_entry(name: str, request: Request) -> bool:
    """Tell whether a file in ``loader/entries`` is a boot entry of the request's kernel.

    Its name is ``TOKEN-RELEASE.conf``; boot counting adds ``+LEFT[-DONE]`` (Boot Loader Specification, Boot
    counting), and Fedora's GRUB has a second entry with ``~debug``.
    """
    tokens = "|".join(re.escape(token) for token in request.tokens)
    release = re.escape(request.release)
    return bool(
        tokens and re.fullmatch(rf"(?:{tokens})-{release}(?:~debug|\+[0-9]+(?:-[0-9]+)?)?\.conf", name)
    )


def names_image(entry: str, image: Path) -> bool:
    """Tell whether a boot entry's text names the image, by whatever path the boot loader sees it."""
    names = re.findall(r"^initrd[ \t]+(.*?)[ \t]*$", entry, re.MULTILINE)
    return any(Path(name).name == image.name for line in names for name in line.split())
