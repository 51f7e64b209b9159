"""Names of AoE targets: ``e11.0`` is shelf 11, slot 0."""

import re
from dataclasses import dataclass
from typing import Self

from aoeinit.errors import ConfigError

# AoEr11, section 2.1: a shelf (major) of all ones and a slot (minor) of all ones mean "every target".
MAX_SHELF = 0xFFFF - 1
MAX_SLOT = 0xFF - 1

_NAME = re.compile(r"e([0-9]{1,5})\.([0-9]{1,3})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One AoE target; ``str()`` gives its name."""

    shelf: int
    slot: int

    @classmethod
    def parse(cls, name: str) -> Self:
        """Read a name such as ``e11.0``. Raises :class:`ConfigError` for anything else."""
        match = _NAME.fullmatch(name)
        if match is None:
            raise ConfigError(
                f"{name!r} is not an AoE target",
                hint="a target is written e<shelf>.<slot>, for example e11.0",
            )
        shelf, slot = int(match[1]), int(match[2])
        if shelf > MAX_SHELF or slot > MAX_SLOT:
            raise ConfigError(
                f"{name!r} is not an AoE target",
                hint=f"a shelf is at most {MAX_SHELF}, a slot at most {MAX_SLOT}",
            )
        return cls(shelf, slot)

    def __str__(self) -> str:
        """Give the name that the protocol's tools and the kernel use."""
        return f"e{self.shelf}.{self.slot}"
