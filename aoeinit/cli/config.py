"""``aoeinit config``: what the configuration files say."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from aoeinit.config import Settings
    from aoeinit.config_files import Origins


@click.group()
def config() -> None:
    """Print what /etc/aoeinit.toml and /etc/aoeinit.d/*.toml say."""


@config.command()
@click.option(
    "--sysroot",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default="/",
    show_default=True,
    help="Where the system is.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def show(sysroot: Path, as_json: bool) -> None:
    """Print the settings in force, and where each comes from.

    What is printed is a configuration file itself; the origin of each setting is the comment above it.
    """
    from aoeinit.config_files import load_settings

    settings, origins = load_settings(sysroot)
    if as_json:
        click.echo(as_json_text(settings, origins))
    else:
        click.echo("\n".join(as_toml(settings, origins)))


def as_json_text(settings: "Settings", origins: "Origins") -> str:
    """Give value and origin by name; ``null`` is a setting that is not set."""
    import json

    from aoeinit.config import as_plain

    return json.dumps(
        {
            name: {"value": as_plain(getattr(settings, name)), "origin": origin}
            for name, origin in origins.items()
        },
        indent=2,
    )


def as_toml(settings: "Settings", origins: "Origins") -> Iterator[str]:
    """Give the lines of a configuration file that says the same."""
    import json

    from aoeinit.config import as_plain

    for name, origin in origins.items():
        value = as_plain(getattr(settings, name))
        # But for this one character a JSON string is a TOML string.
        text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        yield f"# {origin}"
        yield f"# {name} is not set" if value is None else f"{name} = {text}"
