"""What the doctor found, and the way out of it."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: ``level`` is ``error`` (the next boot would fail) or ``warning``.

    ``fix`` is the command to run, or words where there is none; empty where ``what`` says all.
    """

    level: str
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found, and what was not looked at, with the reason.

    ``local_root`` is the device of the running system's root where that is on no target.
    """

    findings: tuple[Finding, ...]
    left_out: tuple[str, ...]
    local_root: str | None = None

    @property
    def boots(self) -> bool:
        """Whether nothing found keeps the next boot from its root."""
        return not any(each.level == "error" for each in self.findings)


def error(what: str, fix: str) -> Finding:
    """Make a finding that keeps the system from booting."""
    return Finding("error", what, fix)


def warning(what: str, fix: str) -> Finding:
    """Make a finding that costs something else, or something later."""
    return Finding("warning", what, fix)


def graded(what: str, fix: str, *, fatal: bool) -> Finding:
    """Make a finding that keeps only some boots from their root: ``fatal`` if the next one is among them."""
    return Finding("error" if fatal else "warning", what, fix)


def advised(told: str, *, fatal: bool = False) -> Finding:
    """Make a finding of a planner's warning: many end with the way out, after a semicolon."""
    what, _, fix = told.partition("; ")
    return graded(what, fix, fatal=fatal)


def sorted_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Put errors first, and say each thing once, in its worst level."""
    found = sorted(findings, key=lambda each: each.level != "error")
    return tuple({each.what: each for each in reversed(found)}.values())[::-1]
