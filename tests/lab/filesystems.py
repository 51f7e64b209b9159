"""File systems, each filled from a folder by its own mkfs: no mount, no loop device."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.lab.programs import run

BLOCK = 4096


def make_ext4(part: Path, tree: Path, uuid: str, label: str) -> None:
    # GRUB before 2.12 cannot read a file system with metadata_csum_seed.
    settings = ["-O", "^metadata_csum_seed", "-E", "root_owner=0:0", "-b", f"{BLOCK}"]
    settings += [*(("-U", uuid) if uuid else ()), *(("-L", label) if label else ())]
    run(["mke2fs", "-q", "-t", "ext4", *settings, "-d", str(tree), str(part)])


def make_xfs(part: Path, tree: Path, uuid: str, label: str) -> None:
    """Make an XFS, which is of 300 MiB at least."""
    prototype = part.with_suffix(".prototype")
    prototype.write_text("/\n0 0\n" + "\n".join(prototype_lines(tree)) + "\n")
    settings = [*(("-m", f"uuid={uuid}") if uuid else ()), *(("-L", label) if label else ())]
    run(["mkfs.xfs", "-q", *settings, "-p", str(prototype), str(part)])


def prototype_lines(folder: Path, name: str = "") -> Iterator[str]:
    """A folder in the language of mkfs.xfs(8), option -p: name, mode, owner, group, content of each entry."""
    yield f"{name} d--{permissions(folder)} 0 0".strip()
    for path in sorted(folder.iterdir()):
        if path.is_symlink():
            yield f"{path.name} l--777 0 0 {os.readlink(path)}"
        elif path.is_dir():
            yield from prototype_lines(path, path.name)
        else:
            yield f"{path.name} ---{permissions(path)} 0 0 {path}"
    yield "$"


def permissions(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode) & 0o777:03o}"


def make_btrfs(part: Path, tree: Path, uuid: str, label: str) -> None:
    """Make a btrfs, which is of 128 MiB at least."""
    settings = [*(("-U", uuid) if uuid else ()), *(("-L", label) if label else ())]
    run(["mkfs.btrfs", "--quiet", *settings, "--rootdir", str(tree), str(part)])


FORMATS: dict[str, Callable[[Path, Path, str, str], None]] = {
    "ext4": make_ext4,
    "xfs": make_xfs,
    "btrfs": make_btrfs,
}
"""By type, what makes the file system: in a file, with a folder's content, its UUID (empty: by chance)
and its label (empty: none)."""
