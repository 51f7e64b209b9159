"""What a check found."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a check; ``level`` is ``error`` (it would not boot), ``warning`` or ``note``."""

    level: str
    text: str


def error(text: str) -> Finding:
    """Make a finding that keeps the image from booting."""
    return Finding("error", text)


def warning(text: str) -> Finding:
    """Make a finding that may matter on some machines."""
    return Finding("warning", text)


def note(text: str) -> Finding:
    """Make a finding that tells a limit of the check."""
    return Finding("note", text)


def would_boot(findings: Iterable[Finding]) -> bool:
    """Tell whether nothing found keeps the image from booting."""
    return not any(finding.level == "error" for finding in findings)


def verdict(findings: Iterable[Finding]) -> str:
    """Sum the findings up in a line; warnings are counted, as each may keep some machine from booting."""
    levels = [finding.level for finding in findings]
    count = levels.count("warning")
    warnings = f", with {count} warning{'s' * (count > 1)}" if count else ""
    if "error" in levels:
        return f"would not boot an AoE root{warnings}"
    return f"nothing found that keeps it from booting an AoE root{warnings}"
