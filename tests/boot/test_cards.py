"""Every network card that QEMU emulates finds the root, with one image for any machine."""

import secrets

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import Nic
from tests.lab.bench import BOOT_SECONDS, Bench
from tests.lab.report import read_report

MODELS = (
    "e1000",
    "e1000e",
    "i82551",
    "ne2k_pci",
    "pcnet",
    "rtl8139",
    "tulip",
    "virtio-net-pci",
    "vmxnet3",
)
MODEST = {"ne2k_pci": "aoe.aoe_maxout=4"}
"""What a model needs beside. QEMU's NE2000 has 16 KiB for what it receives, and hangs when more comes at
once, as it does from a quick server that 64 requests are sent to."""


@pytest.mark.parametrize("model", MODELS)
def test_boots_through(model: str, bench: Bench) -> None:
    nic = Nic(model)
    token = secrets.token_hex(8)
    disk = bench.tiny_disk(token)
    boot = bench.boot(f"root=/dev/etherd/e11.0p1 {MODEST.get(model, '')}".strip())
    with (
        network() as net,
        vblade(net, disk.path, masks=[nic.mac]),
        bench.machine(net, boot, nic) as client,
    ):
        client.run_to_end(BOOT_SECONDS)
    report = read_report(client.lines)
    assert report.one("token") == token
    assert report.state["mac"] == nic.mac
    assert report.state["root"] == "/dev/etherd/e11.0p1"
