"""The change of a system's /etc/fstab, with the backup that undoes it."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from aoeinit.errors import AoeinitError, ConfigError
from aoeinit.install.fstab.plan import FstabPlan
from aoeinit.install.network import udev
from aoeinit.install.state import Change, Present, locate, look
from aoeinit.sysroot import resolve

FSTAB: Final = "etc/fstab"

BACKUP: Final = "etc/fstab.before-aoeinit"
"""What was there before the first change; no later one replaces it."""


def read_fstab(sysroot: Path) -> Present:
    """Read a system's fstab; raises :class:`AoeinitError` where there is none that can be changed."""
    state = look(sysroot, FSTAB)
    if state is None:
        raise ConfigError(
            f"{locate(sysroot, FSTAB)} is not there", "name the folder of the moved system with --sysroot"
        )
    if state.is_link:
        raise AoeinitError(
            f"{locate(sysroot, FSTAB)} is a link to {state.content.decode(errors='backslashreplace')}",
            "change what makes that file, or put a file in the link's place",
        )
    return state


def plan_change(sysroot: Path, before: Present, plan: FstabPlan) -> tuple[Change, ...]:
    """Plan the backup and the new file, or nothing where nothing changes."""
    if plan.text == before.content:
        return ()
    change = Change(FSTAB, before, replace(before, content=plan.text), "moves it to the target")
    if look(sysroot, BACKUP) is not None:
        return (change,)
    return (Change(BACKUP, None, before, "keeps what was there before"), change)


def has_rule(sysroot: Path) -> bool:
    """Tell whether udev will give AoE devices their names in ``/dev/disk``."""
    found = resolve(sysroot, udev.PATH)
    return found is not None and found.file.is_file()
