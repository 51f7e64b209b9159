"""The record of a migration that is not complete."""

import json
from collections.abc import Iterator
from typing import Final

from aoeinit.doctor.findings import Finding, error
from aoeinit.doctor.system import System
from aoeinit.errors import AoeinitError
from aoeinit.install.migrate.progress import RECORD
from aoeinit.install.migrate.titles import title_of
from aoeinit.install.state import look

LAST: Final = "check"
"""The step after which the copy is known to be whole."""

REST: Final = "everything else: a migration that goes on does what is left to be done"

WHERE: Final = "on the machine that it is copied from"


def cut_short(system: System) -> Finding | None:
    """Tell of a migration that has not come to its end; ``None`` where nothing tells of one."""
    try:
        found = _read(system)
    except (AoeinitError, ValueError, KeyError, TypeError):
        return None
    if found is None or LAST in found[1]:
        return None
    target, done = found
    after = f" after the step '{title_of(done[-1])}'" if done else ""
    fix = f"{WHERE}: aoeinit migrate --target {target} --resume"
    return error(f"the migration to {target} was not finished: it ended{after}", fix)


def examine(system: System) -> Iterator[Finding]:
    """Tell of a record that cannot be read."""
    try:
        _read(system)
    except (ValueError, KeyError, TypeError):
        target = f" --target {system.target}" if system.target else ""
        yield error(
            f"/{RECORD} is damaged: whether this copy is complete is not known",
            f"{WHERE}: aoeinit migrate{target} --wipe, which starts anew",
        )


def _read(system: System) -> tuple[str, tuple[str, ...]] | None:
    """Give the target and the steps that are done; ``None`` where there is no record."""
    state = look(system.sysroot, RECORD)
    if state is None:
        return None
    plain = json.loads(state.content)
    return str(plain["target"]), tuple(map(str, plain["done"]))
