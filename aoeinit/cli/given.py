"""Values that were typed: what the library refuses of them is a mistake in the command line."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from aoeinit.errors import ConfigError


@contextmanager
def reading_given(option: str = "") -> Iterator[None]:
    """End with a usage error, that names the option, where the block cannot read what was typed."""
    try:
        yield
    except ConfigError as error:
        message = f"{option}: {error.message}" if option else error.message
        raise click.UsageError(f"{message}; {error.hint}" if error.hint else message) from error
