"""A copy of a disk that is only read: what is written to the copy goes to a file beside it."""

import json
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shlex import quote
from typing import Final

from aoeinit.errors import AoeinitError, TrialError
from aoeinit.install.command import Command
from aoeinit.system.beside import START_SECONDS, running
from aoeinit.system.blocks import users
from aoeinit.system.commands import run
from aoeinit.system.namespace import Network

FUSE: Final = Path("/dev/fuse")
AOE_MAJOR: Final = 152
LOOPS: Final = Path("/sys/block")
PROCESSES: Final = Path("/proc")
QCOW: Final = b"QFI\xfb"
"""What an image in QEMU's own format begins with (QEMU, docs/interop/qcow2.txt)."""
SPARE: Final = 256 << 20
"""Bytes that are left free where a disk is copied."""


def require_disk(path: Path) -> Iterator[str]:
    """Refuse what cannot be tried; give warnings about what may come out wrong.

    Raises :class:`TrialError` for what is no disk, cannot be read, or is on a target.
    """
    try:
        found = path.stat()
        require_kind(path, found.st_mode, found.st_rdev)
        with path.open("rb") as file:
            begin = file.read(len(QCOW))
            size = file.seek(0, os.SEEK_END)
    except OSError as error:
        hint = "run as root" if isinstance(error, PermissionError) else "see whether it is there"
        raise TrialError(f"{path}: {error.strerror}", hint) from error
    if not size:
        raise TrialError(f"{path} is empty", "name a disk's image")
    if begin == QCOW:
        raise TrialError(
            f"{path} is an image in QEMU's own format, which vblade does not read",
            f"make a plain one: qemu-img convert -O raw {quote(f'{path}')} FILE",
        )
    if is_used(path):
        yield f"{path} is in use: what is written to it now may leave the copy in pieces; use a snapshot"


def require_kind(path: Path, mode: int, device: int) -> None:
    """Refuse what is neither a file nor a block device, and what is on a target.

    ``mode`` and ``device`` are ``st_mode`` and ``st_rdev`` of stat(2). Raises :class:`TrialError`.
    """
    if stat.S_ISDIR(mode):
        raise TrialError(f"{path} is a folder", "name a disk's image, or a block device")
    if not stat.S_ISREG(mode) and not stat.S_ISBLK(mode):
        raise TrialError(f"{path} is neither a file nor a block device", "name a disk's image")
    if stat.S_ISBLK(mode) and os.major(device) == AOE_MAJOR:
        raise TrialError(
            f"{path} is a target itself, and targets are left alone",
            "run this on its server with the disk that it exports, or with a snapshot or a copy of that",
        )


def is_used(path: Path) -> bool:
    """Tell whether a disk is mounted, attached to a loop device, or open for writing somewhere."""
    if is_written(path):
        return True
    if path.is_block_device():
        with suppress(AoeinitError):
            return any(users(f"{path}"))
        return False
    return any(
        each.read_text(errors="replace").rstrip("\n") == os.path.realpath(path)
        for each in LOOPS.glob("loop*/loop/backing_file")
    )


def is_written(path: Path) -> bool:
    """Tell whether a program has it open for writing, of those that this user may look at (proc(5))."""
    name = os.path.realpath(path)
    return any(_writes(each, name) for each in PROCESSES.glob("[0-9]*/fd/*"))


def _writes(opened: Path, name: str) -> bool:
    # The file may be closed, and the process gone, by now.
    with suppress(OSError):
        if os.readlink(opened) == name:
            told = (opened.parents[1] / "fdinfo" / opened.name).read_text()
            flags = re.search(r"^flags:\s*([0-7]+)", told, re.MULTILINE)
            return flags is not None and int(flags[1], 8) & os.O_ACCMODE != os.O_RDONLY
    return False


@contextmanager
def disk_copy(net: Network, disk: Path, folder: Path, warn: Callable[[str], None]) -> Iterator[Path]:
    """Give a file that is a copy of the disk; what is written to it is in ``folder`` and gone afterwards.

    QEMU's storage daemon shows the file in a mount namespace of its own, which ends with it. Where that
    does not work, ``warn`` is told why, and the disk is copied as a whole.
    """
    if not os.access(FUSE, os.R_OK | os.W_OK):
        warn(f"{FUSE} cannot be used: {disk} is copied as a whole")
        yield whole_copy(disk, folder)
        return
    overlay, mount_point, ready = folder / "changes", folder / "disk", folder / "ready"
    backing = ("-F", "raw", "-b", os.path.realpath(disk))
    words = ("qemu-img", "create", "-q", "-f", "qcow2", *backing, f"{overlay}")
    run(Command(words, "makes a file for what is written", package="qemu-utils or qemu-img"))
    mount_point.touch()
    blocks = {
        "driver": "qcow2",
        "node-name": "disk",
        "file": {"driver": "file", "filename": f"{overlay}"},
    }
    export = {
        "type": "fuse",
        "id": "copy",
        "node-name": "disk",
        "mountpoint": f"{mount_point}",
        "writable": True,
    }
    command = [
        *("unshare", "--mount", "--propagation", "private", "--"),
        *("qemu-storage-daemon", "--blockdev", json.dumps(blocks), "--export", json.dumps(export)),
        *("--pidfile", f"{ready}"),
    ]
    log = folder / "storage.log"
    with log.open("wb") as output, running(net.inside(command), stdout=output) as daemon:
        patience = time.monotonic() + START_SECONDS
        while not ready.exists() and daemon.poll() is None and time.monotonic() < patience:
            time.sleep(0.02)
        if ready.exists():
            copy = folder / "copy"
            copy.symlink_to(f"/proc/{daemon.pid}/root{mount_point}")
            yield copy
            return
    said = log.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
    warn(f"no copy on write ({said[0]}): {disk} is copied as a whole")
    yield whole_copy(disk, folder)


def whole_copy(disk: Path, folder: Path) -> Path:
    """Copy a disk; raises :class:`TrialError` where there is no room for it."""
    copy = folder / "disk"
    found = disk.stat()
    with disk.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
    needed = found.st_blocks * 512 if stat.S_ISREG(found.st_mode) else size
    free = shutil.disk_usage(folder).free
    if needed + SPARE > free:
        raise TrialError(
            f"{disk} has {needed >> 20} MiB, and {folder.parent} has room for {free >> 20}",
            "name a folder with more room in TMPDIR",
        )
    words = ("cp", "--reflink=auto", "--sparse=always", "--", os.path.realpath(disk), f"{copy}")
    run(Command(words, "copies the disk", package="coreutils"))
    copy.chmod(0o600)
    return copy
