"""What an emulated machine says on its console."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the console and when it was complete, in seconds after the machine was switched on."""

    seconds: float
    text: str
