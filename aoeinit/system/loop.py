"""A disk that a server is to export, as a disk of this machine that has partitions."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aoeinit.errors import AoeinitError
from aoeinit.install.command import Command
from aoeinit.system import blocks
from aoeinit.system.commands import run


@contextmanager
def attached(path: Path) -> Iterator[str]:
    """Give a disk's own device, and for a file or a logical volume a loop device while the block runs.

    The kernel detaches that when nobody has it open any more, however this process ends. Raises
    :class:`AoeinitError` for what is in use.
    """
    require_unused(path)
    if has_partitions(path):
        yield os.path.realpath(path)
        return
    if not Path("/sys/module/loop").is_dir():
        run(Command(("modprobe", "loop"), "loads the driver of loop devices", package="kmod"))
    words = ("losetup", "--find", "--show", "--partscan", os.fspath(path))
    node = run(Command(words, "attaches it as a disk", package="mount or util-linux")).strip()
    descriptor = os.open(node, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # While it is open this only tells the kernel to detach it with the last that has it (losetup(8)).
        run(Command(("losetup", "--detach", node), "lets it go with this process"))
        if blocks.table_uuid(node) and not blocks.partitions_of(node):
            blocks.tell_kernel(node)
        yield node
    finally:
        os.close(descriptor)


def has_partitions(path: Path) -> bool:
    """Tell whether the kernel would make devices of partitions on it: not on volumes, nor on partitions."""
    name = Path(os.path.realpath(path)).name
    return path.is_block_device() and blocks.disk_of(f"{path}") == name and not name.startswith("dm-")


def require_unused(path: Path) -> None:
    """Refuse what is neither a file nor a block device, and what somebody has open."""
    if not path.is_file() and not path.is_block_device():
        raise AoeinitError(f"{path} is neither a file nor a block device", "name the disk of the target")
    found = os.stat(path)
    for each in Path("/proc").glob("[0-9]*/fd/*"):
        process = each.parent.parent
        try:
            opened, name = os.stat(each), (process / "comm").read_text(errors="replace").strip()
        except OSError:
            continue  # it has ended or closed it meanwhile
        if (opened.st_dev, opened.st_ino) == (found.st_dev, found.st_ino):
            raise AoeinitError(
                f"{path} is in use by {name} (process {process.name})",
                "end it first: nobody may have the target while it is written",
            )
    if run(Command(("losetup", "--noheadings", "--associated", os.fspath(path)), "finds loop devices")):
        raise AoeinitError(f"{path} is attached to a loop device", "detach it with losetup --detach")
    if path.is_block_device():
        used = "; ".join(blocks.users(os.fspath(path)))
        if used:
            raise AoeinitError(f"{path} is in use: {used}", "unmount it, or name another disk")
