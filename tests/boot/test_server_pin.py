"""Two servers answer for one target; rd.aoe.server= names one of them, or both."""

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from aoeinit.system.beside import running
from aoeinit.system.namespace import Network, network
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import Nic
from aoeinit.trial.layout import BRIDGE
from tests.lab.bench import BOOT_SECONDS, Bench
from tests.lab.disk import Disk
from tests.lab.programs import run
from tests.lab.report import read_report

NIC = Nic("virtio-net-pci")
OURS, OTHER = "52:54:00:22:00:01", "52:54:00:22:00:02"


@contextmanager
def two_servers(net: Network, disk: Disk) -> Iterator[None]:
    """Serve the disk twice, as the same target: by the bridge, which has the MAC OURS, and as OTHER."""
    for words in (
        f"set {BRIDGE} address {OURS}",
        f"add server1 address {OTHER} type veth peer name port1",
        f"set port1 master {BRIDGE} up",
        "set server1 up",
    ):
        run(net.inside(["ip", "link", *words.split()]))
    command = net.inside(["vblade", "-r", "11", "0", "server1", str(disk.path)])
    with vblade(net, disk.path, read_only=True), running(command, stdout=subprocess.DEVNULL):
        yield


def test_servers_that_are_named_may_answer(bench: Bench) -> None:
    token = secrets.token_hex(8)
    disk = bench.tiny_disk(token)
    boot = bench.boot(f"root=/dev/etherd/e11.0p1 rd.aoe.server={OTHER},{OURS}")
    with network() as net, two_servers(net, disk), bench.machine(net, boot, NIC) as client:
        client.run_to_end(BOOT_SECONDS)
    report = read_report(client.lines)
    assert report.one("token") == token
    assert sorted(report.state["paths"].split(",")) == [OURS, OTHER]


@pytest.mark.parametrize(("named", "stranger"), [(OURS, OTHER), (OTHER, OURS)], ids=["first", "second"])
def test_a_server_that_is_not_named_is_refused(named: str, stranger: str, bench: Bench) -> None:
    disk = bench.tiny_disk("unreachable")
    boot = bench.boot(f"root=/dev/etherd/e11.0p1 rd.aoe.server={named}")
    with network() as net, two_servers(net, disk), bench.machine(net, boot, NIC) as client:
        refused = client.run_until(
            f"aoeinit: target e11.0 is answered for by {stranger}, whom rd.aoe.server={named} does not name",
            BOOT_SECONDS,
        )
        client.run_to_end(refused.seconds + BOOT_SECONDS)
    assert not any("aoelab-" in line.text for line in client.lines)
