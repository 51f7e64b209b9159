"""A server that dies under a systemd root: the shutdown that is ordered then still ends, by its guard."""

import secrets
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from aoeinit.boot.contract import DEAD_SECONDS, SHUTDOWN_DEAD_SECONDS, SHUTDOWN_GRACE_SECONDS
from aoeinit.system.namespace import network
from aoeinit.system.qemu import Machine
from aoeinit.system.servers import vblade
from aoeinit.trial.console import Line
from aoeinit.trial.hardware import Nic
from tests.lab.bench import SYSTEM_SECONDS, Bench
from tests.lab.disk import Disk, make_disk
from tests.lab.report import read_report
from tests.lab.system import make_system

NIC = Nic("e1000")
ROOT = "/dev/etherd/e11.0p1"
LIMIT = SHUTDOWN_DEAD_SECONDS + SHUTDOWN_GRACE_SECONDS + 120
"""Seconds after the order in which the machine has to be off; the rest is for systemd and a slow emulator."""
UNGUARDED = " ".join(f"systemd.mask=aoeinit-guard@{order}.service" for order in ("poweroff", "reboot"))
LONGER = 30
"""Seconds by which the unguarded shutdown is to outlast the guarded ones."""
SERVICES = ("systemd-journald", "systemd-udevd")

ENDS = {
    "poweroff": ("bookworm", "reboot: Power down"),
    "reboot": ("trixie", "reboot: Restarting system"),
}
"""What is ordered, of the systemd of which suite, and the kernel's last words then."""

# What is run without the server is in memory by then, the order must get through; what writes is not to.
STRAND = """\
#!/bin/sh
exec </dev/console >/dev/console 2>&1
for service in {services}; do
	echo "aoelab-watchdog=$(systemctl show --property=WatchdogUSec --value "$service")"
done
echo "aoelab-guards=$(systemctl is-active aoeinit-guard@poweroff aoeinit-guard@reboot | tr '\\n' ' ')"
echo "aoelab-deadsecs=$(cat /sys/module/aoe/parameters/aoe_deadsecs)"
mount -o remount,rw,noatime /
cat /bin/systemctl /bin/sh /bin/dd /lib/systemd/systemd* >/dev/null 2>&1
cat /usr/lib/*/systemd/lib* /lib/*/lib*.so* >/dev/null 2>&1
sync
sleep 1
echo aoelab-stranded=now
read -r _
dd if=/dev/zero of=/var/lost bs=1M count=4 conv=fsync &
sleep 5
dmesg -n 4
echo aoelab-ordered={order}
trap '' TERM
systemctl --no-block {order} && echo aoelab-accepted={order}
"""


@pytest.mark.idle
def test_a_shutdown_ends_without_its_server(bench: Bench) -> None:
    # Each waits for minutes: all do at once.
    with ThreadPoolExecutor(3) as pool:
        guarded = [pool.submit(shut_down, bench, order) for order in ENDS]
        pool.submit(hang, bench, guarded).result()
    for name in (*ENDS, "unguarded"):
        log_for(bench, name).unlink()


def shut_down(bench: Bench, order: str) -> float:
    """Let a server die before its machine is ordered to end; gives the seconds that this took."""
    suite, words = ENDS[order]
    with stranded(bench, order, suite, order) as (client, ordered):
        told = client.run_until("aoeinit: the server of", ordered.seconds + LIMIT)
        end = client.run_until(words, ordered.seconds + LIMIT)
        client.run_to_end(ordered.seconds + LIMIT)
    report = read_report(client.lines)
    assert report.every("watchdog") == ["0"] * len(SERVICES)
    assert report.one("guards").split() == ["active", "active"]
    assert report.one("deadsecs") == str(DEAD_SECONDS)
    assert report.one("accepted") == order
    assert f"the server of e11.0 is dead: {order} in {SHUTDOWN_GRACE_SECONDS} s, finished or not" in told.text
    assert ordered.seconds < told.seconds < end.seconds
    assert report.every("failed") == []
    return end.seconds - ordered.seconds


def hang(bench: Bench, guarded: list[Future[float]]) -> None:
    """Let the same happen without the guard: the machine is on for longer than any with it."""
    suite, words = ENDS["poweroff"]
    with stranded(bench, "unguarded", suite, "poweroff", UNGUARDED) as (client, ordered):
        taken = max(each.result() for each in guarded)
        while said := client.hear(ordered.seconds + taken + LONGER):
            pass
        assert said is None, "the machine is off"
    report = read_report(client.lines)
    assert report.one("guards").split() == ["inactive", "inactive"]
    assert report.one("accepted") == "poweroff"
    assert not any(words in line.text or "is dead" in line.text for line in client.lines)


@contextmanager
def stranded(
    bench: Bench, name: str, suite: str, order: str, parameters: str = ""
) -> Iterator[tuple[Machine, Line]]:
    """A machine that was ordered to end, and when, after its server has died."""
    disk = make_stranding(bench.folder / name, suite, order)
    boot = bench.boot(f"root={ROOT} {parameters}", suite)
    with (
        network() as net,
        ExitStack() as server,
        bench.machine(net, boot, NIC, log=log_for(bench, name)) as client,
    ):
        server.enter_context(vblade(net, disk.path))
        client.run_until("aoelab-stranded", SYSTEM_SECONDS)
        server.close()
        client.type("")
        yield client, client.run_until("aoelab-ordered", SYSTEM_SECONDS)


def log_for(bench: Bench, name: str) -> Path:
    return bench.log.with_suffix(f".{name}.log")


def make_stranding(folder: Path, suite: str, order: str) -> Disk:
    """Make a disk with a Debian system that waits for a line on its console before it shuts itself down."""
    folder.mkdir()
    tree = folder / "system"
    make_system(tree, suite, secrets.token_hex(8), ROOT)
    strand = tree / "usr/lib/aoelab/strand"
    strand.write_text(STRAND.format(order=order, services=" ".join(SERVICES)))
    strand.chmod(0o755)
    unit = tree / "etc/systemd/system/aoelab.service"
    text = unit.read_text().replace("/bin/systemctl --no-block poweroff", "/usr/lib/aoelab/strand")
    # As the guards do, it lets systemd know the units of a shutdown: it would look for them on a dead root.
    unit.write_text(text.replace("[Unit]\n", "[Unit]\nConflicts=poweroff.target reboot.target\n"))
    return make_disk(folder / "disk", tree, mib=800)
