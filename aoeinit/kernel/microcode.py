"""Processors' microcode, which the kernel takes from the front of an image before it unpacks anything.

Sources: Documentation/arch/x86/microcode.rst of Linux ("Early load microcode"), and for the names of the
files arch/x86/kernel/cpu/microcode/{intel,amd}.c.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aoeinit.errors import KernelError
from aoeinit.kernel.content import REINSTALL, locate, read_content
from aoeinit.kernel.firmware import find_firmware, read_firmware

IMAGE_FOLDER: Final = "kernel/x86/microcode"
"""Where the kernel looks in the archive in front."""


@dataclass(frozen=True, slots=True)
class Processor:
    """An x86 processor; ``vendor`` is the kernel's number for it (arch/x86/include/asm/processor.h)."""

    vendor: int
    family: int
    model: int


@dataclass(frozen=True, slots=True)
class Vendor:
    """A maker of processors: its file in the image, and how each of its files in a system begins.

    ``files`` is the pattern for the names of all of them, as firmware.
    """

    number: int
    image_file: str
    magic: bytes
    files: str

    def own(self, processor: Processor) -> str:
        """Give the pattern for one processor; its stepping is not known, so that there may be several."""
        if self is INTEL:
            return f"intel-ucode/{processor.family:02x}-{processor.model:02x}-*"
        # The families before 15h share a file.
        family = f"_fam{processor.family:02x}h" if processor.family >= 0x15 else ""  # noqa: PLR2004 - so named
        return f"amd-ucode/microcode_amd{family}.bin"


INTEL: Final = Vendor(0, "GenuineIntel.bin", b"\1\0\0\0", "intel-ucode/*")
AMD: Final = Vendor(2, "AuthenticAMD.bin", b"DMA\0", "amd-ucode/*.bin")

_INTEL_NAME: Final = re.compile(r"intel-ucode/[0-9a-f]{2}-[0-9a-f]{2}-[0-9a-f]{2}(\.initramfs)?")
"""Debian keeps an update that may be loaded early only under a name of its own."""


@dataclass(frozen=True, slots=True)
class Microcode:
    """What one file of the image holds, and the names of the files that it was put together from."""

    image_file: str
    content: bytes
    names: tuple[str, ...]


def read_processor(sysfs: Path) -> Processor | None:
    """Tell the processor from sysfs; ``None`` where that has no word of it, or it is no x86.

    Source: arch/x86/kernel/cpu/match.c, ``arch_print_cpu_modalias``.
    """
    found = locate(sysfs, "devices/system/cpu/modalias")
    text = read_content(found.file).decode(errors="replace") if found else ""
    match = re.match(r"cpu:type:x86,ven([0-9A-F]{4})fam([0-9A-F]{4})mod([0-9A-F]{4}):", text)
    return Processor(*(int(number, 16) for number in match.groups())) if match else None


def find_microcode(sysroot: Path, release: str, processor: Processor | None) -> tuple[Microcode, ...]:
    """Find what is installed for one processor, or for every one there is.

    Raises :class:`KernelError` for a file that cannot be read or is none of its vendor's.
    """
    found = (_of_vendor(sysroot, release, vendor, processor) for vendor in (INTEL, AMD))
    return tuple(each for each in found if each.names)


def _of_vendor(sysroot: Path, release: str, vendor: Vendor, processor: Processor | None) -> Microcode:
    if processor is not None and processor.vendor != vendor.number:
        return Microcode(vendor.image_file, b"", ())
    pattern = vendor.own(processor) if processor else vendor.files
    files = find_firmware(sysroot, release, [("microcode", pattern)]).files
    # Two names of one file would have it in the image twice.
    wanted = {file.source: file for file in files if vendor is not INTEL or _INTEL_NAME.fullmatch(file.name)}
    contents = {file.name: read_firmware(sysroot, file) for file in wanted.values()}
    for name, content in contents.items():
        if not content.startswith(vendor.magic):
            raise KernelError(
                f"firmware {name} in {sysroot} is no microcode", f"{REINSTALL}, or use --microcode none"
            )
    return Microcode(vendor.image_file, b"".join(contents.values()), tuple(contents))
