"""Other programs that make initramfs images, known by what calls them when a kernel is installed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aoeinit.install.assignments import shell_value_of
from aoeinit.install.state import look
from aoeinit.sysroot import resolve

POSTINST: Final = "etc/kernel/postinst.d"
PLUGINS: Final = "usr/lib/kernel/install.d"
ALPM: Final = "usr/share/libalpm/hooks"


@dataclass(frozen=True, slots=True)
class Generator:
    """A generator and the file, relative to the sysroot, through which it is called."""

    name: str
    trigger: str


KNOWN: Final = (
    Generator("initramfs-tools", f"{POSTINST}/initramfs-tools"),
    Generator("tiny-initramfs", f"{POSTINST}/tiny-initramfs"),
    Generator("dracut", f"{POSTINST}/dracut"),
    Generator("dracut", f"{PLUGINS}/50-dracut.install"),
    Generator("mkinitcpio", f"{PLUGINS}/50-mkinitcpio.install"),
    Generator("mkosi-initrd", f"{PLUGINS}/50-mkosi.install"),
    Generator("booster", f"{PLUGINS}/50-booster.install"),
    Generator("mkinitcpio", f"{ALPM}/90-mkinitcpio-install.hook"),
    Generator("booster", f"{ALPM}/90-booster-install.hook"),
    Generator("dracut", f"{ALPM}/90-dracut-install.hook"),
)

UPDATE_INITRAMFS: Final = "etc/initramfs-tools/update-initramfs.conf"
MASKS: Final = {PLUGINS: "etc/kernel/install.d", ALPM: "etc/pacman.d/hooks"}
"""Folders whose files count for more than those of the same name in the vendor's."""


def active_generators(sysroot: Path, *, configured: str | None = None) -> Iterator[Generator]:
    """Find the generators that a kernel's installation would call.

    ``configured`` is the generator that install.conf(5) names: the plugins of all others then keep quiet.
    """
    for generator in KNOWN:
        folder, _, name = generator.trigger.rpartition("/")
        trigger = (
            f"{MASKS[folder]}/{name}" if _exists(sysroot, MASKS.get(folder), name) else generator.trigger
        )
        quiet = folder == PLUGINS and configured not in {None, generator.name}
        if not quiet and _called(sysroot, trigger, executable=folder != ALPM):
            yield generator
    if resolve(sysroot, "usr/sbin/update-initramfs") and not _updates_off(sysroot):
        yield Generator("initramfs-tools", UPDATE_INITRAMFS)


def _updates_off(sysroot: Path) -> bool:
    """Tell whether the file says no; without the file, or the line in it, update-initramfs takes a yes."""
    found = resolve(sysroot, UPDATE_INITRAMFS)
    state = look(sysroot, found.path) if found else None
    return state is not None and shell_value_of(state.content, "update_initramfs") == "no"


def _exists(sysroot: Path, folder: str | None, name: str) -> bool:
    return folder is not None and look(sysroot, f"{folder}/{name}") is not None


def _called(sysroot: Path, trigger: str, *, executable: bool) -> bool:
    """Tell whether a trigger is a file, and may be run where it has to be; a link to nowhere masks it."""
    found = resolve(sysroot, trigger)
    if found is None or not found.file.is_file():
        return False
    return not executable or bool(found.file.stat().st_mode & 0o111)
