"""The lab's own reading of an ext4: against what the kernel says of the same files, and what it sees."""

import hashlib
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.disk import MIB, make_empty
from tests.lab.filesystems import make_ext4
from tests.lab.manifest import Entry, Manifest, differences, read_manifest

HOLE = 8 * MIB


def fill(tree: Path) -> None:
    """Make one file of every kind."""
    (tree / "folder/deeper").mkdir(parents=True)
    (tree / "folder/file").write_text("content\n")
    (tree / "folder/empty").touch()
    (tree / "folder/other").hardlink_to(tree / "folder/file")
    (tree / "folder/link").symlink_to("file")
    (tree / "folder/long").symlink_to("x" * 200)
    (tree / "folder" / os.fsdecode(b"odd\xff\nname")).write_text("odd\n")
    os.mkfifo(tree / "folder/pipe")
    os.mknod(tree / "folder/device", stat.S_IFCHR | 0o640, os.makedev(1, 3))
    with (tree / "folder/sparse").open("wb") as file:
        file.seek(HOLE)
        file.write(b"end")
    os.chown(tree / "folder/empty", 70000, 123456)
    (tree / "folder/empty").chmod(0o6751)
    os.utime(tree / "folder/file", ns=(0, 946684799_000000000))
    os.setxattr(tree / "folder/file", "user.colour", b"green")
    os.setxattr(tree / "folder/deeper", "trusted.long", b"7" * 300)
    for number in range(300):
        (tree / "folder/deeper" / f"one-of-many-{number}").write_text(f"{number}\n")


def make(folder: Path, name: str, change: Callable[[Path], object] = Path.exists) -> Manifest:
    tree, part = folder / f"{name}-tree", folder / name
    tree.mkdir()
    fill(tree)
    for path in [*tree.rglob("*"), tree]:
        if "file" not in path.name:
            os.utime(path, ns=(0, 10**18), follow_symlinks=False)
    change(tree)
    make_empty(part, 32 * MIB)
    make_ext4(part, tree, "", "")
    return read_manifest(part, {"/": 0})


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return make(tmp_path_factory.mktemp("one"), "disk")


def test_reads_what_the_kernel_knows(tmp_path: Path) -> None:
    manifest = make(tmp_path, "disk")
    tree = tmp_path / "disk-tree"
    paths = {f"/{path.relative_to(tree)}": path for path in tree.rglob("*")}
    assert manifest.keys() - paths.keys() == {"/", "/lost+found"}
    assert {path: manifest[path] for path in paths} == {
        name: expected(path, tree) for name, path in paths.items()
    }


def expected(path: Path, tree: Path) -> Entry:
    found = path.lstat()
    regular, link = stat.S_ISREG(found.st_mode), stat.S_ISLNK(found.st_mode)
    same = [each for each in tree.rglob("*") if each.lstat().st_ino == found.st_ino]
    content = hashlib.sha256(path.read_bytes()).hexdigest() if regular else ""
    names = os.listxattr(path, follow_symlinks=False)
    return Entry(
        mode=stat.filemode(found.st_mode),
        owner=found.st_uid,
        group=found.st_gid,
        size=0 if stat.S_ISDIR(found.st_mode) else found.st_size,
        # mkfs keeps whole seconds.
        changed=found.st_mtime_ns // 10**9 * 10**9,
        content=str(path.readlink()) if link else "1:3" if stat.S_ISCHR(found.st_mode) else content,
        same=tuple(sorted(f"/{each.relative_to(tree)}" for each in same)) if len(same) > 1 else (),
        attributes=tuple(sorted((name, os.getxattr(path, name)) for name in names)),
        sparse=path.name == "sparse",
    )


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "content": (
        lambda tree: (tree / "folder/deeper/one-of-many-7").write_text("8\n"),
        "/folder/deeper/one-of-many-7: content ",
    ),
    "mode": (lambda tree: (tree / "folder/empty").chmod(0o751), "/folder/empty: mode "),
    "owner": (lambda tree: os.chown(tree / "folder/pipe", 1, 0), "/folder/pipe: owner "),
    "group": (lambda tree: os.chown(tree / "folder/pipe", 0, 1), "/folder/pipe: group "),
    "date": (lambda tree: os.utime(tree / "folder/pipe", (0, 5)), "/folder/pipe: changed "),
    "attribute": (
        lambda tree: os.removexattr(tree / "folder/file", "user.colour"),
        "/folder/file: attributes ",
    ),
    "missing": (lambda tree: (tree / "folder/pipe").unlink(), "/folder/pipe: missing"),
    "new": (lambda tree: (tree / "folder/more").touch(), "/folder/more: new"),
}


@pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES)
def test_sees_every_change(
    change: Callable[[Path], object], told: str, one: Manifest, tmp_path: Path
) -> None:
    found = differences(one, make(tmp_path, "other", change), [])
    assert any(line.startswith(told) for line in found), found


def test_sees_a_hard_link_that_became_a_file(one: Manifest, tmp_path: Path) -> None:
    def part(tree: Path) -> None:
        shutil.copy2(tree / "folder/other", tree / "folder/new")
        (tree / "folder/new").rename(tree / "folder/other")

    found = differences(one, make(tmp_path, "other", part), [])
    assert any(line.startswith("/folder/other: same ") for line in found), found


def test_is_silent_about_what_may_change(one: Manifest, tmp_path: Path) -> None:
    other = make(tmp_path, "other", lambda tree: (tree / "folder/pipe").unlink())
    assert differences(one, other, ["/", "/lost+found", "/folder/p*"]) == []
