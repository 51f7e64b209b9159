"""Writing an image's files into a folder, without ever leaving it."""

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from aoeinit.errors import AoeinitError
from aoeinit.inspect.cpio import Item
from aoeinit.inspect.tree import Tree, content_of

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def extract(tree: Tree, folder: Path, *, devices: bool = False) -> tuple[str, ...]:
    """Write the files of ``tree`` below ``folder``, which must be empty or not be there yet.

    Paths of a tree run through no link, and every folder on the way is opened by its own name without
    following links: nothing is written elsewhere, even if somebody changes the folder meanwhile. Owners are
    not restored; set-user-ID, set-group-ID and sticky bits are left out. Device nodes are made only with
    ``devices``. Returns the paths that were left out. Raises :class:`AoeinitError` when something cannot be
    written.
    """
    try:
        _make_empty(folder)
        root = os.open(folder, _FOLDER & ~os.O_NOFOLLOW)
    except OSError as error:
        raise _cannot(folder, "", error) from error
    left_out: list[str] = []
    written: dict[int, str] = {}
    # Folders get their modes last: one that is not writable could not be filled.
    modes: list[tuple[str, int]] = []
    try:
        for path, item in sorted(tree.files.items(), key=lambda each: each[0].split("/")):
            try:
                if _shares_content(item) and id(item.holder or item) in written:
                    _link(root, written[id(item.holder or item)], path)
                elif not _write(root, path, item, devices=devices):
                    left_out.append(path)
                elif item.is_directory:
                    modes.append((path, stat.S_IMODE(item.mode) & 0o777))
                elif _shares_content(item):
                    written[id(item.holder or item)] = path
            except (OSError, ValueError) as error:
                raise _cannot(folder, path, error) from error
        _set_modes(root, reversed(modes))
    except OSError as error:
        raise _cannot(folder, "", error) from error
    finally:
        os.close(root)
    return tuple(left_out)


def _make_empty(folder: Path) -> None:
    try:
        folder.mkdir()
    except FileExistsError:
        if any(folder.iterdir()):
            raise AoeinitError(f"{folder} is not empty", "give a folder that is empty or not there") from None


def _write(root: int, path: str, item: Item, *, devices: bool) -> bool:
    above, _, name = path.rpartition("/")
    parent = _open_folder(root, above)
    try:
        return _make(parent, name, item, devices=devices)
    finally:
        os.close(parent)


def _shares_content(item: Item) -> bool:
    """Tell whether a file is one of several names of one content: written anew, it would take more room."""
    return item.is_file and item.links > 1 and (item.holder is None or not item.size)


def _link(root: int, old: str, new: str) -> None:
    """Give a file that was written a further name."""
    folders = [_open_folder(root, old.rpartition("/")[0])]
    try:
        folders.append(_open_folder(root, new.rpartition("/")[0]))
        names = old.rpartition("/")[2], new.rpartition("/")[2]
        os.link(*names, src_dir_fd=folders[0], dst_dir_fd=folders[1], follow_symlinks=False)
    finally:
        for folder in folders:
            os.close(folder)


def _make(parent: int, name: str, item: Item, *, devices: bool) -> bool:
    """Make one file in an open folder; tell whether it was made."""
    if item.is_directory:
        os.mkdir(name, 0o700, dir_fd=parent)
    elif item.is_link:
        os.symlink(item.link, name, dir_fd=parent)
    elif item.is_file:
        descriptor = os.open(name, _FILE, 0o600, dir_fd=parent)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content_of(item) or b"")
            stream.flush()
            os.fchmod(descriptor, stat.S_IMODE(item.mode) & 0o777)
            os.utime(descriptor, (item.mtime, item.mtime))
    elif item.is_device and devices:
        _make_device(parent, name, item)
    else:
        return False
    return True


def _make_device(parent: int, name: str, item: Item) -> None:
    number = os.makedev(item.rdevice[0] & 0xFFF, item.rdevice[1] & 0xFFFFF)
    # Changing the mode afterwards could follow a link that somebody put there meanwhile.
    umask = os.umask(0)
    try:
        os.mknod(name, stat.S_IFMT(item.mode) | stat.S_IMODE(item.mode) & 0o777, number, dir_fd=parent)
    finally:
        os.umask(umask)


def _open_folder(root: int, path: str) -> int:
    current = os.dup(root)
    for part in filter(None, path.split("/")):
        try:
            below = os.open(part, _FOLDER, dir_fd=current)
        finally:
            os.close(current)
        current = below
    return current


def _set_modes(root: int, modes: Iterable[tuple[str, int]]) -> None:
    for path, mode in modes:
        descriptor = _open_folder(root, path)
        try:
            os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)


def _cannot(folder: Path, path: str, error: OSError | ValueError) -> AoeinitError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    hints = {
        errno.EPERM: "device nodes can be made by root only",
        errno.ENOSPC: "free some space there, or extract to another folder",
        errno.EACCES: "extract to a folder of your own",
        errno.ENOENT: "make the folder above it first",
    }
    hint = hints.get(error.errno or 0) if isinstance(error, OSError) else None
    return AoeinitError(
        f"cannot extract {path!r} to {folder}: {reason}" if path else f"{folder}: {reason}", hint
    )
