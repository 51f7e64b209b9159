"""A real kernel takes the microcode in front of our image, and boots what stands behind it."""

import secrets
from dataclasses import dataclass
from pathlib import Path

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.qemu import machine
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import CONSOLE, DirectBoot, Hardware, Nic
from tests.lab.bench import BOOT_SECONDS
from tests.lab.disk import make_disk
from tests.lab.image import build_image, sysroot_for
from tests.lab.kernels import debian_kernel
from tests.lab.microcode import HARDWARE, REVISION, amd_container
from tests.lab.programs import run
from tests.lab.report import read_report
from tests.lab.tiny_root import make_tiny_root
from tests.lab.vmlinux import unpacked

NIC = Nic("virtio-net-pci")
PARAMETERS = f"{CONSOLE} root=/dev/etherd/e11.0p1"

TOLD = {
    "bookworm": f"microcode: microcode updated early to new patch_level=0x{REVISION:08x}",
    "trixie": f"microcode: Updated early from: 0x{REVISION:08x}",
}
"""What the kernel of each suite says when it has taken an update, and otherwise does not."""


@dataclass(frozen=True, slots=True)
class AmdHardware(Hardware):
    """A machine with the processor that the microcode is for; KVM would give it the host's."""

    def arguments(self) -> list[str]:
        return [*Hardware.arguments(self), "-cpu", HARDWARE]


@pytest.mark.parametrize("suite", TOLD)
@pytest.mark.parametrize("microcode", ["auto", "none"])
def test_the_kernel_takes_it_and_boots(suite: str, microcode: str, workspace: Path, log: Path) -> None:
    kernel = debian_kernel(suite)
    sysroot = workspace / "sysroot"
    # Hard links: the tree is large, and only a new file is added to it.
    run(["cp", "-al", str(sysroot_for(kernel)), str(sysroot)])
    (sysroot / "lib/firmware/amd-ucode").mkdir(parents=True)
    (sysroot / "lib/firmware/amd-ucode/microcode_amd.bin").write_bytes(amd_container())
    image = workspace / "image"
    options = ["--sysroot", str(sysroot), "--nic", "virtio_net", "--microcode", microcode]
    build_image(kernel, image, options)
    token = secrets.token_hex(8)
    make_tiny_root(workspace / "root", token)
    disk = make_disk(workspace / "disk", workspace / "root", mib=32)
    boot = DirectBoot(unpacked(kernel.vmlinuz), image, PARAMETERS)
    with (
        network() as net,
        vblade(net, disk.path, masks=[NIC.mac]),
        machine(net, AmdHardware(NIC), boot, log) as client,
    ):
        client.run_to_end(BOOT_SECONDS)
    report = read_report(client.lines)
    assert (report.one("token"), report.one("release")) == (token, kernel.release)
    assert any(TOLD[suite] in line.text for line in client.lines) == (microcode == "auto")
