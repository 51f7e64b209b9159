"""Doing what the steps of a migration give, one action at a time, and to no other disk than the target."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click

from aoeinit.cli import making
from aoeinit.cli.bar import Bar
from aoeinit.cli.changes import carry_out
from aoeinit.cli.settings import settings_for
from aoeinit.config import change
from aoeinit.errors import AoeinitError
from aoeinit.install.command import Command
from aoeinit.install.migrate.outcome import compared, copied, listed_lines, name_in
from aoeinit.install.migrate.plan import (
    FOLDER,
    FROM,
    ROOT,
    TO,
    Action,
    BootCheck,
    Comparison,
    Copy,
    Files,
    Image,
    Migration,
    Mount,
    TabCheck,
)
from aoeinit.install.migrate.progress import Progress
from aoeinit.sysroot import resolve
from aoeinit.system import blocks, machine, mounts
from aoeinit.system.changes import apply
from aoeinit.system.commands import run
from aoeinit.system.copying import run_long, used_in

LIMIT: Final = 1 << 30
"""Bytes that an image of ours may hold unpacked."""
DEVICE: Final = re.compile(r"(?<![\w./@-])/dev/[\w./!@+:-]+")
HARMLESS: Final = frozenset({"/dev/null", "/dev/zero"})
"""Devices that a command may name although they are none of the target's."""


@dataclass(slots=True)
class Run:
    """One run of a migration: what it works on, how its target was ``named``, the warnings it gave.

    What the preflight has ``told`` is not said again. ``laid_out`` is the option for the layout file, if
    there is one. ``recorded`` says that there is a record on the target.
    """

    migration: Migration
    progress: Progress
    named: str
    told: frozenset[str] = frozenset()
    quiet: bool = False
    laid_out: str = ""
    recorded: bool = False
    warnings: list[str] = field(default_factory=list)

    def tell(self, text: str) -> None:
        """Say something to who waits."""
        if not self.quiet:
            click.echo(text, err=True)

    def warn(self, text: str) -> None:
        """Say what the user should know, now and at the end."""
        self.warnings.append(text)
        if text not in self.told:
            click.echo(f"aoeinit: warning: {text}", err=True)


def is_root_mounted(run: Run) -> bool:
    """Tell whether the target's root is where it is worked on, and nothing else."""
    return mounts.device_at(ROOT) == run.migration.disk.part(run.migration.layout.root.number)


def perform(action: Action, run: Run) -> None:
    """Do one thing of a step."""
    match action:
        case Command():
            run_guarded(action, run)
        case Mount(command, place):
            place.mkdir(parents=True, exist_ok=True)
            run_guarded(command, run)
        case Copy():
            copy(action, run)
        case Comparison():
            compare(action, run)
        case Files():
            write_files(action, run)
        case Image(release):
            make_image(release, run)
        case TabCheck(command):
            try:
                run_guarded(command, run)
            except AoeinitError as error:
                run.warn(error.message)
        case BootCheck():
            check_boot(action, run)


def write_files(action: Files, run: Run) -> None:
    """Write files of the copy."""
    for warning in action.warnings:
        run.warn(warning)
    require_root(run)
    if action.recorded:
        carry_out(ROOT, action.recorded, record_first=True)
        return
    for each in action.changes:
        apply(ROOT, each)


def run_guarded(command: Command, run_: Run) -> str:
    """Run a program that names no device but the target's; raises :class:`AoeinitError` for any other.

    This is the one place through which a migration runs what can write to a device.
    """
    guard(command, run_)
    if command.inside:
        require_root(run_)
    return run(command, ROOT)


def guard(command: Command, run: Run) -> None:
    """Refuse a command that names a device of another disk than the target."""
    node = run.migration.disk.node
    for name in {name for word in command.words for name in DEVICE.findall(word)} - HARMLESS:
        if blocks.disk_of(name) != blocks.disk_of(node):
            raise AoeinitError(
                f"{command.text()} would use {name}, which is not on {node}",
                "this is a mistake of aoeinit; nothing was run",
            )


def require_root(run: Run) -> None:
    """Refuse to write anywhere but to the target."""
    if not is_root_mounted(run):
        raise AoeinitError(f"the target's root is not mounted at {ROOT}", "see what has unmounted it")


def copy(action: Copy, run: Run) -> None:
    """Copy one file system, and say how far it is."""
    if mounts.device_at(TO) != action.device:
        raise AoeinitError(f"{TO} is not on {action.device}", "see what has unmounted it")
    guard(action.command, run)
    bar = Bar(action.expected, start=sum(map(used_in, action.places)), quiet=run.quiet)
    try:
        ended = run_long(action.command, FOLDER, lambda: bar.show(sum(map(used_in, action.places))))
    finally:
        bar.close()
    free = os.statvfs(TO)
    # Types that make inodes as they need them say that they have none at all.
    inodes = free.f_favail if free.f_files else None
    for warning in copied(ended.code, ended.said, action, free.f_bavail * free.f_frsize, inodes):
        run.warn(warning)


def compare(action: Comparison, run: Run) -> None:
    """Compare one file system with its copy."""
    ended = run_long(action.command, FOLDER, lambda: None)
    names = map(name_in, listed_lines(ended.listed))
    changed = {name for name in names if changed_since(FROM / name, run.progress.started)}
    for warning in compared(ended.code, ended.listed, ended.said, action.point, changed):
        run.warn(warning)


def changed_since(path: Path, started: float) -> bool:
    """Tell whether a file of the source, or the folder that it was removed from, has changed since."""
    for each in (path, *path.parents):
        try:
            return each.lstat().st_ctime >= started
        except (FileNotFoundError, NotADirectoryError):
            continue
    return False


def make_image(release: str, run: Run) -> None:
    """Make the image of a kernel in the copy, for the root's type there and this machine's hardware."""
    require_root(run)
    settings = settings_for(ROOT, {})
    types = tuple(dict.fromkeys((run.migration.layout.root.filesystem, *settings.filesystem)))
    settings = change(settings, {"filesystem": types})
    image = making.plan(settings, release=release, sysroot=ROOT)
    for warning in image.warnings:
        run.warn(f"kernel {release}: {warning}")
    making.write(image, machine.default_output(ROOT, release), settings)


def check_boot(action: BootCheck, run: Run) -> None:
    """Look at images and boot files of the copy; raises :class:`AoeinitError` for what would not boot."""
    from aoeinit.cli.views import findings_of
    from aoeinit.inspect.findings import would_boot

    for release in action.releases:
        path = machine.default_output(ROOT, release)
        findings = findings_of(str(path), release, LIMIT)
        for each in findings:
            if each.level != "note":
                run.warn(f"{path.name}: {each.level}: {each.text}")
        if not would_boot(findings):
            raise AoeinitError(f"{path.name} would not boot", f"see aoeinit inspect --check {path}")
    for names in action.files:
        if not any(resolve(ROOT, name) for name in names):
            raise AoeinitError(
                f"the moved system has no /{names[0]}", "install GRUB on the source, and its modules"
            )
