"""What every part of the benchmark works with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.installation import Installation


@dataclass(frozen=True, slots=True)
class Bench:
    """A system with the contestants, a folder for what is large, how often, and how to tell how far it is.

    ``more`` are builders that the user brings: shell commands by name.
    """

    system: Installation
    folder: Path
    rounds: int
    say: Callable[[str], None]
    more: Mapping[str, str] = field(default_factory=dict)
