"""A bench for boots with an image for any machine: what differs from boot to boot is told here."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aoeinit.system.namespace import Network
from aoeinit.system.qemu import Machine, machine
from aoeinit.trial.hardware import CONSOLE, DirectBoot, Hardware, Nic
from tests.lab.disk import NAMELESS, Disk, Names, make_disk
from tests.lab.image import build_image
from tests.lab.kernels import debian_kernel
from tests.lab.tiny_root import make_tiny_root
from tests.lab.vmlinux import unpacked

SMALLEST_MIB = {"ext4": 32, "xfs": 320, "btrfs": 160}
BOOT_SECONDS = 300
"""How long a boot to a tiny root may take: under emulation, on a busy machine. 8 is what it needs."""
SYSTEM_SECONDS = 600
"""How long a boot of a whole system may take."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A test's ``folder`` and console ``log``, and the image for any machine by Debian suite."""

    folder: Path
    log: Path
    accelerator: str
    image: Callable[[str], Path]

    def tiny_disk(
        self, token: str, *, table: str = "dos", filesystem: str = "ext4", names: Names = NAMELESS
    ) -> Disk:
        """Make a disk with a tiny root that reports ``token``."""
        tree = self.folder / f"root-{token}"
        make_tiny_root(tree, token)
        path, mib = self.folder / f"disk-{token}", SMALLEST_MIB[filesystem]
        return make_disk(path, tree, mib=mib, label=table, filesystem=filesystem, names=names)

    def boot(self, parameters: str, suite: str = "bookworm", image: Path | None = None) -> DirectBoot:
        """Boot a suite's kernel with ``parameters`` beside the console's, and an image of the test's own."""
        kernel = unpacked(debian_kernel(suite).vmlinuz)
        return DirectBoot(kernel, image or self.image(suite), f"{CONSOLE} {parameters}".strip())

    def build(self, *options: str, suite: str = "bookworm") -> Path:
        """Build an image of the test's own."""
        image = self.folder / "image"
        build_image(debian_kernel(suite), image, options)
        return image

    @contextmanager
    def machine(
        self, net: Network, boot: DirectBoot, nic: Nic, *more: Nic, log: Path | None = None
    ) -> Iterator[Machine]:
        """Switch a machine on; only the second one of a test needs a ``log`` of its own."""
        hardware = Hardware(nic, accelerator=self.accelerator, more=more)
        with machine(net, hardware, boot, log or self.log) as client:
            yield client
