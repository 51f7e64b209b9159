"""Debian's kernel packages with few modules in them: depmod and every generator read them all."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.lab.cache import cache_folder, filling
from tests.lab.installation import with_few_modules
from tests.lab.kernels import Kernel, download_kernel
from tests.lab.programs import run

MODULES = (
    *("virtio_pci", "virtio_blk", "virtio_net", "e1000", "aoe", "8021q", "qemu_fw_cfg"),
    *("ext4", "btrfs", "overlay", "dm_mod", "loop", "autofs4", "binfmt_misc", "configfs", "efi_pstore"),
    *("vfat", "nls_cp437", "nls_ascii", "nls_iso8859-1", "nls_utf8", "efivarfs"),
)


@dataclass(frozen=True, slots=True)
class KernelPackage:
    """A kernel as ``dpkg --install`` takes it."""

    release: str
    file: Path


def kernel_package(suite: str) -> KernelPackage:
    """The kernel package of a Debian suite with :data:`MODULES` and what they need only."""
    digest = hashlib.sha256(" ".join(MODULES).encode()).hexdigest()[:12]
    folder = cache_folder() / "packages" / f"{suite}-{digest}"
    with filling(folder) as part:
        if part is not None:
            with TemporaryDirectory(prefix="aoeinit-apt-") as apt:
                repack(download_kernel(suite, Path(apt)), Path(apt) / "tree", part)
    (file,) = folder.glob("linux-image-*.deb")
    return KernelPackage(file.name.partition("_")[0].removeprefix("linux-image-"), file)


def repack(package: Path, tree: Path, folder: Path) -> None:
    """Unpack a kernel package as ``tree``, take modules away and put it together in ``folder``."""
    run(["dpkg-deb", "--raw-extract", str(package), str(tree)])
    merged = not (tree / "lib").exists()
    if merged:
        # Debian 13 packages know only /usr; kmod looks under /lib.
        (tree / "lib").symlink_to("usr/lib")
    (modules,) = (tree / "lib/modules").iterdir()
    run(["depmod", "-b", str(tree), modules.name])
    few = with_few_modules(Kernel(modules.name, tree, tree), tree.with_name("few"), MODULES)
    shutil.rmtree(modules)
    shutil.copytree(few.modules, modules)
    if merged:
        (tree / "lib").unlink()
    (tree / "DEBIAN/md5sums").unlink()
    # Not compressed: an emulated processor takes long to unpack.
    run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(folder)])
