"""udev of a system with predictable interface names, on kernels that let it rename what is up, or do not."""

import secrets

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import Nic
from tests.lab.bench import SYSTEM_SECONDS, Bench
from tests.lab.disk import Disk, make_disk
from tests.lab.programs import run
from tests.lab.report import read_report
from tests.lab.system import make_system

ROOT = "/dev/etherd/e11.0p1"
SERVING = Nic("virtio-net-pci")
LEFT_ALONE = Nic("virtio-net-pci", mac="52:54:00:11:00:02", tap="tap1")
RENAMED = "4"
"""NET_NAME_RENAMED of linux/netdevice.h."""
DECISION = """\
[Unit]
Before=aoelab.service

[Service]
Type=oneshot
ExecStart=udevadm settle
ExecStart=sh -c 'cd /sys/class/net; for name in *; do \\
  udevadm info --query=property --path=/sys/class/net/$$name | \\
  sed -n "s/^ID_NET_/aoelab-udev=$$name /p"; done >/dev/console'

[Install]
WantedBy=multi-user.target
"""


def test_leaves_the_name_of_the_roots_interface_alone(bench: Bench) -> None:
    token = secrets.token_hex(8)
    disk = systemd_disk(bench, "trixie", token)
    boot = bench.boot(f"root={ROOT} rw net.ifnames=1 rd.aoe.nic={SERVING.mac}", "trixie")
    with (
        network(taps=2) as net,
        vblade(net, disk.path),
        bench.machine(net, boot, SERVING, LEFT_ALONE) as client,
    ):
        client.run_to_end(SYSTEM_SECONDS)
    report = read_report(client.lines)
    assert report.one("token") == token
    names = {mac: name for name, mac, *_ in map(str.split, report.every("interface"))}
    assert (report.state["interface"], names[SERVING.mac]) == ("aoe0", "aoe0")
    assert f"aoe0 {RENAMED}" in report.every("naming")
    # It has looked at the interface and would have had another name for it, as it has given one to the other.
    decided = [fact.partition(" ")[2] for fact in report.every("udev") if fact.startswith("aoe0 ")]
    assert "LINK_FILE=/usr/lib/systemd/network/99-default.link" in decided
    assert any(fact.startswith(("NAME_SLOT=", "NAME_PATH=")) for fact in decided)
    assert names[LEFT_ALONE.mac].startswith("en")


@pytest.mark.parametrize("suite", ["trixie", "bookworm"])
@pytest.mark.parametrize("serving", ["first", "second"])
def test_leaves_only_that_name_alone_where_several_cards_were_tried(
    serving: str, suite: str, bench: Bench
) -> None:
    token = secrets.token_hex(8)
    disk = systemd_disk(bench, suite, token)
    cards = (SERVING, LEFT_ALONE) if serving == "first" else (LEFT_ALONE, SERVING)
    with (
        network(taps=2) as net,
        vblade(net, disk.path, masks=[SERVING.mac]),
        bench.machine(net, bench.boot(f"root={ROOT} rw net.ifnames=1 rd.debug", suite), *cards) as client,
    ):
        run(net.inside(["ip", "link", "set", LEFT_ALONE.tap, "nomaster"]))
        client.run_to_end(SYSTEM_SECONDS)
    report = read_report(client.lines)
    assert report.one("token") == token
    names = {mac: name for name, mac, *_ in map(str.split, report.every("interface"))}
    assert (report.state["interface"], report.state["mac"], names[SERVING.mac]) == (
        "aoe0",
        SERVING.mac,
        "aoe0",
    )
    assert f"aoe0 {RENAMED}" in report.every("naming")
    assert names[LEFT_ALONE.mac].startswith("en")
    said = [line.text for line in client.lines if "aoeinit: " in line.text]
    assert any(f"({SERVING.mac}) serves target e11.0 and is called aoe0 from now on" in line for line in said)
    # Kernels before 6.2 rename nothing that is up.
    lowered = any("goes down to be renamed" in line for line in said)
    assert lowered == (suite == "bookworm")


def systemd_disk(bench: Bench, suite: str, token: str) -> Disk:
    """Make a disk with a system that tells what its udev has decided."""
    tree = bench.folder / "system"
    make_system(tree, suite, token, ROOT)
    units = tree / "etc/systemd/system"
    (units / "decision.service").write_text(DECISION)
    (units / "multi-user.target.wants/decision.service").symlink_to("../decision.service")
    return make_disk(bench.folder / "disk", tree, mib=1024)
