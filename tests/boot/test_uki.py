"""A unified kernel image, made on Debian 13 by its own ukify and Python, boots through EFI firmware."""

import secrets
import shutil
from pathlib import Path

from aoeinit.system.namespace import network
from aoeinit.system.qemu import machine
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import CONSOLE, Hardware, Nic
from tests.lab.bench import BOOT_SECONDS
from tests.lab.disk import make_disk
from tests.lab.efi import efi_boot
from tests.lab.image import TOP
from tests.lab.kernels import Kernel, debian_kernel
from tests.lab.programs import run
from tests.lab.report import read_report
from tests.lab.system import bare_system
from tests.lab.tiny_root import make_tiny_root

SUITE = "trixie"
PACKAGES = (
    "busybox-static",
    "python3-click",
    "python3-libarchive-c",
    "python3-pyelftools",
    "python3-zstandard",
    "systemd-boot-efi",
    "systemd-ukify",
)
NIC = Nic("e1000")
PARAMETERS = f"{CONSOLE} root=/dev/etherd/e11.0p1"


def test_a_unified_kernel_image_boots_to_the_init_on_the_target(
    workspace: Path, log: Path, accelerator: str
) -> None:
    kernel = debian_kernel(SUITE)
    uki = build_uki(workspace / "builder", kernel)
    token = secrets.token_hex(8)
    make_tiny_root(workspace / "root", token)
    disk = make_disk(workspace / "disk", workspace / "root", mib=32)
    hardware = Hardware(NIC, memory=1024, accelerator=accelerator)
    with (
        network() as net,
        vblade(net, disk.path, masks=[NIC.mac]),
        machine(net, hardware, efi_boot(workspace, uki), log) as client,
    ):
        client.run_to_end(BOOT_SECONDS)
    report = read_report(client.lines)
    assert (report.one("token"), report.one("release")) == (token, kernel.release)
    assert report.one("parameters") == PARAMETERS
    assert report.state["root"] == "/dev/etherd/e11.0p1"


def build_uki(system: Path, kernel: Kernel) -> Path:
    """Run the command inside a Debian system that has the kernel and our sources."""
    run(["cp", "-a", "--reflink=auto", str(bare_system(SUITE, PACKAGES)), str(system)])
    shutil.copytree(kernel.modules, system / "usr/lib/modules" / kernel.release, symlinks=True)
    shutil.copy(kernel.vmlinuz, system / "boot")
    shutil.copytree(TOP / "aoeinit", system / "opt/aoeinit")
    (system / "etc/kernel").mkdir(exist_ok=True)
    (system / "etc/kernel/cmdline").write_text(f"{PARAMETERS}\n")
    command = ["python3", "-m", "aoeinit", "build", "--kernel", kernel.release, "--uki", "/boot/linux.efi"]
    command += ["--nic", NIC.model, "--filesystem", "ext4"]
    said = run(["chroot", str(system), "env", "--chdir=/opt", *command])
    assert said.startswith("/boot/linux.efi: ")
    assert not (system / f"boot/initrd.img-{kernel.release}").exists()
    return system / "boot/linux.efi"
