"""Machines with several network cards: the one that reaches the target serves, whatever its place."""

import secrets

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import Nic
from tests.lab.bench import BOOT_SECONDS, Bench
from tests.lab.programs import run
from tests.lab.report import read_report
from tests.lab.sysfs import make_sysfs

ROOT = "root=/dev/etherd/e11.0p1"
ALIVE = Nic("e1000")
OTHER = Nic("e1000", mac="52:54:00:11:00:02", tap="tap1")


@pytest.mark.parametrize("first", ["dead", "alive"])
@pytest.mark.parametrize("other", ["without a link", "without an answer"])
def test_a_dead_interface_does_not_stand_in_the_way(first: str, other: str, bench: Bench) -> None:
    token = secrets.token_hex(8)
    disk = bench.tiny_disk(token)
    cards = (ALIVE, OTHER) if first == "alive" else (OTHER, ALIVE)
    with (
        network(taps=2) as net,
        vblade(net, disk.path, masks=[ALIVE.mac]),
        bench.machine(net, bench.boot(ROOT), *cards) as client,
    ):
        run(net.inside(["ip", "link", "set", OTHER.tap, "nomaster"]))
        client.plug(OTHER, linked=other != "without a link")
        client.run_to_end(BOOT_SECONDS)
    report = read_report(client.lines)
    assert report.one("token") == token
    assert report.state["mac"] == ALIVE.mac
    # An interface that is down tells of no carrier.
    carriers = {mac: up for _, mac, *up in map(str.split, report.every("interface"))}
    assert (carriers[ALIVE.mac], carriers[OTHER.mac]) == (["1"], [])


def test_an_interface_keeps_its_name_from_whatever_slot(bench: Bench) -> None:
    sysfs = make_sysfs(bench.folder / "sys", ALIVE)
    image = bench.build("--nic", "host", "--sysfs", str(sysfs), suite="trixie")
    token = secrets.token_hex(8)
    disk = bench.tiny_disk(token)
    # The kernel counts the cards: the other one is its eth0 now.
    boot = bench.boot(ROOT, "trixie", image)
    with (
        network(taps=2) as net,
        vblade(net, disk.path, masks=[ALIVE.mac]),
        bench.machine(net, boot, OTHER, ALIVE) as client,
    ):
        client.run_to_end(BOOT_SECONDS)
    report = read_report(client.lines)
    assert report.one("token") == token
    assert (report.state["interface"], report.state["mac"]) == ("eth0", ALIVE.mac)
    assert any(f" {OTHER.mac.lower()}" in line.text and "eth0:" in line.text for line in client.lines)
