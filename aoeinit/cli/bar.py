"""How far a copy is: a line that is written over on a terminal, and one each tenth elsewhere."""

import sys
import time
from typing import Final

import click

WIDTH: Final = 30
TENTHS: Final = 10

SETTLED_SECONDS: Final = 10
SETTLED_PART: Final = 0.03
"""Before so much has passed, and of all is copied, the pace tells nothing of how long it will take."""


class Bar:
    """The progress of a copy, on standard error: of ``total`` bytes, ``start`` of which were there already.

    A total of 0 is one that nobody knows.
    """

    def __init__(self, total: int, *, start: int = 0, quiet: bool = False) -> None:
        self.total = total
        self.start = start
        self.quiet = quiet
        self.terminal = sys.stderr.isatty()
        self.started = time.monotonic()
        self.tenths = int(self._part(start) * TENTHS)

    def _part(self, done: int) -> float:
        return min(done / self.total, 1.0) if self.total else 0.0

    def show(self, done: int) -> None:
        """Say that so many bytes are there."""
        if self.quiet:
            return
        part = self._part(done)
        text = line(done, self.total, self.start, time.monotonic() - self.started)
        if self.terminal:
            filled = "#" * round(part * WIDTH)
            click.echo(f"\r  [{filled:<{WIDTH}}] {text}\x1b[K", nl=False, err=True)
        elif int(part * TENTHS) > self.tenths:
            self.tenths = int(part * TENTHS)
            click.echo(f"  {text}", err=True)

    def close(self) -> None:
        """Leave the terminal with a clean line."""
        if self.terminal and not self.quiet:
            click.echo("\r\x1b[K", nl=False, err=True)


def line(done: int, total: int, start: int, seconds: float) -> str:
    """Say how much is done, how fast it went since ``start``, and how long it will take at this pace."""
    speed = (done - start) / seconds if seconds > 0 and done > start else 0.0
    rate = f"{amount(speed)}/s"
    if not total:
        return f"{amount(done)}, {rate}"
    settled = seconds >= SETTLED_SECONDS and done - start >= SETTLED_PART * total
    left = f", {clock((total - done) / speed)} left" if settled and done < total else ""
    return f"{min(done / total, 1):4.0%} {amount(done)} of {amount(total)}, {rate}{left}"


def amount(size: float) -> str:
    """Write bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:  # noqa: PLR2004 - what the units are made of
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def clock(seconds: float) -> str:
    """Write a time as hours, minutes and seconds."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
