from pathlib import Path

import pytest

from aoeinit.errors import AoeinitError
from aoeinit.sysroot import resolve


@pytest.fixture
def sysroot(tmp_path: Path) -> Path:
    (tmp_path / "usr/lib/systemd").mkdir(parents=True)
    (tmp_path / "usr/lib/systemd/systemd").touch()
    (tmp_path / "usr/sbin").mkdir()
    (tmp_path / "lib").symlink_to("usr/lib")
    (tmp_path / "sbin").symlink_to("/usr/sbin")
    (tmp_path / "usr/sbin/init").symlink_to("/lib/systemd/systemd")
    (tmp_path / "loop").symlink_to("loop2")
    (tmp_path / "loop2").symlink_to("/loop")
    return tmp_path


def test_an_absolute_link_stays_inside_the_sysroot_and_every_link_is_told(sysroot: Path) -> None:
    found = resolve(sysroot, "/sbin/init")
    assert found is not None
    assert found.path == "usr/lib/systemd/systemd"
    assert found.file == sysroot / "usr/lib/systemd/systemd"
    assert found.links == (
        ("sbin", "/usr/sbin"),
        ("usr/sbin/init", "/lib/systemd/systemd"),
        ("lib", "usr/lib"),
    )


@pytest.mark.parametrize("path", ["../../usr/lib", "/usr/./lib/", "usr//sbin/../lib", "/lib"])
def test_a_path_is_made_plain(sysroot: Path, path: str) -> None:
    found = resolve(sysroot, path)
    assert found is not None
    assert found.path == "usr/lib"


def test_dot_dot_never_leaves_the_sysroot(sysroot: Path) -> None:
    (sysroot / "out").symlink_to("../../../../../usr")
    found = resolve(sysroot, "out")
    assert found is not None
    assert found.path == "usr"


@pytest.mark.parametrize("path", ["nothing", "/usr/nothing/more", "usr/lib/systemd/systemd/more"])
def test_what_is_not_there_is_none(sysroot: Path, path: str) -> None:
    assert resolve(sysroot, path) is None


def test_a_loop_of_links_is_an_error(sysroot: Path) -> None:
    with pytest.raises(AoeinitError, match="loop"):
        resolve(sysroot, "/loop/more")


@pytest.mark.parametrize("path", ["usr/" + "n" * 300, "usr/\0"])
def test_an_impossible_name_is_an_error(sysroot: Path, path: str) -> None:
    with pytest.raises(AoeinitError, match="cannot follow"):
        resolve(sysroot, path)
