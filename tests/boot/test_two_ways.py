"""Two cards named in rd.aoe.nic=: both carry the root, and one of them is enough."""

from aoeinit.system.namespace import network
from aoeinit.system.servers import vblade
from aoeinit.trial.console import Line
from aoeinit.trial.hardware import Nic
from tests.lab.bench import BOOT_SECONDS, Bench
from tests.lab.disk import make_disk
from tests.lab.report import END, read_report
from tests.lab.tiny_root import make_tiny_root

FIRST = Nic("virtio-net-pci")
SECOND = Nic("virtio-net-pci", mac="52:54:00:11:00:02", tap="tap1")
BEFORE, AFTER = 5, 25
"""Reads before a cable is cut, and at the end."""
FRAMES = 256
"""What a read takes, of 1024 bytes each."""
INIT = """\
#!/bin/sh
exec >/dev/console 2>&1
/usr/lib/aoelab/report
sent() {
	cat /sys/class/net/aoe0/statistics/tx_packets /sys/class/net/aoe1/statistics/tx_packets
}
number=0
while dd if=/dev/etherd/e11.0p1 of=/dev/null bs=64k count=4 iflag=direct 2>/dev/null; do
	number=$((number + 1))
	echo "aoelab-read=$number" $(sent)
	busybox usleep 200000
done
echo aoelab-failed=yes
"""


def test_the_root_stays_when_one_cable_is_cut(bench: Bench) -> None:
    tree = bench.folder / "root"
    make_tiny_root(tree, "two")
    (tree / "usr/lib/aoelab/init").write_text(INIT)
    disk = make_disk(bench.folder / "disk", tree, mib=32)
    boot = bench.boot(f"root=/dev/etherd/e11.0p1 rd.aoe.nic={FIRST.mac},{SECOND.mac}")
    with (
        network(taps=2) as net,
        vblade(net, disk.path, masks=[FIRST.mac, SECOND.mac]),
        bench.machine(net, boot, FIRST, SECOND) as client,
    ):
        client.run_until(END, BOOT_SECONDS)
        began = sent(client.run_until("aoelab-read=1 ", BOOT_SECONDS))
        cut = sent(client.run_until(f"aoelab-read={BEFORE} ", BOOT_SECONDS))
        client.plug(FIRST, linked=False)
        last = sent(client.run_until(f"aoelab-read={AFTER} ", BOOT_SECONDS))
    report = read_report(client.lines)
    assert sorted(report.state["interface"].split(",")) == ["aoe0", "aoe1"]
    # Both had their share of the frames; then the second had nearly all.
    share = FRAMES * (BEFORE - 1) // 4
    assert min(after - before for before, after in zip(began, cut, strict=True)) > share
    assert last[1] - cut[1] > FRAMES * (AFTER - BEFORE) // 2


def sent(line: Line) -> tuple[int, int]:
    """How many frames each interface had sent by then."""
    first, second = line.text.split()[1:]
    return int(first), int(second)
