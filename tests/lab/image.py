"""Images, built as a user would: by the command, in a process of its own."""

import hashlib
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.lab.cache import cache_folder, filling
from tests.lab.kernels import Kernel
from tests.lab.programs import program, run

TOP = Path(__file__).parents[2]


def build_image(kernel: Kernel, output: Path, options: Sequence[str]) -> str:
    """Build an image for a root on ext4 and return what the command printed."""
    command = [
        *(sys.executable, "-m", "aoeinit", "build"),
        *("--kernel", kernel.release),
        *("--sysroot", str(sysroot_for(kernel))),
        *("--output", str(output)),
        *("--filesystem", "ext4"),
        *options,
    ]
    return run(command, cwd=TOP)


def sysroot_for(kernel: Kernel) -> Path:
    """A root folder with the kernel's modules and the host's busybox: the host's own for its own kernel."""
    if kernel.root == Path("/"):
        return kernel.root
    busybox = program("busybox")
    digest = hashlib.sha256(busybox.read_bytes()).hexdigest()[:12]
    folder = cache_folder() / "sysroots" / f"{kernel.release}-{digest}"
    with filling(folder) as part:
        if part is not None:
            # Hard links: the tree is large, and nobody changes a file of it in place.
            run(["cp", "-al", f"{kernel.root}/.", str(part)])
            (part / "bin").mkdir(exist_ok=True)
            shutil.copy(busybox, part / "bin/busybox")
    return folder
