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
