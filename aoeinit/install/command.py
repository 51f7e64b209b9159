"""A program to run, as a value: planners return them, one place runs them."""

import shlex
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """A program's words, what it reads, and why it runs.

    ``inside`` says that it is the system's own program: it runs with the sysroot as ``/``, and with the
    machine's devices, processes and hardware there. ``package`` is where users get the program, if not from
    a package of its name.
    """

    words: tuple[str, ...]
    why: str
    input: bytes = b""
    inside: bool = False
    package: str | None = None

    def text(self) -> str:
        """Give it as somebody would type it in the system it runs in."""
        line = shlex.join(self.words)
        return f"{line} <<'.'\n{self.input.decode(errors='replace').rstrip()}\n." if self.input else line
