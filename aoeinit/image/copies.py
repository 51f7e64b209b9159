"""Files and folders that a user adds to an image."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from aoeinit.errors import ConfigError
from aoeinit.image.entries import Directory, Entry, File, Symlink


def file_entries(source: Path, destination: str) -> Iterator[Entry]:
    """Give the file that ``source`` leads to, or the folder with all in it, under its path in the image.

    Links inside a folder stay links. Raises :class:`ConfigError` for what is not there, cannot be read or is
    neither a file nor a folder.
    """
    try:
        yield from _tree(source.resolve(strict=True), destination.strip("/"))
    except OSError as error:
        raise ConfigError(f"cannot read {source}: {error.strerror}", "check what --file names") from error


def _tree(source: Path, path: str) -> Iterator[Entry]:
    mode = source.lstat().st_mode
    if stat.S_ISDIR(mode):
        if path:
            yield Directory(path, stat.S_IMODE(mode))
        for child in sorted(source.iterdir()):
            yield from _tree(child, f"{path}/{child.name}".lstrip("/"))
    elif stat.S_ISLNK(mode):
        yield Symlink(path, os.readlink(source))
    elif stat.S_ISREG(mode):
        # Bits that give away another user's rights have no place in an image.
        yield File(path, source.read_bytes(), stat.S_IMODE(mode) & 0o777)
    else:
        raise ConfigError(f"{source} is neither a file nor a folder", "leave it out of --file")
