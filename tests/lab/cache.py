"""The cache folder: what is slow to get is kept there from run to run."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    """Where what is slow to get is kept from run to run."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "aoeinit"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on ``path``; the kernel gives it back however the holder ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def filling(folder: Path) -> Iterator[Path | None]:
    """Give an empty folder to fill, which becomes ``folder`` in one step; ``None`` where that is there.

    Two that ask at once wait for each other, and a run that dies leaves nothing that looks complete.
    """
    with locked(folder.with_name(f".{folder.name}.lock")):
        if folder.is_dir():
            yield None
            return
        part = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        yield part
        part.rename(folder)
