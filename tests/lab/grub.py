"""GRUB on a disk image, put there by hand: grub-install wants a real disk to probe.

For BIOS: the GRUB manual, "BIOS installation", and how the sources of boot.S and diskboot.S find what follows
them: the first sector loads the second, which by default loads what lies right behind it.
"""

import shutil
from pathlib import Path

from tests.lab.disk import SECTOR, START, Disk
from tests.lab.programs import LabError, run

MODULES = ("biosdisk", "part_msdos", "ext2", "linux")
EFI_MODULES = ("part_gpt", "fat", "linux")
FOLDERS = (Path("/usr/lib/grub/i386-pc"), Path("/usr/lib/grub2/i386-pc"))
BOOT_CODE = 440
"""The bytes of the first sector that are code; the disk's signature and partition table follow."""


def install_grub(disk: Disk, parameters: str) -> None:
    """Let the disk start ``/boot/vmlinuz`` with ``/boot/initrd.img`` of its own first partition."""
    folder = next((folder for folder in FOLDERS if (folder / "boot.img").is_file()), None)
    if folder is None:
        raise LabError(f"no boot.img in {' or '.join(map(str, FOLDERS))}: install grub-pc-bin")
    core = make_core(disk.path.with_suffix(".grub"), parameters)
    if SECTOR + len(core) > START:
        raise LabError(f"GRUB's core image has {len(core)} bytes: too many for the gap before the partition")
    with disk.path.open("r+b") as file:
        file.write((folder / "boot.img").read_bytes()[:BOOT_CODE])
        file.seek(SECTOR)
        file.write(core)


def make_core(folder: Path, parameters: str) -> bytes:
    """Make the part of GRUB that reads disks, with its whole configuration inside."""
    folder.mkdir()
    config, core = folder / "grub.cfg", folder / "core.img"
    config.write_text(
        f"set root=hd0,msdos1\nlinux /boot/vmlinuz {parameters}\ninitrd /boot/initrd.img\nboot\n"
    )
    options = ["--format=i386-pc", "--prefix=(hd0,msdos1)/boot/grub", f"--config={config}"]
    run([mkimage(), *options, f"--output={core}", *MODULES])
    return core.read_bytes()


def make_efi_grub(folder: Path, parameters: str) -> Path:
    """Make GRUB for EFI, which starts ``/vmlinuz`` with ``/initrd.img`` of the partition that it is on."""
    folder.mkdir()
    config, grub = folder / "grub.cfg", folder / "grub.efi"
    config.write_text(f"linux /vmlinuz {parameters}\ninitrd /initrd.img\nboot\n")
    options = ["--format=x86_64-efi", "--prefix=/EFI/BOOT", f"--config={config}"]
    run([mkimage(), *options, f"--output={grub}", *EFI_MODULES])
    return grub


def mkimage() -> str:
    return "grub-mkimage" if shutil.which("grub-mkimage") else "grub2-mkimage"
