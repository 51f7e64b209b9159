"""Following paths inside a sysroot as if it were ``/``.

A sysroot is often another system's root folder: an absolute link in it, such as
``/sbin/init -> /lib/systemd/systemd``, means a file of that system, never one of the host's.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from aoeinit.errors import AoeinitError

# The kernel's own limit (path_resolution(7)); more means a loop.
MAX_LINKS = 40


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where a path leads inside a sysroot.

    ``path`` is the file itself, relative to the sysroot, with no symbolic link left in it; ``links`` are the
    links on the way, in the order they were met, each as (its own link-free path, what it holds).
    """

    sysroot: Path
    path: str
    links: tuple[tuple[str, str], ...]

    @property
    def file(self) -> Path:
        """The file as the host sees it."""
        return self.sysroot / self.path


def resolve(sysroot: Path, path: str) -> Resolved | None:
    """Follow ``path`` (absolute or not, both count from the sysroot); ``None`` where nothing is there.

    ``..`` stops at the sysroot, as it does at ``/``. Raises :class:`AoeinitError` for a loop of
    links, a folder that may not be entered and an impossible name.
    """
    base = os.fspath(sysroot)
    links: list[tuple[str, str]] = []
    done: list[str] = []
    todo = path.split("/")[::-1]
    while todo:
        name = todo.pop()
        if name in {"", "."}:
            continue
        if name == "..":
            del done[-1:]
            continue
        here = "/".join([*done, name])
        try:
            is_link = stat.S_ISLNK(os.lstat(f"{base}/{here}").st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            raise AoeinitError(f"cannot follow {path!r} in {base}: {error}") from error
        if not is_link:
            done.append(name)
            continue
        target = os.readlink(f"{base}/{here}")
        links.append((here, target))
        if len(links) > MAX_LINKS:
            raise AoeinitError(f"/{path.lstrip('/')} in {base}: too many levels of symbolic links")
        if target.startswith("/"):
            done.clear()
        todo.extend(target.split("/")[::-1])
    return Resolved(sysroot, "/".join(done), tuple(links))
