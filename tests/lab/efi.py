"""Booting through EFI firmware from a disk of the machine's own."""

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aoeinit.system.trials import find_ovmf
from aoeinit.trial.hardware import DirectBoot, EfiNetworkBoot, flash
from tests.lab.programs import run

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class EfiBoot:
    """Start what :func:`efi_boot` put on ``disk``; the firmware writes to ``variables``."""

    code: Path
    variables: Path
    disk: Path

    def arguments(self) -> list[str]:
        return [
            *flash(self.code, self.variables),
            *("-drive", f"if=none,id=esp,format=raw,file={self.disk}"),
            *("-device", "virtio-blk-pci,drive=esp,bootindex=0"),
        ]


@dataclass(frozen=True, slots=True)
class EfiDirectBoot:
    """A kernel and an image from QEMU, started by firmware that writes to ``variables``."""

    code: Path
    variables: Path
    boot: DirectBoot

    def arguments(self) -> list[str]:
        return [*flash(self.code, self.variables), *self.boot.arguments()]


def efi_direct_boot(folder: Path, boot: DirectBoot) -> EfiDirectBoot:
    """Let firmware whose variables are in ``folder`` start what QEMU gives it."""
    code, variables = find_ovmf()
    shutil.copy(variables, folder / "direct-variables")
    return EfiDirectBoot(code, folder / "direct-variables", boot)


def efi_network_boot(folder: Path) -> EfiNetworkBoot:
    """Boot a machine without a disk through firmware whose variables are in ``folder``."""
    code, variables = find_ovmf()
    shutil.copy(variables, folder / "variables")
    return EfiNetworkBoot(code, folder / "variables")


def make_efi_partition(path: Path, files: Mapping[str, Path], *, mib: int) -> None:
    """Make a FAT with ``files`` by their names in it, such as ``EFI/BOOT/BOOTX64.EFI``."""
    with path.open("wb") as file:
        file.truncate(mib * MIB)
    run(["mformat", "-i", str(path), "-F", "::"])
    folders = dict.fromkeys(f"{parent}" for name in files for parent in reversed(Path(name).parents[:-1]))
    for folder in folders:
        run(["mmd", "-i", str(path), f"::/{folder}"])
    for name, source in files.items():
        run(["mcopy", "-i", str(path), str(source), f"::/{name}"])


def files_of_efi_partition(disk: Path, start: int) -> dict[str, str]:
    """Give the digests of the files in a FAT that begins at ``start`` of a disk, by their names in it."""
    with tempfile.TemporaryDirectory() as folder:
        run(["mcopy", "-s", "-n", "-i", f"{disk}@@{start}", "::", folder])
        return {
            f"{each.relative_to(folder)}": hashlib.sha256(each.read_bytes()).hexdigest()
            for each in sorted(Path(folder).rglob("*"))
            if each.is_file()
        }


def efi_boot(folder: Path, program: Path) -> EfiBoot:
    """Put an EFI program on a disk in ``folder`` where firmware looks for one."""
    disk = folder / "esp"
    files = {"EFI/BOOT/BOOTX64.EFI": program}
    make_efi_partition(disk, files, mib=program.stat().st_size // MIB + 64)
    code, variables = find_ovmf()
    shutil.copy(variables, folder / "variables")
    return EfiBoot(code, folder / "variables", disk)
