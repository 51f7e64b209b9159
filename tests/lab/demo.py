"""The demonstration: an image for a real kernel, and a machine that boots with it from a real AoE target.

Run by contrib/demo.sh, as root.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from aoeinit.errors import AoeinitError
from tests.lab.image import TOP, build_image, sysroot_for
from tests.lab.kernels import Kernel, debian_kernel, host_kernel, own_suite


def main() -> int:
    """Run the demonstration and give the exit code."""
    try:
        with TemporaryDirectory(prefix="aoeinit-demo-") as folder:
            return demonstrate(Path(folder) / "image")
    except AoeinitError as error:
        sys.stderr.write(f"The demonstration failed: {error}\n")
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted; nothing is left running.\n")
    return 1


def demonstrate(image: Path) -> int:
    kernel = choose_kernel()
    say("== Building an image for it")
    say(build_image(kernel, image, ["--nic", "e1000"]).strip())
    say("== Booting it in QEMU from a target that vblade serves")
    command = [sys.executable, "-m", "aoeinit", "try", str(image), "--sysroot", str(sysroot_for(kernel))]
    return subprocess.run(command, cwd=TOP, check=False).returncode


def choose_kernel() -> Kernel:
    """The host's own kernel where it can be used, else its distribution's package."""
    kernel = host_kernel()
    if kernel is None:
        say("== The running kernel has no aoe driver that can be used here: getting the distribution's")
        kernel = debian_kernel(own_suite())
    say(f"== Using kernel {kernel.release}")
    return kernel


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
