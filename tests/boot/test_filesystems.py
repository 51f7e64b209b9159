"""Roots on each file system, in a partition and on the whole disk."""

import secrets

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import Nic
from tests.lab.bench import BOOT_SECONDS, Bench
from tests.lab.report import read_report

NIC = Nic("virtio-net-pci")


@pytest.mark.parametrize(
    ("filesystem", "table", "suite"),
    [
        ("ext4", "none", "trixie"),
        ("xfs", "gpt", "trixie"),
        ("btrfs", "none", "bookworm"),
    ],
)
def test_boots_a_root_on(filesystem: str, table: str, suite: str, bench: Bench) -> None:
    device = "/dev/etherd/e11.0" if table == "none" else "/dev/etherd/e11.0p1"
    token = secrets.token_hex(8)
    disk = bench.tiny_disk(token, table=table, filesystem=filesystem)
    with (
        network() as net,
        vblade(net, disk.path, masks=[NIC.mac]),
        bench.machine(net, bench.boot(f"root={device} rw", suite), NIC) as client,
    ):
        client.run_to_end(BOOT_SECONDS)
    report = read_report(client.lines)
    assert report.one("token") == token
    mounted, kind, options = report.one("root").split()
    assert (mounted, kind, options.split(",")[0]) == (device, filesystem, "rw")
    assert report.state["filesystem"] == filesystem
