"""An init that no kernel of this machine executes: the kernel panics, and the machine restarts by itself."""

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import CONSOLE, DirectBoot, Nic
from tests.lab.bench import BOOT_SECONDS, SMALLEST_MIB, Bench
from tests.lab.disk import Disk, make_disk
from tests.lab.kernels import debian_kernel
from tests.lab.tiny_root import make_tiny_root, static_busybox

NIC = Nic("virtio-net-pci")
RESTART_SECONDS = 30
WITHOUT_PANIC = " ".join(word for word in CONSOLE.split() if not word.startswith("panic="))
MACHINE_OFFSET = 18
"""Where an ELF file names its architecture, in two bytes: e_machine of elf(5)."""
EM_AARCH64 = (183).to_bytes(2, "little")


@pytest.mark.parametrize(
    ("parameters", "restarts"), [("", True), ("rd.aoe.onfail=wait", False)], ids=["by-default", "wait"]
)
def test_an_init_of_another_architecture(parameters: str, bench: Bench, *, restarts: bool) -> None:
    disk = make_foreign_disk(bench)
    line = f"{WITHOUT_PANIC} root=/dev/etherd/e11.0p1 {parameters}"
    boot = DirectBoot(debian_kernel("bookworm").vmlinuz, bench.build("--nic", "virtio_net"), line)
    with network() as net, vblade(net, disk.path), bench.machine(net, boot, NIC) as client:
        panicked = client.run_until("Kernel panic - not syncing: Attempted to kill init", BOOT_SECONDS)
        if restarts:
            client.run_until(f"Rebooting in {RESTART_SECONDS} seconds", panicked.seconds + BOOT_SECONDS)
            client.run_to_end(panicked.seconds + BOOT_SECONDS)
        else:
            client.run_until("end Kernel panic", panicked.seconds + BOOT_SECONDS)
    said = [line.text for line in client.lines]
    assert any("aoeinit: starting /sbin/init from /dev/etherd/e11.0p1" in text for text in said)
    assert any("Rebooting in" in text for text in said) == restarts


def make_foreign_disk(bench: Bench) -> Disk:
    """Make a disk whose init is a program for another processor."""
    tree = bench.folder / "foreign"
    make_tiny_root(tree, "foreign")
    program = static_busybox().read_bytes()
    foreign = program[:MACHINE_OFFSET] + EM_AARCH64 + program[MACHINE_OFFSET + 2 :]
    (tree / "usr/lib/aoelab/init").write_bytes(foreign)
    return make_disk(bench.folder / "disk", tree, mib=SMALLEST_MIB["ext4"])
