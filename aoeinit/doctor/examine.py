"""All examinations, one after another."""

from collections.abc import Iterable, Iterator

from aoeinit.doctor import (
    boot_folder,
    boot_loader,
    command_line,
    fstab,
    hooks,
    images,
    migration,
    network,
    running,
)
from aoeinit.doctor.findings import Finding, Report, sorted_findings, warning
from aoeinit.doctor.system import System
from aoeinit.errors import AoeinitError

EXAMINATIONS = (
    migration.examine,
    images.examine,
    boot_loader.no_loader,
    boot_loader.examine,
    command_line.examine,
    fstab.examine,
    network.examine,
    running.examine,
    boot_folder.examine,
    hooks.examine,
)


def examine(system: System, findings: Iterable[Finding] = (), left_out: Iterable[str] = ()) -> Report:
    """Find every reason why a system would not come up from its target, worst first.

    ``findings`` are those made while the facts were gathered. Of a copy that a migration has not finished
    nothing else is told.
    """
    local_root = system.running.local_root if system.running else None
    unfinished = migration.cut_short(system)
    if unfinished:
        return Report((unfinished,), (*left_out, migration.REST), local_root)
    return Report(sorted_findings((*findings, *_findings(system))), tuple(left_out), local_root)


def _findings(system: System) -> Iterator[Finding]:
    for examination in EXAMINATIONS:
        try:
            yield from examination(system)
        except AoeinitError as failure:
            yield warning(failure.message, failure.hint or "see there")
