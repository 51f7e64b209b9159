"""Which kernel releases a sysroot has, and where the modules of one are."""

from pathlib import Path
from typing import Final

from aoeinit.errors import KernelError
from aoeinit.kernel.content import locate

MODULE_FOLDERS: Final = ("lib/modules", "usr/lib/modules")
"""Where releases have their folders: the same place wherever ``/lib`` is a link to ``/usr/lib``."""


def installed_releases(sysroot: Path) -> tuple[str, ...]:
    """List the releases that have modules in the sysroot, sorted by name.

    A removed kernel often leaves its folder behind with files that no package owned: such a one is none.
    """
    folders = filter(None, (locate(sysroot, folder) for folder in MODULE_FOLDERS))
    try:
        found = {
            release.name
            for folder in folders
            for release in folder.file.iterdir()
            if (release / "modules.dep").exists() or (release / "kernel").is_dir()
        }
    except OSError as error:
        raise KernelError(f"cannot list {error.filename}: {error.strerror}") from error
    return tuple(sorted(found))


def find_release(sysroot: Path, release: str) -> Path:
    """Find the folder with the release's modules, as the host sees it.

    Raises :class:`KernelError` where there is none, with the releases that there are.
    """
    if release in {"", ".", ".."} or "/" in release:
        raise KernelError(f"{release!r} is not the name of a kernel release", _choice(sysroot))
    for folder in MODULE_FOLDERS:
        found = locate(sysroot, f"{folder}/{release}")
        if found is not None and found.file.is_dir():
            return found.file
    raise KernelError(f"no modules of kernel {release} in {sysroot / MODULE_FOLDERS[0]}", _choice(sysroot))


def _choice(sysroot: Path) -> str:
    releases = installed_releases(sysroot)
    if not releases:
        return "there is none at all: install one, or name another sysroot"
    return f"there are: {', '.join(releases)}"
