"""A Debian system with the other generators in it, and aoeinit as the README installs it."""

import json
import shutil
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmark.measuring import INSIDE, LAUNCHER
from tests.lab.cache import cache_folder, filling
from tests.lab.installation import COMMAND, TOP, Installation, Suite, installation, make_wheel
from tests.lab.kernels import apt_options, debian_kernel
from tests.lab.programs import run

SUITE = Suite(
    "bookworm",
    "3.11",
    (
        *("dracut-core", "initramfs-tools-core", "tiny-initramfs-core", "aoetools", "libarchive-tools"),
        *("busybox-static", "cpio", "kmod", "rsync", "systemd", "udev", "zstd"),
        *("libarchive13", "python3", "python3-venv"),
    ),
)
FIRMWARE = (
    *("firmware-bnx2", "firmware-bnx2x", "firmware-cavium", "firmware-misc-nonfree", "firmware-myricom"),
    *("firmware-netxen", "firmware-qlogic", "firmware-realtek", "firmware-linux-free"),
)
"""The packages with what Ethernet drivers ask for."""
IMAGES = "/images"
PYTHON = "/opt/aoeinit/bin/python3"


@contextmanager
def peers() -> Iterator[Installation]:
    """A fresh system, which is in memory and gone after the block."""
    kernel = debian_kernel(SUITE.name)
    with TemporaryDirectory(prefix="aoeinit-benchmark-") as folder:
        project = Path(folder) / "project"
        collect_wheels(Path(folder), project / "wheels")
        with installation(SUITE, project, kernel) as system:
            system.mount("--rbind", "/dev", f"{system.folder}/dev")
            shutil.copy(LAUNCHER, system.file(INSIDE))
            shutil.copy(kernel.root / "boot" / f"config-{kernel.release}", system.file("/boot"))
            shutil.copytree(firmware(), system.file("/usr/lib/firmware"), symlinks=True, dirs_exist_ok=True)
            system.file(IMAGES).mkdir()
            system.run("python3", "-m", "venv", "/opt/aoeinit")
            pip = ["/opt/aoeinit/bin/pip", "--disable-pip-version-check", "install", "--quiet", "--no-index"]
            system.run(*pip, "--find-links", "/opt/aoeinit/wheels", "aoeinit")
            yield system


def collect_wheels(folder: Path, wheels: Path) -> None:
    """Build the project's wheel and get those that it depends on."""
    wheels.mkdir(parents=True)
    shutil.copy(make_wheel(folder), wheels)
    needed = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["dependencies"]
    options = ["--quiet", "--dest", str(wheels), "--only-binary=:all:", "--python-version", SUITE.python]
    run([sys.executable, "-m", "pip", "--disable-pip-version-check", "download", *options, *needed])


def firmware() -> Path:
    """The folder with Debian's firmware for network cards, from the cache or from the mirror."""
    folder = cache_folder() / "firmware" / SUITE.name
    with filling(folder) as part:
        if part is not None:
            with TemporaryDirectory(prefix="aoeinit-apt-") as apt:
                download_firmware(Path(apt), part)
    return folder / "lib/firmware"


def download_firmware(apt: Path, folder: Path) -> None:
    options = apt_options(SUITE.name, apt)
    sources = apt / "sources.list"
    sources.write_text(sources.read_text().replace(" main", " main non-free-firmware"))
    run(["apt-get", *options, "--quiet", "update"])
    run(["apt-get", *options, "--quiet", "download", *FIRMWARE], cwd=apt)
    for package in apt.glob("*.deb"):
        run(["dpkg-deb", "-x", str(package), str(folder)])


def aoeinit_build(release: str, name: str, *options: str) -> list[str]:
    """The command that builds an image with aoeinit."""
    output = ["--filesystem", "ext4", "--output", f"{IMAGES}/{name}", "--quiet"]
    return [COMMAND, "build", "--kernel", release, *output, *options]


def dracut(release: str, name: str, modules: Sequence[str]) -> list[str]:
    """The command that builds an image with those modules with dracut, for any machine."""
    chosen = ["--no-hostonly", "--force", "--drivers", " ".join(modules), "--filesystems", "ext4"]
    return ["dracut", *chosen, "--kver", release, f"{IMAGES}/{name}"]


def initramfs_tools(system: Installation, name: str, modules: Sequence[str]) -> list[str]:
    """The same with initramfs-tools: with those modules, or, if there are none, most that there are.

    The driver ``aoe`` comes by the hook of the package aoetools.
    """
    configuration = system.file(f"/etc/configuration-{name}")
    shutil.copytree(system.file("/etc/initramfs-tools"), configuration)
    if modules:
        settings = configuration / "initramfs.conf"
        settings.write_text(settings.read_text().replace("MODULES=most", "MODULES=list"))
        (configuration / "modules").write_text("\n".join(modules) + "\n")
    return ["mkinitramfs", "-d", f"/etc/{configuration.name}", "-o", f"{IMAGES}/{name}", system.release]


def tiny_initramfs(release: str, name: str, modules: Sequence[str]) -> list[str]:
    """The same with tiny-initramfs."""
    return ["mktirfs", f"--include-modules={','.join(modules)}", "-o", f"{IMAGES}/{name}", release]


def modules_in(system: Installation, image: str) -> list[str]:
    """The names of the modules in an image, whoever made it."""
    facts = json.loads(system.run(COMMAND, "inspect", "--json", image))
    return [module["name"] for module in facts["modules"]]
