"""A server that dies under a systemd root: the shutdown that is ordered then still ends."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from aoeinit.boot.contract import DEAD_SECONDS, SHUTDOWN_DEAD_SECONDS, SHUTDOWN_GRACE_SECONDS
from aoeinit.system.namespace import network
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import Nic
from tests.lab.bench import SYSTEM_SECONDS, Bench
from tests.lab.disk import Disk, make_disk
from tests.lab.report import read_report
from tests.lab.system import make_system

NIC = Nic("e1000")
ROOT = "/dev/etherd/e11.0p1"
LIMIT = SHUTDOWN_DEAD_SECONDS + SHUTDOWN_GRACE_SECONDS + 120
"""Seconds after the order in which the machine has to be off; the rest is for systemd and a slow emulator."""
SERVICES = ("systemd-journald", "systemd-udevd")

ENDS = {
    "poweroff": ("bookworm", "reboot: Power down"),
    "reboot": ("trixie", "reboot: Restarting system"),
}
"""What is ordered, of the systemd of which suite, and the kernel's last words then."""

# What is run again without the server is in memory by then; what writes is not to get through.
STRAND = """\
#!/bin/sh
exec </dev/console >/dev/console 2>&1
for service in {services}; do
	echo "aoelab-watchdog=$(systemctl show --property=WatchdogUSec --value "$service")"
done
echo "aoelab-guards=$(systemctl is-active aoeinit-guard@poweroff aoeinit-guard@reboot | tr '\\n' ' ')"
echo "aoelab-deadsecs=$(cat /sys/module/aoe/parameters/aoe_deadsecs)"
mount -o remount,rw /
sync
sleep 1
echo aoelab-stranded=now
read -r _
dd if=/dev/zero of=/var/lost bs=1M count=4 conv=fsync &
sleep 5
echo aoelab-ordered={order}
systemctl --no-block {order}
"""


@pytest.mark.patient
def test_a_shutdown_ends_without_its_server(bench: Bench) -> None:
    # Each waits for minutes: both do at once.
    with ThreadPoolExecutor() as pool:
        logs = list(pool.map(lambda order: shut_down(bench, order), ENDS))
    for log in logs:
        log.unlink()


def shut_down(bench: Bench, order: str) -> Path:
    """Let a server die before its machine is ordered to end; gives the console's log."""
    suite, words = ENDS[order]
    disk = make_stranding(bench.folder / order, suite, order)
    log = bench.log.with_suffix(f".{order}.log")
    with (
        network() as net,
        ExitStack() as server,
        bench.machine(net, bench.boot(f"root={ROOT}", suite), NIC, log=log) as client,
    ):
        server.enter_context(vblade(net, disk.path))
        client.run_until("aoelab-stranded", SYSTEM_SECONDS)
        server.close()
        client.type("")
        ordered = client.run_until("aoelab-ordered", SYSTEM_SECONDS)
        end = client.run_until(words, ordered.seconds + LIMIT)
        client.run_to_end(ordered.seconds + LIMIT)
    report = read_report(client.lines)
    assert report.every("watchdog") == ["0"] * len(SERVICES)
    assert report.one("guards").split() == ["active", "active"]
    assert report.one("deadsecs") == str(DEAD_SECONDS)
    assert end.seconds - ordered.seconds > SHUTDOWN_GRACE_SECONDS
    assert report.every("failed") == []
    return log


def make_stranding(folder: Path, suite: str, order: str) -> Disk:
    """Make a disk with a Debian system that waits for a line on its console before it shuts itself down."""
    folder.mkdir()
    tree = folder / "system"
    make_system(tree, suite, secrets.token_hex(8), ROOT)
    strand = tree / "usr/lib/aoelab/strand"
    strand.write_text(STRAND.format(order=order, services=" ".join(SERVICES)))
    strand.chmod(0o755)
    unit = tree / "etc/systemd/system/aoelab.service"
    unit.write_text(unit.read_text().replace("/bin/systemctl --no-block poweroff", "/usr/lib/aoelab/strand"))
    return make_disk(folder / "disk", tree, mib=800)
