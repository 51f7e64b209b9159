"""A target in a virtual LAN: found with its number, and not with another."""

import secrets

from aoeinit.system.namespace import network
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import DirectBoot, Nic
from tests.lab.bench import BOOT_SECONDS, Bench
from tests.lab.report import read_report
from tests.lab.wire import wire

NIC = Nic("virtio-net-pci")
OTHER = Nic("virtio-net-pci", mac="52:54:00:11:00:02", tap="tap1")
VLAN = 42


def boot(bench: Bench, parameters: str) -> DirectBoot:
    image = bench.build("--nic", "virtio_net", "--module", "8021q")
    return bench.boot(f"root=/dev/etherd/e11.0p1 {parameters}", image=image)


def test_finds_the_target_in_its_virtual_lan(bench: Bench) -> None:
    token = secrets.token_hex(8)
    disk = bench.tiny_disk(token)
    with (
        network() as net,
        wire(net, NIC.tap, vlan=VLAN) as cable,
        vblade(net, disk.path, masks=[NIC.mac]),
        bench.machine(net, boot(bench, f"rd.aoe.vlan={VLAN}"), NIC) as client,
    ):
        client.run_to_end(BOOT_SECONDS)
        assert cable.count()["passed"] > 0
    report = read_report(client.lines)
    assert report.one("token") == token
    assert (report.state["interface"], report.state["mac"]) == (f"aoe0.{VLAN}", NIC.mac)


def test_only_the_card_that_serves_keeps_its_virtual_lan(bench: Bench) -> None:
    token = secrets.token_hex(8)
    disk = bench.tiny_disk(token)
    with (
        network(taps=2) as net,
        wire(net, NIC.tap, vlan=VLAN),
        vblade(net, disk.path, masks=[NIC.mac]),
        bench.machine(net, boot(bench, f"rd.aoe.vlan={VLAN}"), OTHER, NIC) as client,
    ):
        client.run_to_end(BOOT_SECONDS)
    report = read_report(client.lines)
    assert report.one("token") == token
    assert (report.state["interface"], report.state["mac"]) == (f"aoe0.{VLAN}", NIC.mac)
    present = {name for name, *_ in map(str.split, report.every("interface"))}
    assert present - {"lo"} == {"eth0", "aoe0", f"aoe0.{VLAN}"}


def test_another_virtual_lan_has_no_answer(bench: Bench) -> None:
    disk = bench.tiny_disk("unreachable")
    with (
        network() as net,
        wire(net, NIC.tap, vlan=VLAN) as cable,
        vblade(net, disk.path, masks=[NIC.mac]),
        bench.machine(net, boot(bench, f"rd.aoe.vlan={VLAN + 1} rd.aoe.timeout=10"), NIC) as client,
    ):
        client.run_to_end(BOOT_SECONDS)
        asked = cable.count()["foreign"]
    assert asked > 1
    said = [line.text for line in client.lines if "aoeinit: " in line.text]
    assert any(f"using VLAN {VLAN + 1} on aoe0 as aoe0.{VLAN + 1}" in line for line in said)
    words = f"no AoE target answered on VLAN {VLAN + 1} of aoe0 ({NIC.mac}) within 10 s"
    assert any(f"aoeinit: {words}" in line for line in said)


def test_untagged_frames_are_no_substitute(bench: Bench) -> None:
    disk = bench.tiny_disk("in another network")
    image = bench.build("--nic", "virtio_net")
    parameters = f"root=/dev/etherd/e11.0p1 rd.aoe.vlan={VLAN} rd.aoe.timeout=5"
    with (
        network() as net,
        vblade(net, disk.path, masks=[NIC.mac]),
        bench.machine(net, bench.boot(parameters, image=image), NIC) as client,
    ):
        client.run_to_end(BOOT_SECONDS)
    said = [line.text for line in client.lines if "aoeinit: " in line.text]
    words = f"no network interface that can be raised with VLAN {VLAN} (the image needs --module 8021q, or"
    assert any(f"aoeinit: {words}" in line for line in said)
    assert any(f"earlier in this boot: cannot make VLAN {VLAN} on aoe0 (" in line for line in said)
    assert not any("aoelab-" in line.text for line in client.lines)
