"""Jumbo frames where the network has them, and a word about it where something on the way has not."""

import secrets

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import Nic
from tests.lab.bench import BOOT_SECONDS, Bench
from tests.lab.faults import Faults
from tests.lab.report import read_report
from tests.lab.wire import wire

ROOT = "root=/dev/etherd/e11.0p1 rd.aoe.mtu=9000"
MTU = 9000


@pytest.mark.parametrize("model", ["e1000", "virtio-net-pci"])
def test_reads_17_sectors_a_frame(model: str, bench: Bench) -> None:
    nic, token = Nic(model), secrets.token_hex(8)
    disk = bench.tiny_disk(token)
    with (
        network(mtu=MTU) as net,
        vblade(net, disk.path),
        bench.machine(net, bench.boot(ROOT), nic) as client,
    ):
        client.run_to_end(BOOT_SECONDS)
    report = read_report(client.lines)
    assert report.one("token") == token
    assert report.one("payload") == "e11.0 8704"


@pytest.mark.parametrize(("suite", "model"), [("bookworm", "e1000"), ("trixie", "virtio-net-pci")])
def test_goes_back_to_small_frames_where_a_switch_loses_large_ones(
    suite: str, model: str, bench: Bench
) -> None:
    nic, token = Nic(model), secrets.token_hex(8)
    disk = bench.tiny_disk(token)
    with (
        network(mtu=MTU) as net,
        wire(net, nic.tap, Faults(longest=1518)) as cable,
        vblade(net, disk.path),
        bench.machine(net, bench.boot(ROOT, suite), nic) as client,
    ):
        client.run_to_end(BOOT_SECONDS)
        dropped = cable.count()["lost"]
    words = "aoeinit: target e11.0 answers, but not in frames of 9000 bytes: something on the way loses them"
    assert any(words in line.text for line in client.lines)
    assert dropped > 0
    report = read_report(client.lines)
    assert report.one("token") == token
    assert report.one("payload") == "e11.0 1024"
    assert report.state["mtu"] == "1500"
