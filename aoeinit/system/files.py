"""Replacing a file as a whole or not at all."""

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from aoeinit.errors import AoeinitError

_HINTS = {
    errno.ENOSPC: "free some space there, or write to another folder",
    errno.EDQUOT: "free some space there, or write to another folder",
    errno.EFBIG: "raise the limit on the size of files",
    errno.EACCES: "run as root, or write to a folder of your own",
    errno.EPERM: "run as root, or write to a folder of your own",
    errno.EROFS: "mount it writable, or write to another folder",
    errno.ENOENT: "make the folder first",
    errno.ENOTDIR: "check the path: a part of it is not a folder",
}


@contextmanager
def replace_file(path: Path, *, mode: int, check: Callable[[Path], None] | None = None) -> Iterator[BinaryIO]:
    """Write a new file that takes the place of ``path`` when it is complete, and not before.

    What the block writes goes to a temporary file in the same folder, which has the permissions ``mode`` from
    its first moment on (where the file system knows permissions). At the end of the block it is flushed to
    the disk, shown to ``check``, and renamed. Whatever goes wrong, the old file stays as it was: on an
    exception the temporary file is removed; what a killed run leaves behind, the next one removes.

    A symbolic link is not written through and not replaced: both could cost a file that somebody boots from.

    Raises :class:`AoeinitError` when the file cannot be written, when ``path`` is there and is no regular
    file, and when another run is writing it; exceptions of the block and of ``check`` pass through.
    """
    if not path.name:
        raise AoeinitError(f"{path} is a folder, not a file", "name the file in it that is to be written")
    temporary = path.with_name(f".{path.name}.aoeinit")
    try:
        _refuse_special(path)
        descriptor = _create(temporary, mode)
    except OSError as error:
        raise _cannot_write(path, error) from error
    stream = os.fdopen(descriptor, "wb")
    try:
        yield stream
        stream.flush()
        os.fsync(descriptor)
        if check:
            check(temporary)
        os.rename(temporary, path)
    except BaseException as error:
        with suppress(OSError):
            # Before it is closed and thereby unlocked: after that the name may be another run's.
            os.unlink(temporary)
        if isinstance(error, OSError) and error.filename in {None, os.fspath(temporary)}:
            raise _cannot_write(path, error) from error
        raise
    finally:
        with suppress(OSError):
            stream.close()  # what matters is on the disk by now; the rest is not to be flushed again
    try:
        _sync_folder(path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error


def _refuse_special(path: Path) -> None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if stat.S_ISLNK(found.st_mode):
        raise AoeinitError(
            f"{path} is a symbolic link to {os.readlink(path)}",
            "give the name of the file itself, or remove the link",
        )
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "not a regular file"
        raise AoeinitError(f"{path} is {kind}", "give the name of a file")


def _create(temporary: Path, mode: int) -> int:
    """Make the temporary file and lock it; one that is there and locked belongs to a run that is alive."""
    while True:
        _remove_leftover(temporary)
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        except FileExistsError:
            continue
        try:
            if _lock(descriptor, temporary):
                # The umask may have taken bits away. A file system without permissions (vfat) refuses this.
                with suppress(PermissionError):
                    os.fchmod(descriptor, mode)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _remove_leftover(temporary: Path) -> None:
    try:
        descriptor = os.open(temporary, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if _lock(descriptor, temporary):
            os.unlink(temporary)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, temporary: Path) -> bool:
    """Lock the file; tell whether it still has that name: another run may have removed or renamed it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise AoeinitError(
            f"another run is writing {temporary.parent}/{temporary.name[1:].removesuffix('.aoeinit')} now",
            "wait until it has ended",
        ) from error
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(temporary))
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cannot_write(path: Path, error: OSError) -> AoeinitError:
    hint = _HINTS.get(error.errno) if error.errno is not None else None
    return AoeinitError(f"cannot write {path}: {error.strerror or error}", hint)
