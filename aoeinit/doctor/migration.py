"""The record of a migration that is not complete."""

import json
from collections.abc import Iterator
from typing import Final

from aoeinit.doctor.findings import Finding, error
from aoeinit.doctor.system import System
from aoeinit.install.migrate.progress import RECORD
from aoeinit.install.state import look

LAST: Final = "check"
"""The step after which the copy is known to be whole."""


def examine(system: System) -> Iterator[Finding]:
    """Read the record, where there is one."""
    state = look(system.sysroot, RECORD)
    if state is None:
        return
    fix = "on the machine that it is copied from: aoeinit migrate, as before"
    try:
        plain = json.loads(state.content)
        done, target = tuple(map(str, plain["done"])), str(plain["target"])
    except (ValueError, KeyError, TypeError):
        yield error(f"/{RECORD} is damaged: whether this copy is complete is not known", fix)
        return
    if LAST not in done:
        after = f" after the step {done[-1]!r}" if done else ""
        yield error(f"the migration to {target} was not finished: it ended{after}", fix)
