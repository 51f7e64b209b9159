"""Where a path of a sysroot is: never outside of it."""

import re
from pathlib import Path

import pytest

from aoeinit.errors import AoeinitError
from aoeinit.install.state import Change, Present, locate, look
from aoeinit.system.changes import apply

FILE = "etc/net/mine.conf"
NEW = Present(b"new\n", 0o644)


@pytest.fixture
def system(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "system/etc").mkdir(parents=True)
    return tmp_path / "system"


def test_a_folder_that_is_a_link_is_followed_inside(system: Path) -> None:
    (system / "cfg").mkdir()
    (system / "etc/net").symlink_to("/cfg")
    apply(system, Change(FILE, None, NEW, ""))
    assert (system / "cfg/mine.conf").read_bytes() == NEW.content
    assert look(system, FILE) == NEW


def test_folders_that_are_not_there_are_made(system: Path) -> None:
    assert locate(system, "a/b/c") == system / "a/b/c"
    apply(system, Change("a/b/c", None, NEW, ""))
    assert look(system, "a/b/c") == NEW


@pytest.mark.parametrize("path", [FILE, "etc/net/deeper/mine.conf"])
@pytest.mark.parametrize("way", ["{}", "../../outside"])
def test_a_link_to_a_folder_of_this_machine_is_refused(system: Path, path: str, way: str) -> None:
    outside = system.parent / "outside"
    (outside / "mine.conf").write_bytes(b"old\n")
    (system / "etc/net").symlink_to(way.format(outside))
    told = f"{re.escape(str(system / 'etc/net'))} is a link to .*outside, and nothing is there"
    with pytest.raises(AoeinitError, match=told):
        look(system, path)
    with pytest.raises(AoeinitError, match=told):
        apply(system, Change(path, None, NEW, ""))
    assert [(each.name, each.read_bytes()) for each in outside.iterdir()] == [("mine.conf", b"old\n")]
