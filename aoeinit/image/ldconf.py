"""The folders that a system's administrator adds to the dynamic loader's search.

Sources: ldconfig(8) for ``/etc/ld.so.conf``, musl's manual for ``/etc/ld-musl-ARCH.path``.
"""

import os
import re
from fnmatch import fnmatchcase
from pathlib import Path
from posixpath import dirname

from aoeinit.errors import ProgramError
from aoeinit.sysroot import resolve

# Files that include one another in a circle must end somewhere.
MAX_INCLUDES = 16


def configured_folders(sysroot: Path, path: str = "/etc/ld.so.conf", depth: int = 0) -> tuple[str, ...]:
    """List the folders that ``path`` and the files it includes name, in order, each once.

    A file that is not there names none. Raises :class:`ProgramError` for one that cannot be read and for
    files that include one another.
    """
    if depth > MAX_INCLUDES:
        raise ProgramError(f"{path} in {sysroot} is included by itself", "take the circle out")
    folders: dict[str, None] = {}
    for line in _lines(sysroot, path):
        words = line.partition("#")[0].split()
        if words[:1] == ["include"]:
            for pattern in words[1:]:
                for included in _matching(sysroot, os.path.join(dirname(path), pattern)):
                    folders |= dict.fromkeys(configured_folders(sysroot, included, depth + 1))
        elif words and words[0].startswith("/"):
            folder = words[0].partition("=")[0]  # "=TYPE" once told C libraries apart
            folders[folder.rstrip("/") or "/"] = None
    return tuple(folders)


def musl_folders(sysroot: Path, arch: str) -> tuple[str, ...] | None:
    """List the folders of musl's loader for ``arch``; ``None`` where it is not configured.

    They take the place of its default folders. Raises :class:`ProgramError` for a file that cannot be read.
    """
    path = f"/etc/ld-musl-{arch}.path"
    if resolve(sysroot, path) is None:
        return None
    folders = re.split(r"[:\n]", "\n".join(_lines(sysroot, path)))
    return tuple(folder for folder in folders if folder.startswith("/"))


def _lines(sysroot: Path, path: str) -> list[str]:
    resolved = resolve(sysroot, path)
    if resolved is None:
        return []
    try:
        return os.fsdecode(resolved.file.read_bytes()).splitlines()
    except OSError as error:
        raise ProgramError(f"cannot read {resolved.file}: {error.strerror}") from error


def _matching(sysroot: Path, pattern: str) -> list[str]:
    """Find the paths inside the sysroot that match ``pattern``, sorted, as glob(3) does."""
    paths = [""]
    for part in pattern.strip("/").split("/"):
        if re.search(r"[*?\[]", part):
            paths = [
                f"{path}/{name}"
                for path in paths
                for name in _names(sysroot, path)
                if fnmatchcase(name, part) and (part.startswith(".") or not name.startswith("."))
            ]
        else:
            paths = [f"{path}/{part}" for path in paths]
    return [path for path in paths if resolve(sysroot, path)]


def _names(sysroot: Path, folder: str) -> list[str]:
    resolved = resolve(sysroot, folder)
    try:
        return sorted(os.listdir(resolved.file)) if resolved else []
    except NotADirectoryError:
        return []
    except OSError as error:
        raise ProgramError(f"cannot read /{folder.lstrip('/')}: {error.strerror}") from error
