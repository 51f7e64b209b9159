"""Carrying out the steps of a migration, one after the other, and leaving nothing mounted behind."""

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from aoeinit.cli.migrate_actions import Run, is_root_mounted, perform
from aoeinit.errors import AoeinitError
from aoeinit.install.migrate.plan import FOLDER, FROM, ROOT, TO, TOP, place_of
from aoeinit.install.migrate.progress import RECORD, text_of
from aoeinit.install.migrate.steps import PREPARED, Step, left, steps
from aoeinit.install.state import Change, Present, look
from aoeinit.system import blocks, mounts
from aoeinit.system.changes import apply

NODE_SECONDS: Final = 30


@contextmanager
def workplace() -> Iterator[None]:
    """Make the places to work in, and unmount all there at the end, whatever it is."""
    mounts.enter_namespace(FOLDER)
    for place in (ROOT, FROM, TO, TOP):
        place.mkdir()
    # The source is only read: what is made for a moment is made in memory.
    tempfile.tempdir = os.fspath(FOLDER)
    with interruptible():
        try:
            yield
        finally:
            for each in mounts.unmount_below(FOLDER):
                click.echo(f"aoeinit: warning: {each}", err=True)


@contextmanager
def interruptible() -> Iterator[None]:
    """Take the signals that end programs as what Ctrl-C is."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, action)


def carry_out_steps(run: Run) -> None:
    """Do what is not done yet; raises :class:`AoeinitError` for what does not work."""
    todo = steps(run.migration)
    coming = left(todo, run.progress.done)
    for number, step in enumerate(todo, start=1):
        if step not in coming:
            continue
        run.tell(f"[{number}/{len(todo)}] {step.what}")
        try:
            for action in step.actions(ROOT):
                perform(action, run)
            finish(step, run)
        except KeyboardInterrupt as error:
            raise AoeinitError(f"interrupted: {step.what}", again(run)) from error
        except AoeinitError as error:
            hint = f"{error.hint}; then {again(run)}" if error.hint else again(run)
            raise AoeinitError(f"{step.what}: {error.message}", hint) from error
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            raise AoeinitError(f"{step.what}: {place}{error.strerror}", again(run)) from error


def again(run: Run) -> str:
    """Say how to get to the same end: without a record there is nothing that a later run could go on with."""
    migration = run.migration
    how, options = ("go on", "--resume") if run.recorded else ("begin anew", f"--wipe{run.laid_out}")
    options += f" --interface {migration.interface}{' --verify full' * migration.full}"
    return f"{how} with: aoeinit migrate {run.named} {options}"


def finish(step: Step, run: Run) -> None:
    """Record on the target that a step is done, once the target can hold the record."""
    if step.name == "table":
        layout, disk = run.migration.layout, run.migration.disk
        blocks.wait_for_nodes(
            disk.node, tuple(disk.part(each.number) for each in layout.partitions), NODE_SECONDS
        )
    done = run.progress if step.always else run.progress.after(step.name)
    if PREPARED in done.done and is_root_mounted(run):
        # What is recorded as done must have arrived: a later run, and a quick comparison, would believe it.
        for volume, _ in run.migration.layout.volumes:
            mounts.settle(place_of(volume))
        record = Present(text_of(done), 0o600)
        apply(ROOT, Change(RECORD, look(ROOT, RECORD), record, "tells how far the migration has come"))
        run.recorded = True
    run.progress = done
