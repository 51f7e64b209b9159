"""The applets of Debian's busybox packages, against what each one itself lists."""

import subprocess
from pathlib import Path

import pytest

from aoeinit.image.busybox import applets, find_busybox
from aoeinit.image.libraries import Loader
from aoeinit.sysroot import resolve
from tests.lab.kernels import apt_options
from tests.lab.programs import run


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
@pytest.mark.parametrize("package", ["busybox-static", "busybox"])
def test_the_table_is_what_busybox_lists(package: str, suite: str, tmp_path: Path) -> None:
    root = unpacked(suite, [package, "libc6"], tmp_path)
    path = find_busybox(root)
    busybox = resolve(root, path)
    assert busybox is not None
    listed = run([*loader_in(root, path), str(busybox.file), "--list"]).split()
    assert applets(busybox.file.read_bytes()) == set(listed)
    assert len(listed) > 200


def test_a_program_that_is_no_busybox_has_no_applets() -> None:
    names = applets(Path("/usr/bin/env").resolve().read_bytes())
    assert not names & {"ash", "busybox", "mount"}


def unpacked(suite: str, packages: list[str], folder: Path) -> Path:
    apt = folder / "apt"
    apt.mkdir()
    options = apt_options(suite, apt)
    run(["apt-get", *options, "--quiet", "update"])
    run(["apt-get", *options, "--quiet", "download", *packages], cwd=apt)
    root = folder / "root"
    # Older packages have files below /lib and the like; in the distribution these are links.
    for name in ("bin", "lib", "lib64", "sbin"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for package in apt.glob("*.deb"):
        content = subprocess.run(
            ["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE, check=True
        ).stdout
        subprocess.run(["tar", "-x", "--keep-directory-symlink", "-C", root], input=content, check=True)
    return root


def loader_in(root: Path, path: str) -> list[str]:
    """How to run a dynamic program of another suite: with the loader and the libraries of its own."""
    closure = Loader(root).closure(path)
    assert closure.missing == ()
    if not closure.libraries:
        return []
    folders = {str(library.file.file.parent) for library in closure.libraries}
    return [str(closure.libraries[0].file.file), "--library-path", ":".join(sorted(folders))]
