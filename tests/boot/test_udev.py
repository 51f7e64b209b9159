"""udev of a system with predictable interface names, on a kernel that lets it rename what is up."""

import secrets

from aoeinit.system.namespace import network
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import Nic
from tests.lab.bench import SYSTEM_SECONDS, Bench
from tests.lab.disk import make_disk
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
    tree = bench.folder / "system"
    make_system(tree, "trixie", token, ROOT)
    units = tree / "etc/systemd/system"
    (units / "decision.service").write_text(DECISION)
    (units / "multi-user.target.wants/decision.service").symlink_to("../decision.service")
    disk = make_disk(bench.folder / "disk", tree, mib=1024)
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
