"""All of a fleet in a folder: what ``aoeinit server fleet --output`` writes."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aoeinit.cli.server_boot import FORMATS, render
from aoeinit.errors import AoeinitError, ConfigError
from aoeinit.server.ipxe import ipxe
from aoeinit.system.files import replace_file

if TYPE_CHECKING:
    from aoeinit.server.fleet import Fleet
    from aoeinit.server.text import File

EXPORTS = "exports"
SCRIPT = "boot.ipxe"
FILE_MODE = 0o644


def write_all(folder: Path, fleet: "Fleet", exports: "Iterable[File]") -> None:
    """Write everything, the DHCP of every server that can do it; raises :class:`AoeinitError`."""
    texts = {SCRIPT: ipxe(fleet.clients, fleet.loading)}
    for kind in FORMATS:
        try:
            path, text = render(kind, fleet.lan, fleet.clients)
        except ConfigError as error:
            click.echo(f"aoeinit: warning: nothing for {kind}: {error.message}", err=True)
        else:
            texts[f"{kind}/{path}"] = text
    require_empty(folder)
    for name, text in texts.items():
        write(folder / name, text)
    for file in exports:
        place = folder / EXPORTS / file.path
        if file.is_link:
            make(place.parent)
            os.symlink(file.text, place)
        else:
            write(place, file.text)
    click.echo(f"{folder}: {', '.join((EXPORTS, *texts))}")


def require_empty(folder: Path) -> None:
    """Refuse a folder with files in it: exports of an earlier run would be taken for this one's."""
    make(folder)
    if any(folder.iterdir()):
        raise AoeinitError(f"{folder} is not empty", "name a new folder")


def make(folder: Path) -> None:
    """Make a folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AoeinitError(f"cannot make {folder}: {error.strerror}", "name another folder") from error


def write(place: Path, text: str) -> None:
    """Write a file and the folders it is in."""
    make(place.parent)
    with replace_file(place, mode=FILE_MODE) as stream:
        stream.write(text.encode())
