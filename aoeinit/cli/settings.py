"""The options that are settings, made of their table, and how they meet the configuration files."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from aoeinit.config import KEYS, Key, Settings, change
from aoeinit.errors import ConfigError

F = TypeVar("F", bound=Callable[..., object])


def setting_options(command: F) -> F:
    """Add an option for each setting; the command gets them by name, ``None`` where one is not given."""
    for name, key in reversed(tuple(KEYS.items())):
        command = click.option(
            f"--{name.replace('_', '-')}",
            type=_type(key),
            is_flag=key.flag,
            default=None,
            metavar=None if key.choices or key.flag else key.metavar,
            multiple=key.repeats,
            callback=read,
            help=f"{key.meaning}  [default: {key.default}]" if key.default else key.meaning,
        )(command)
    return command


def _type(key: Key) -> Any:  # noqa: ANN401 - click's types and Python's
    if key.choices:
        return click.Choice(key.choices)
    return bool if key.flag else int if key.whole else str


def read(_ctx: click.Context, param: click.Parameter, value: Any) -> Any:  # noqa: ANN401 - of any setting
    """Read an option as a configuration file's value is read, or end with a usage error."""
    if value is None or value == ():
        return None
    key = KEYS[param.name or ""]
    try:
        return tuple(key.read(each) for each in value) if key.repeats else key.read(value)
    except ConfigError as error:
        raise click.BadParameter(f"{error.message}; {error.hint}") from error


def settings_for(sysroot: Path, chosen: Mapping[str, Any]) -> Settings:
    """Give what the configuration in ``sysroot`` says, with the options that were given in its place."""
    from aoeinit.config_files import load_settings

    settings, _ = load_settings(sysroot)
    return change(settings, {name: value for name, value in chosen.items() if value is not None})
