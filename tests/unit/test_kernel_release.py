from pathlib import Path

import pytest

from aoeinit.errors import KernelError
from aoeinit.kernel.release import find_release, installed_releases


def install(sysroot: Path, release: str, folder: str = "lib/modules") -> Path:
    path = sysroot / folder / release
    (path / "kernel").mkdir(parents=True)
    return path


def test_releases_are_listed_wherever_lib_is(tmp_path: Path) -> None:
    install(tmp_path, "6.1.0-1")
    install(tmp_path, "6.12.1", "usr/lib/modules")
    assert installed_releases(tmp_path) == ("6.1.0-1", "6.12.1")


def test_what_a_removed_kernel_left_behind_is_no_release(tmp_path: Path) -> None:
    install(tmp_path, "6.1.0-2")
    (tmp_path / "lib/modules/6.1.0-1/misc").mkdir(parents=True)
    (tmp_path / "lib/modules/README").touch()
    assert installed_releases(tmp_path) == ("6.1.0-2",)


def test_an_absolute_link_stays_inside_the_sysroot(tmp_path: Path) -> None:
    path = install(tmp_path, "6.12.1", "usr/lib/modules")
    (tmp_path / "lib").symlink_to("/usr/lib")
    assert find_release(tmp_path, "6.12.1") == path
    assert installed_releases(tmp_path) == ("6.12.1",)


def test_a_sysroot_without_lib_has_its_modules_in_usr(tmp_path: Path) -> None:
    path = install(tmp_path, "6.12.1", "usr/lib/modules")
    assert find_release(tmp_path, "6.12.1") == path


def test_an_unknown_release_is_answered_with_those_there_are(tmp_path: Path) -> None:
    install(tmp_path, "6.1.0-1")
    install(tmp_path, "6.1.0-2")
    with pytest.raises(KernelError, match=r"no modules of kernel 5\.10 in .*/lib/modules") as caught:
        find_release(tmp_path, "5.10")
    assert caught.value.hint == "there are: 6.1.0-1, 6.1.0-2"


def test_a_sysroot_without_kernels_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(KernelError) as caught:
        find_release(tmp_path, "5.10")
    assert caught.value.hint == "there is none at all: install one, or name another sysroot"


@pytest.mark.parametrize("name", ["", ".", "..", "../modules/6.1.0-1", "6.1.0-1/kernel"])
def test_a_path_is_no_release(tmp_path: Path, name: str) -> None:
    install(tmp_path, "6.1.0-1")
    with pytest.raises(KernelError, match="is not the name of a kernel release") as caught:
        find_release(tmp_path, name)
    assert caught.value.hint == "there are: 6.1.0-1"


@pytest.mark.parametrize("name", ["x" * 300, "6.1\0"])
def test_an_impossible_name_is_an_error_of_ours(tmp_path: Path, name: str) -> None:
    (tmp_path / "lib/modules").mkdir(parents=True)
    with pytest.raises(KernelError, match="cannot follow"):
        find_release(tmp_path, name)


def test_a_loop_of_links_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "lib").symlink_to("lib")
    with pytest.raises(KernelError, match="too many levels of symbolic links"):
        installed_releases(tmp_path)
