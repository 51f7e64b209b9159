"""What goes into a unified kernel image besides the initramfs, and how ukify is asked to put it together.

Sources: the UAPI Group's specification "Unified Kernel Image"; ukify(1), verb ``build``.
"""

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aoeinit.errors import ConfigError, KernelError
from aoeinit.sysroot import resolve

EFI_ARCHITECTURES: Final = {
    0x014C: "ia32",
    0x8664: "x64",
    0xAA64: "aa64",
    0x5064: "riscv64",
    0x6264: "loongarch64",
}
"""The suffix of EFI file names by the ``Machine`` of a PE header (PE Format, "Machine Types")."""

# Of a kernel's head: its PE header begins far below this.
_HEAD: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class UkiParts:
    """The parts of a unified kernel image; paths are those that this machine sees."""

    release: str
    vmlinuz: Path
    cmdline: str
    os_release: Path
    stub: Path
    architecture: str


def find_parts(sysroot: Path, release: str, *, vmlinuz: Path | None, cmdline: str | None) -> UkiParts:
    """Find what is not given in the sysroot: kernel, command line, os-release(5) and the EFI stub.

    Raises :class:`ConfigError` for what is missing and :class:`KernelError` for a kernel that no EFI firmware
    could start.
    """
    vmlinuz = vmlinuz or _first(
        sysroot,
        (f"lib/modules/{release}/vmlinuz", f"boot/vmlinuz-{release}"),
        "install the kernel's package, or name the file with --vmlinuz",
    )
    architecture = efi_architecture(vmlinuz)
    return UkiParts(
        release=release,
        vmlinuz=vmlinuz,
        cmdline=_one_line(cmdline) if cmdline is not None else _installed_cmdline(sysroot),
        os_release=_first(
            sysroot, ("etc/os-release", "usr/lib/os-release"), "a system has one: check --sysroot"
        ),
        stub=_first(
            sysroot,
            (f"usr/lib/systemd/boot/efi/linux{architecture}.efi.stub",),
            "install the package systemd-boot-efi (Debian) or systemd-boot-unsigned (Fedora)",
        ),
        architecture=architecture,
    )


def efi_architecture(vmlinuz: Path) -> str:
    """Tell for which EFI architecture a kernel is, from its PE header.

    Raises :class:`KernelError` where it cannot be read or has none.
    """
    try:
        with vmlinuz.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise KernelError(f"cannot read the kernel {vmlinuz}: {error.strerror}", "check --vmlinuz") from error
    try:
        (offset,) = struct.unpack_from("<I", head, 0x3C)
        magic, machine = struct.unpack_from("<4sH", head, offset)
    except struct.error:
        magic, machine = b"", 0
    if not head.startswith(b"MZ") or magic != b"PE\0\0" or machine not in EFI_ARCHITECTURES:
        raise KernelError(
            f"the kernel {vmlinuz} is no EFI program", "EFI starts kernels that have CONFIG_EFI_STUB only"
        )
    return EFI_ARCHITECTURES[machine]


def ukify_arguments(parts: UkiParts, *, initrd: Path, cmdline: Path, output: Path) -> list[str]:
    """Give the arguments for ukify; ``cmdline`` is a file that holds ``parts.cmdline``."""
    return [
        "build",
        f"--linux={parts.vmlinuz}",
        f"--initrd={initrd}",
        f"--cmdline=@{cmdline}",
        f"--os-release=@{parts.os_release}",
        f"--uname={parts.release}",
        f"--stub={parts.stub}",
        f"--efi-arch={parts.architecture}",
        f"--output={output}",
    ]


def _installed_cmdline(sysroot: Path) -> str:
    """Read the kernel's command line from where kernel-install(8) does."""
    file = _first(
        sysroot,
        ("etc/kernel/cmdline", "usr/lib/kernel/cmdline"),
        "write the kernel's parameters there, or give them: --cmdline 'root=/dev/etherd/e11.0p1 ro'",
    )
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {file}: {error}", "mend it, or use --cmdline") from error
    return _one_line("\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")))


def _one_line(cmdline: str) -> str:
    if "\0" in cmdline:
        raise ConfigError("a kernel command line has no NUL in it", "give the parameters as text")
    return " ".join(cmdline.split())


def _first(sysroot: Path, paths: tuple[str, ...], hint: str) -> Path:
    for path in paths:
        found = resolve(sysroot, path)
        if found is not None and found.file.is_file():
            return found.file
    names = " or ".join(os.fspath(sysroot / path) for path in paths)
    raise ConfigError(f"a unified kernel image needs {names}: not there", hint)
