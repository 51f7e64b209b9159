"""Values that were typed: what the library refuses of them is a mistake in the command line."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from aoeinit.errors import ConfigError


@contextmanager
def reading_given() -> Iterator[None]:
    """End with a usage error where the block cannot read what was typed."""
    try:
        yield
    except ConfigError as error:
        raise click.UsageError(f"{error.message}; {error.hint}" if error.hint else error.message) from error
