"""The root of a disk that a trial makes for itself: busybox, and an init that reports and switches off."""

from pathlib import Path
from typing import Final

from aoeinit.image.busybox import find_busybox, require_applets
from aoeinit.image.entries import Directory, Entry, File, arrange
from aoeinit.image.programs import program_entries

BUSYBOX: Final = "usr/lib/aoeinit/busybox"
INIT: Final = Path(__file__).with_name("init")
APPLETS: Final = ("dmesg", "mount", "poweroff", "sh", "sync", "uname")
FOLDERS: Final = ("dev", "proc", "sys", "run", "tmp", "etc")

MIB: Final = 1 << 20
START: Final = MIB
"""Where the partition begins, in bytes."""
SPARE: Final = 24 * MIB
"""Room in the file system beside its files: an ext4 has a journal."""


def small_root(sysroot: Path, token: str) -> tuple[Entry, ...]:
    """Plan the root, with the busybox of ``sysroot``; what it prints is known by ``token``.

    Raises :class:`aoeinit.errors.ProgramError` where there is no such busybox.
    """
    busybox = find_busybox(sysroot)
    require_applets(sysroot, busybox, APPLETS)
    return arrange(
        (
            *map(Directory, FOLDERS),
            *program_entries(sysroot, busybox, destination=BUSYBOX),
            File("etc/aoeinit-try", f"{token}\n".encode()),
            File("sbin/init", INIT.read_bytes(), 0o755),
        )
    )


def disk_size(entries: tuple[Entry, ...]) -> int:
    """Give the bytes of a disk for the files."""
    content = sum(len(each.content) for each in entries if isinstance(each, File))
    return START + SPARE + (content * 3 // 2 + MIB) // MIB * MIB


TABLE: Final = f"label: dos\nstart={START // 512}, type=83\n"
"""What sfdisk(8) is told: one partition to the disk's end."""
