"""Extraction: what is written, and that nothing leaves the folder."""

import os
import stat
from pathlib import Path

import pytest

from aoeinit.errors import AoeinitError
from aoeinit.system.unpacking import extract
from tests.unit.inspect_samples import LINK, Made, directories, small_entries, tree_of

ESCAPING = [
    "../above",
    "/../above",
    "a/../../above",
    "out/above",
    "../../../../../../../../etc/above",
]


def test_files_folders_and_links_are_extracted(tmp_path: Path) -> None:
    tree = tree_of(*small_entries(), Made("su", stat.S_IFREG | 0o4755, b"root"), *directories("closed"))
    tree.files["closed"].mode = stat.S_IFDIR | 0o500
    left_out = extract(tree, tmp_path / "new")
    assert left_out == ("dev/console",)
    assert (tmp_path / "new/bin/sh").readlink() == Path("busybox")
    assert (tmp_path / "new/etc/one").read_bytes() == b"shared"
    assert stat.S_IMODE((tmp_path / "new/su").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "new/closed").stat().st_mode) == 0o500
    assert (tmp_path / "new/init").stat().st_mtime == 1_700_000_000


def test_hard_links_take_their_room_once(tmp_path: Path) -> None:
    names = ["one", "d/two", "three"]
    linked = [Made(name, links=3, inode=5, content=b"x" * 5000 * (name == "three")) for name in names]
    alone = [Made(name, links=1, inode=5) for name in ("empty", "other")]
    empty = [Made(name, links=2, inode=6) for name in ("e1", "e2")]
    extract(tree_of(*directories("d"), *linked, *alone, *empty), tmp_path / "new")
    files = [tmp_path / "new" / name for name in names]
    assert {file.stat().st_ino for file in files} == {files[0].stat().st_ino}
    assert files[1].read_bytes() == b"x" * 5000
    assert (tmp_path / "new/empty").stat().st_nlink == 1
    assert (tmp_path / "new/e2").read_bytes() == b""


def test_names_that_share_a_number_but_have_contents_of_their_own_stay_apart(tmp_path: Path) -> None:
    linked = [Made(name, links=2, inode=5, content=name.encode()) for name in ("one", "two")]
    extract(tree_of(*linked), tmp_path / "new")
    assert (tmp_path / "new/one").read_bytes() == b"one"
    assert (tmp_path / "new/two").read_bytes() == b"two"


def test_the_umask_has_no_say_in_the_modes_of_devices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def mknod(_name: str, mode: int, _device: int, *, dir_fd: int) -> None:
        assert dir_fd > 0
        umask = os.umask(0)
        os.umask(umask)
        seen.append(stat.S_IMODE(mode & ~umask))

    monkeypatch.setattr(os, "mknod", mknod)
    before = os.umask(0o077)
    try:
        null = Made("null", stat.S_IFCHR | 0o666, device=(1, 3))
        assert extract(tree_of(null), tmp_path / "new", devices=True) == ()
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)
    assert seen == [0o666]


@pytest.mark.parametrize("path", ESCAPING)
def test_nothing_leaves_the_folder(path: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    folder = tmp_path / "deep/er/new"
    folder.parent.mkdir(parents=True)
    tree = tree_of(Made("out", LINK, os.fsencode(outside)), Made(path, content=b"bad"), parents=True)
    extract(tree, folder)
    assert list(outside.iterdir()) == []
    assert [each.name for each in folder.parent.iterdir()] == ["new"]
    assert [each.name for each in tmp_path.glob("*")] == ["outside", "deep"] or len(
        list(tmp_path.iterdir())
    ) == 2


def test_a_folder_that_became_a_link_meanwhile_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    make = os.mkdir

    def attacked(name: str, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        if name == "d":
            os.symlink(outside, name, dir_fd=dir_fd)
        else:
            make(name, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "mkdir", attacked)
    with pytest.raises(AoeinitError, match="cannot extract 'd/x'"):
        extract(tree_of(*directories("d"), Made("d/x", content=b"bad")), tmp_path / "new")
    assert list(outside.iterdir()) == []


def test_only_an_empty_folder_is_extracted_to(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    with pytest.raises(AoeinitError, match="is not empty"):
        extract(tree_of(Made("x")), tmp_path)
    with pytest.raises(AoeinitError, match="Not a directory"):
        extract(tree_of(Made("x")), tmp_path / "there")


def test_names_that_no_file_system_takes_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(AoeinitError, match="File name too long"):
        extract(tree_of(Made("x" * 300)), tmp_path / "new")
