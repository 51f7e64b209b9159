"""Booting through EFI firmware from a disk of the machine's own."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.programs import LabError, run

MIB = 1 << 20
FIRMWARE = (
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
)
"""Where Debian and Fedora have OVMF: its code, and its variables as they are at first."""


@dataclass(frozen=True, slots=True)
class EfiBoot:
    """Start what :func:`efi_boot` put on ``disk``; the firmware writes to ``variables``."""

    code: Path
    variables: Path
    disk: Path

    def arguments(self) -> list[str]:
        flash = "if=pflash,format=raw"
        return [
            *("-drive", f"{flash},readonly=on,file={self.code}"),
            *("-drive", f"{flash},file={self.variables}"),
            *("-drive", f"if=none,id=esp,format=raw,file={self.disk}"),
            *("-device", "virtio-blk-pci,drive=esp,bootindex=0"),
        ]


def efi_boot(folder: Path, program: Path) -> EfiBoot:
    """Put an EFI program on a disk in ``folder`` where firmware looks for one."""
    disk = folder / "esp"
    with disk.open("wb") as file:
        file.truncate(program.stat().st_size + 64 * MIB)
    for command in (
        ["mformat", "-i", str(disk), "-F", "::"],
        ["mmd", "-i", str(disk), "::/EFI", "::/EFI/BOOT"],
        ["mcopy", "-i", str(disk), str(program), "::/EFI/BOOT/BOOTX64.EFI"],
    ):
        run(command)
    code, variables = firmware(FIRMWARE)
    shutil.copy(variables, folder / "variables")
    return EfiBoot(code, folder / "variables", disk)


def firmware(places: Sequence[tuple[str, str]]) -> tuple[Path, Path]:
    for code, variables in places:
        if Path(code).is_file():
            return Path(code), Path(variables)
    raise LabError(f"no OVMF at {places[0][0]}: tests/run.sh installs what the lab needs")
