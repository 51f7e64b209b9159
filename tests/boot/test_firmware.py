"""Machines without a disk whose firmware has booted from one of two targets, and left the agent a note."""

import secrets
import shutil
from pathlib import Path

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.qemu import Machine, machine
from aoeinit.system.servers import dhcp, vblade
from aoeinit.trial.hardware import CONSOLE, Boot, Hardware, NetworkBoot, Nic
from tests.lab.bench import SYSTEM_SECONDS, Bench
from tests.lab.disk import Disk, make_disk, make_efi_disk
from tests.lab.efi import efi_network_boot
from tests.lab.grub import install_grub, make_efi_grub
from tests.lab.image import build_image
from tests.lab.kernels import debian_kernel
from tests.lab.report import read_report
from tests.lab.tiny_root import make_tiny_root

NIC = Nic("e1000")
OTHER = Nic("e1000", mac="52:54:00:11:00:02", tap="tap1")


@pytest.mark.parametrize(("firmware", "suite"), [("bios", "bookworm"), ("efi", "trixie")])
def test_boots_from_the_target_that_the_firmware_booted_from(firmware: str, suite: str, bench: Bench) -> None:
    token = secrets.token_hex(8)
    other = bench.tiny_disk(secrets.token_hex(8))
    tree = bench.folder / "root"
    make_tiny_root(tree, token)
    disk, boot = DISKS[firmware](bench.folder, tree, suite, CONSOLE)
    client = run(bench, other, disk, boot)
    report = read_report(client.lines)
    assert report.one("token") == token
    assert report.one("parameters").endswith(CONSOLE)
    assert "root=" not in report.one("parameters")
    assert (report.state["target"], report.state["mac"]) == ("e11.1", NIC.mac)
    assert has_line(client, "target e11.1, as the firmware's aBFT says")


@pytest.mark.parametrize("lock", ["", " lockdown=integrity"], ids=["open", "locked"])
def test_a_parameter_decides_against_the_firmware(lock: str, bench: Bench) -> None:
    """Firmware other than EFI leaves its note in memory, which a kernel that is locked down does not show."""
    token = secrets.token_hex(8)
    other = bench.tiny_disk(token)
    tree = bench.folder / "root"
    make_tiny_root(tree, "unwanted")
    disk, boot = bios_disk(bench.folder, tree, "bookworm", f"{CONSOLE} rd.aoe=e11.0{lock}")
    client = run(bench, other, disk, boot)
    report = read_report(client.lines)
    assert (report.one("token"), report.state["target"]) == (token, "e11.0")
    assert has_line(client, "Lockdown: dd: /dev/mem,kmem,port is restricted") == bool(lock)
    told = [line.text.partition("aoeinit: ")[2] for line in client.lines if "aBFT" in line.text]
    assert told == (
        [] if lock else ["the firmware's aBFT names e11.1 and rd.aoe= e11.0; the parameter decides"]
    )


def run(bench: Bench, other: Disk, disk: Disk, boot: Boot) -> Machine:
    """Let a machine with two cards boot as firmware does: from ``disk``, slot 1, beside another target."""
    hardware = Hardware(NIC, memory=1024, accelerator=bench.accelerator, more=(OTHER,))
    with (
        network(taps=2) as net,
        vblade(net, other.path),
        vblade(net, disk.path, slot=1),
        dhcp(net, bench.folder, "aoe:e11.1"),
        machine(net, hardware, boot, bench.log) as client,
    ):
        client.run_to_end(SYSTEM_SECONDS)
    return client


def has_line(client: Machine, text: str) -> bool:
    return any(text in line.text for line in client.lines)


def bios_disk(folder: Path, tree: Path, suite: str, parameters: str) -> tuple[Disk, Boot]:
    (tree / "boot").mkdir()
    for source, name in zip(kernel_files(folder, suite), ("vmlinuz", "initrd.img"), strict=True):
        shutil.copy(source, tree / "boot" / name)
    disk = make_disk(folder / "disk", tree, mib=128)
    install_grub(disk, parameters)
    return disk, NetworkBoot()


def efi_disk(folder: Path, tree: Path, suite: str, parameters: str) -> tuple[Disk, Boot]:
    vmlinuz, image = kernel_files(folder, suite)
    grub = make_efi_grub(folder / "grub", parameters)
    files = {"EFI/BOOT/BOOTX64.EFI": grub, "vmlinuz": vmlinuz, "initrd.img": image}
    return make_efi_disk(folder / "disk", tree, files, mib=64), efi_network_boot(folder)


DISKS = {"bios": bios_disk, "efi": efi_disk}


def kernel_files(folder: Path, suite: str) -> tuple[Path, Path]:
    """A suite's kernel, and an image for it that no target was baked into."""
    kernel, image = debian_kernel(suite), folder / "image"
    build_image(kernel, image, ["--nic", NIC.model])
    return kernel.vmlinuz, image
