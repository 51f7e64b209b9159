"""What GRUB is told: the command line in every place that it comes from, and what else names the old disk."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from aoeinit.errors import AoeinitError, ConfigError
from aoeinit.install.command import Command
from aoeinit.install.grub.cmdline import Parameters, rewrite, warnings_of
from aoeinit.install.grub.defaults import DEFAULTS, ROOT_KEYS, rewrite_defaults
from aoeinit.install.grub.entries import ENTRIES, BootFileSystem, rewrite_entry, rewrite_environment
from aoeinit.install.grub.esp import configurations, names_in, rewrite_stub, vendors
from aoeinit.install.grub.packages import keep_fallback_out
from aoeinit.install.record import ChangePlan, plan_changes, plan_undo
from aoeinit.install.state import Change, Present, State, locate, look, undone
from aoeinit.sysroot import resolve

RECORD: Final = "var/lib/aoeinit/grub.json"
KERNEL_CMDLINE: Final = "etc/kernel/cmdline"
DROP_INS: Final = "etc/default/grub.d"
FLAVOURS: Final = (("grub-mkconfig", "boot/grub"), ("grub2-mkconfig", "boot/grub2"))
"""The program that makes the menu, and GRUB's folder."""

_SETS_ROOT = re.compile(rb"^[^#\n]*\b(" + "|".join(ROOT_KEYS).encode() + rb")\w*\+?=", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class GrubConfig:
    """Changes of files, and the commands to run after them."""

    plan: ChangePlan
    commands: tuple[Command, ...]


def plan_grub_config(sysroot: Path, parameters: Parameters, boot: BootFileSystem | None = None) -> GrubConfig:
    """Plan to let GRUB start the system with the root on a target.

    ``boot`` is needed where another file names the file system of ``/boot``. Raises :class:`ConfigError` for
    a file that cannot be understood, and for a system with no boot loader that this knows.
    """
    edits = tuple(_edits(sysroot, parameters, boot))
    commands = mkconfig(sysroot)
    if not (commands or edits):
        raise ConfigError(
            f"{sysroot} has neither GRUB nor boot entries", "install GRUB in it, or see that /boot is mounted"
        )
    dropped = (word for edit in edits for word in edit.dropped)
    warnings = (*warnings_of(dropped), *_drop_ins(sysroot), *_rivals(sysroot))
    return GrubConfig(plan_changes(sysroot, RECORD, (edit.change for edit in edits), warnings), commands)


def plan_grub_undo(sysroot: Path) -> GrubConfig:
    """Plan to put back what was there before; what somebody has changed since stays, with a warning."""
    plan = plan_undo(sysroot, RECORD, _restored)
    return GrubConfig(plan, mkconfig(sysroot) if plan.changes else ())


def names_boot(sysroot: Path) -> bool:
    """Tell whether another file than the menu names the file system of ``/boot``."""
    return any(True for _ in configurations(sysroot))


def mkconfig(sysroot: Path) -> tuple[Command, ...]:
    """Give the command that makes the menu of the system's GRUB anew, if it has one."""
    why = "makes the menu anew: it names file systems by UUID"
    return tuple(
        Command((name, "-o", f"/{folder}/grub.cfg"), why, inside=True)
        for name, folder in FLAVOURS
        if resolve(sysroot, f"usr/sbin/{name}")
    )


@dataclass(frozen=True, slots=True)
class _Edit:
    change: Change
    dropped: tuple[str, ...] = ()


def _edits(sysroot: Path, parameters: Parameters, boot: BootFileSystem | None) -> Iterator[_Edit]:
    """Give every file that has a say, whether it changes or not."""
    if mkconfig(sysroot) or look(sysroot, DEFAULTS):
        path, before = _file(sysroot, DEFAULTS)
        content, dropped = rewrite_defaults(before.content if before else b"", parameters)
        yield _Edit(_change(path, before, content, "gives the menu the root on the target"), dropped)
    yield from _kernel_cmdline(sysroot, parameters)
    yield from _entries(sysroot, parameters, boot)
    yield from _environments(sysroot, parameters)
    if boot:
        yield from (_stub(sysroot, path, boot) for path in configurations(sysroot))
    for _, folder in FLAVOURS:
        path = f"{folder}/device.map"
        before = look(sysroot, path)
        if before:
            yield _Edit(Change(path, before, None, "tells GRUB of disks as they were; it finds them itself"))
    for vendor in vendors(sysroot):
        change = keep_fallback_out(sysroot, vendor)
        if change:
            yield _Edit(change)


def _kernel_cmdline(sysroot: Path, parameters: Parameters) -> Iterator[_Edit]:
    """Change what kernel-install puts into entries; its lines count as one, except for comments."""
    path, before = _file(sysroot, KERNEL_CMDLINE)
    if before is None:
        return
    lines = before.content.decode(errors="surrogateescape").splitlines(keepends=True)
    first = next((number for number, line in enumerate(lines) if _counts(line)), None)
    dropped: list[str] = []
    for number, line in enumerate(lines):
        if _counts(line):
            text = line.rstrip("\n")
            words = rewrite(text, parameters, None if number == first else ())
            dropped += words.dropped
            lines[number] = words.text + line[len(text) :]
    if first is None:
        lines.append(" ".join(parameters.words) + "\n")
    content = "".join(lines).encode(errors="surrogateescape")
    why = "gives the entries of new kernels the root on the target"
    yield _Edit(_change(path, before, content, why), tuple(dropped))


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _entries(sysroot: Path, parameters: Parameters, boot: BootFileSystem | None) -> Iterator[_Edit]:
    files = frozenset(names_in(sysroot, "boot"))
    for name in names_in(sysroot, ENTRIES):
        if not name.endswith(".conf"):
            continue
        path, before = _file(sysroot, f"{ENTRIES}/{name}")
        if before:
            text = before.content.decode(errors="surrogateescape")
            entry = rewrite_entry(text, parameters, boot, files)
            content = entry.text.encode(errors="surrogateescape")
            yield _Edit(
                _change(path, before, content, "gives the entry the root on the target"), entry.dropped
            )


def _environments(sysroot: Path, parameters: Parameters) -> Iterator[_Edit]:
    for _, folder in FLAVOURS:
        path, before = _file(sysroot, f"{folder}/grubenv")
        if before:
            content, dropped = rewrite_environment(before.content, parameters, locate(sysroot, path))
            yield _Edit(_change(path, before, content, "gives the entries the root on the target"), dropped)


def _stub(sysroot: Path, name: str, boot: BootFileSystem) -> _Edit:
    path, before = _file(sysroot, name)
    text = before.content.decode(errors="surrogateescape") if before else ""
    content = rewrite_stub(text, boot).encode(errors="surrogateescape")
    return _Edit(_change(path, before, content, "finds the file system of /boot, which has another UUID"))


def _file(sysroot: Path, path: str) -> tuple[str, State]:
    """Give a file that a path leads to, following links: it alone is changed.

    Raises :class:`AoeinitError` for a link to nothing, such as Fedora's to an EFI partition not mounted.
    """
    found = resolve(sysroot, path)
    state = look(sysroot, found.path if found else path)
    if found is None and state:
        raise AoeinitError(
            f"{locate(sysroot, path)} is a link to {os.fsdecode(state.content)}, and nothing is there",
            "mount what that is on, the EFI partition perhaps, or remove the link",
        )
    return found.path if found else path, state


def _change(path: str, before: State, content: bytes, why: str) -> Change:
    return Change(path, before, replace(before or Present(b"", 0o644), content=content), why)


def _drop_ins(sysroot: Path) -> Iterator[str]:
    """Warn of files that Debian's grub-mkconfig reads after /etc/default/grub."""
    for name in names_in(sysroot, DROP_INS):
        place = resolve(sysroot, f"{DROP_INS}/{name}")
        state = look(sysroot, place.path) if place and place.file.is_file() else None
        found = state and _SETS_ROOT.search(state.content)
        if found and name.endswith(".cfg"):
            key = found[1].decode()
            yield f"/{DROP_INS}/{name} sets {key}, too, and has the last word: it must name no other root"


def _rivals(sysroot: Path) -> Iterator[str]:
    """Warn of images that grub-mkconfig prefers to ours."""
    files = frozenset(names_in(sysroot, "boot"))
    for name in sorted(files):
        release = name.removeprefix("initrd.img-")
        ours = f"initramfs-{release}.img"
        if release != name and ours in files:
            yield f"GRUB takes /boot/{name} rather than /boot/{ours}: remove it if it is not for the target"


def _restored(change: Change, current: State) -> State | Change:
    """Leave away what somebody has removed since: the entry of a kernel, say."""
    return None if current is None and change.after else undone(change, current)
