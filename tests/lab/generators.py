"""Images made by other tools, and the programs that read them, in a Debian system of their own."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.lab.cache import cache_folder, filling
from tests.lab.kernels import Kernel
from tests.lab.programs import run
from tests.lab.system import bare_system, inside

SUITE = "bookworm"
PACKAGES = (
    *("dracut-core", "initramfs-tools-core", "tiny-initramfs-core"),
    *("busybox-static", "cpio", "kmod", "systemd", "udev"),
    *("bzip2", "gzip", "lz4", "xz-utils", "zstd"),
)

# Few modules: what matters is the form of an image, and all that a kernel has would take minutes.
MODULES = ("aoe", "e1000", "ext4", "virtio_net")
COMPRESSIONS = ("bzip2", "gzip", "lz4", "lzma", "xz", "zstd")
MICROCODE = "kernel/x86/microcode/GenuineIntel.bin"


@dataclass(frozen=True, slots=True)
class Generators:
    """A system with the generators; ``root`` is its root folder, which holds images in ``images``."""

    root: Path

    @property
    def images(self) -> Path:
        """The folder of the images; new ones may be put there."""
        return self.root / "images"

    def run(self, *command: str) -> str:
        """Run a program of the system, with its own /dev and /proc, and return what it printed."""
        return inside(self.root, *command)


@contextmanager
def generators(kernel: Kernel) -> Iterator[Generators]:
    """Make a system with the images that the other tools make for ``kernel``; it is gone after the block."""
    made = cache_folder() / "images" / f"{kernel.release}-3"
    with filling(made) as part:
        if part is not None:
            with _system() as system:
                _make_images(system, kernel)
                shutil.copytree(system.images, part, dirs_exist_ok=True)
    with _system() as system:
        shutil.copytree(made, system.images, dirs_exist_ok=True)
        yield system


@contextmanager
def _system() -> Iterator[Generators]:
    with TemporaryDirectory(prefix=".generators-", dir=cache_folder()) as folder:
        root = Path(folder) / "root"
        # Hard links: nothing that runs there changes a file in its place.
        run(["cp", "-al", str(bare_system(SUITE, PACKAGES)), str(root)])
        (root / "images").mkdir()
        yield Generators(root)


def _make_images(system: Generators, kernel: Kernel) -> None:
    """Make an image with each tool, initramfs-tools' in every compression."""
    modules = system.root / "lib/modules" / kernel.release
    modules.parent.mkdir(exist_ok=True)
    run(["cp", "-al", str(kernel.modules), str(modules)])
    shutil.copy(kernel.root / "boot" / f"config-{kernel.release}", system.root / "boot")
    chosen = ["--no-hostonly", "--drivers", " ".join(MODULES), "--filesystems", "ext4", "--omit", "ifcfg"]
    system.run("dracut", *chosen, "--kver", kernel.release, "/images/dracut")
    system.run("mktirfs", "-o", "/images/tiny-initramfs", kernel.release)
    # Not in its place: the system's files are links to those of the cache.
    configuration = system.root / "etc/initramfs-tools"
    shutil.copytree(configuration, system.root / "etc/own", copy_function=shutil.copy)
    settings = system.root / "etc/own/initramfs.conf"
    settings.write_text(settings.read_text().replace("MODULES=most", "MODULES=list"))
    (system.root / "etc/own/modules").write_text("\n".join(MODULES) + "\n")
    for name in COMPRESSIONS:
        output = f"/images/initramfs-tools-{name}"
        system.run("mkinitramfs", "-d", "/etc/own", "-c", name, "-o", output, kernel.release)


def early_archive(folder: Path, *paths: str) -> bytes:
    """An archive that is not packed, as those with microcode are, made by cpio itself."""
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"the content of {path}\n")
    names = {str(each) for path in paths for each in [Path(path), *Path(path).parents]} - {"."}
    archive = folder / "archive"
    run(
        ["cpio", "--quiet", "--create", "--format=newc", f"--file={archive}"],
        cwd=folder,
        stdin="".join(f"{name}\n" for name in sorted(names)),
    )
    content = archive.read_bytes()
    return content + bytes(-len(content) % 512)
