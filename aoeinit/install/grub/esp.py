"""What is on an EFI system partition: folders of vendors, and the small grub.cfg that finds the real one."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aoeinit.errors import AoeinitError
from aoeinit.install.grub.entries import BootFileSystem
from aoeinit.sysroot import resolve

PLACES: Final = ("boot/efi", "efi", "boot")
"""Where distributions mount it."""
REMOVABLE: Final = "EFI/BOOT"
"""Where firmware looks on a disk of which it knows nothing else (UEFI specification, 3.5.1.1)."""
ARCHITECTURES: Final = {"x64": "x86_64-efi", "aa64": "arm64-efi", "ia32": "i386-efi"}
"""GRUB's platforms by what firmware and shim call them."""

# Fedora writes "search --no-floppy --fs-uuid --set=dev UUID", Debian "search.fs_uuid UUID root HINTS".
_SEARCH = re.compile(
    r"^([ \t]*search(?:\.fs_uuid|[ \t][^\n]*--fs-uuid)[^\n]*?[ \t])([0-9a-f]+(?:-[0-9a-f]+)+)\b",
    re.MULTILINE | re.IGNORECASE,
)
_PREFIX = re.compile(r"^([ \t]*set[ \t]+prefix=\(\$\w+\)'?)((?:/[^/'\s]+)*)(/grub2?'?[ \t]*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Vendor:
    """A folder of the partition with a signed shim and the GRUB that it starts.

    ``path`` is relative to the sysroot, ``esp`` where the partition is mounted, ``suffix`` is as in
    ``shimx64.efi``.
    """

    esp: str
    path: str
    suffix: str

    @property
    def removable(self) -> str:
        """The folder where firmware looks."""
        return f"{self.esp}/{REMOVABLE}"


def vendors(sysroot: Path) -> Iterator[Vendor]:
    """Find the vendors' folders."""
    for esp, folder, names in _folders(sysroot):
        for suffix in ARCHITECTURES:
            if {f"shim{suffix}.efi", f"grub{suffix}.efi"} <= names:
                yield Vendor(esp, folder, suffix)


def configurations(sysroot: Path) -> Iterator[str]:
    """Find the partition's own grub.cfg files, as paths in the sysroot."""
    return (f"{folder}/grub.cfg" for _, folder, names in _folders(sysroot) if "grub.cfg" in names)


def _folders(sysroot: Path) -> Iterator[tuple[str, str, frozenset[str]]]:
    for esp in PLACES:
        for name in names_in(sysroot, f"{esp}/EFI"):
            folder = f"{esp}/EFI/{name}"
            yield esp, folder, frozenset(names_in(sysroot, folder))


def names_in(sysroot: Path, folder: str) -> list[str]:
    """Name what is in a folder; nothing if there is none. Raises AoeinitError for one that is closed."""
    found = resolve(sysroot, folder)
    try:
        return sorted(os.listdir(found.file)) if found else []
    except NotADirectoryError:
        return []
    except OSError as error:
        raise AoeinitError(f"cannot read {sysroot / folder}: {error.strerror}", "run as root") from error


def rewrite_stub(text: str, boot: BootFileSystem) -> str:
    """Let a grub.cfg that only goes on to another one find that on the file system of ``/boot``."""
    if "configfile" not in text or not _SEARCH.search(text):
        return text
    text = _SEARCH.sub(lambda match: match[1] + boot.uuid, text)
    return _PREFIX.sub(lambda match: match[1] + boot.folder + match[3], text)
