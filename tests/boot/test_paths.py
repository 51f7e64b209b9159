"""Two servers of one target, one of which stops answering: reading goes on through the other."""

import signal
import subprocess

from aoeinit.system.beside import running
from aoeinit.system.namespace import Network, network
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import Nic
from aoeinit.trial.layout import BRIDGE
from tests.lab.bench import BOOT_SECONDS, Bench
from tests.lab.disk import make_disk
from tests.lab.programs import run
from tests.lab.report import read_report
from tests.lab.tiny_root import make_tiny_root

NIC = Nic("virtio-net-pci")
BEFORE, AFTER = 5, 25
"""Reads before one server stops, and at the end: enough of them for both to be asked."""
PATIENCE = 60
"""Seconds for the driver to leave a path: it takes 10. With aoe_deadsecs 0 it never did."""

INIT = """\
#!/bin/sh
exec >/dev/console 2>&1
mount -t debugfs debugfs /sys/kernel/debug
echo "aoelab-paths=$(busybox grep -c ssthresh /sys/kernel/debug/aoe/e11.0)"
number=0
while busybox dd if=/dev/etherd/e11.0p1 of=/dev/null bs=64k count=4 iflag=direct 2>/dev/null; do
	number=$((number + 1))
	echo "aoelab-read=$number"
	busybox usleep 200000
done
echo aoelab-end=failed
"""


def second_interface(net: Network) -> str:
    """Add an interface with a MAC of its own to the bridge."""
    for words in (
        "add server1 type veth peer name port1",
        f"set port1 master {BRIDGE} up",
        "set server1 up",
    ):
        run(net.inside(["ip", "link", *words.split()]))
    return "server1"


def test_one_of_two_servers_may_die(bench: Bench) -> None:
    make_tiny_root(bench.folder / "root", "two")
    (bench.folder / "root/usr/lib/aoelab/init").write_text(INIT)
    disk = make_disk(bench.folder / "disk", bench.folder / "root", mib=32)
    boot = bench.boot("root=/dev/etherd/e11.0p1")
    with network() as net, vblade(net, disk.path, read_only=True):
        command = net.inside(["vblade", "-r", "11", "0", second_interface(net), str(disk.path)])
        with (
            running(command, stdout=subprocess.DEVNULL) as second,
            bench.machine(net, boot, NIC) as client,
        ):
            stopped = client.run_until(f"aoelab-read={BEFORE}$", BOOT_SECONDS)
            second.send_signal(signal.SIGSTOP)
            client.run_until(f"aoelab-read={AFTER}$", stopped.seconds + PATIENCE)
            second.send_signal(signal.SIGCONT)
    assert read_report(client.lines).one("paths") == "2"
