"""A server that is away for longer than the driver waits by default: the root pauses, and goes on."""

import hashlib
import secrets
import time
from pathlib import Path

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.qemu import Machine
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import Nic
from tests.lab.bench import SYSTEM_SECONDS, Bench
from tests.lab.disk import Condition, Disk, condition, make_disk
from tests.lab.programs import run
from tests.lab.report import END, read_report
from tests.lab.system import make_system

NIC = Nic("e1000")
ROOT = "/dev/etherd/e11.0p1"
AWAY_SECONDS = 200
DRIVERS_DEFAULT = 180
RECOVERY_SECONDS = 300
PATTERN_BYTES = 1 << 20
SERVICES = ("systemd-journald", "systemd-udevd")
WRITER = """\
[Unit]
Description=Write past the page cache and read it again

[Service]
Type=oneshot
ExecStart=/usr/lib/aoelab/writer
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console

[Install]
WantedBy=multi-user.target
"""
SCRIPT = """\
#!/bin/sh
for word in $(cat /proc/cmdline); do
	case "$word" in
	aoelab.deadsecs=*) echo "${word#*=}" >/sys/module/aoe/parameters/aoe_deadsecs ;;
	esac
done
# Since when each service runs, in microseconds of uptime, and how often it was started again by itself.
services() {
	for unit in {services}; do
		echo "aoelab-$1=$unit $(systemctl is-active $unit)" \
			$(systemctl show --property=ActiveEnterTimestampMonotonic,NRestarts --value $unit)
	done
}
services before
copy() {
	dd if=/etc/aoelab/pattern of=/var/copy bs=64k oflag=direct conv=notrunc,fsync status=none
}
for round in 1 2 3 4 5 6 7 8 9 10; do
	copy || echo "aoelab-error=$round"
	echo "aoelab-round=$round"
done
echo "aoelab-copy=$(dd if=/var/copy bs=64k iflag=direct status=none | sha256sum)"
services after
"""


@pytest.mark.patient
def test_a_root_outlives_its_server_being_away(bench: Bench) -> None:
    token = secrets.token_hex(8)
    pattern = secrets.token_bytes(PATTERN_BYTES)
    disk = make_writer(bench.folder, token, pattern)
    other = Disk(bench.folder / "other")
    run(["cp", "--sparse=always", str(disk.path), str(other.path)])
    patient = bench.boot(f"root={ROOT} rw")
    default = bench.boot(f"root={ROOT} rw aoelab.deadsecs={DRIVERS_DEFAULT}")
    beside = bench.log.with_suffix(".default.log")
    with (
        network() as net,
        network() as other_net,
        bench.machine(net, patient, NIC) as living,
        bench.machine(other_net, default, NIC, log=beside) as dying,
    ):
        with vblade(net, disk.path), vblade(other_net, other.path):
            for client in (living, dying):
                client.run_until("aoelab-round=2", SYSTEM_SECONDS)
        time.sleep(AWAY_SECONDS)
        with vblade(net, disk.path), vblade(other_net, other.path):
            check_that_it_fails(dying)
            ended = living.run_until(END, SYSTEM_SECONDS + AWAY_SECONDS + RECOVERY_SECONDS)
            living.run_to_end(ended.seconds + RECOVERY_SECONDS)
    report = read_report(living.lines)
    assert report.one("token") == token
    assert report.every("error") == []
    assert report.one("copy").split()[0] == hashlib.sha256(pattern).hexdigest()
    assert report.every("after") == report.every("before")
    assert [fact.split()[:2] for fact in report.every("after")] == [[name, "active"] for name in SERVICES]
    assert report.every("failed") == []
    assert not any("I/O error" in line.text for line in living.lines)
    assert condition(disk) == Condition(clean=True, needs_recovery=False)
    beside.unlink()


def check_that_it_fails(dying: Machine) -> None:
    """With the driver's own patience the same writer gets an error: the test can see one."""
    dying.run_until("I/O error, dev etherd/e11.0|aoelab-error=", SYSTEM_SECONDS + AWAY_SECONDS)


def make_writer(folder: Path, token: str, pattern: bytes) -> Disk:
    """Make a disk with a Debian system that writes ``pattern`` ten times before it reports and powers off."""
    tree = folder / "system"
    make_system(tree, "bookworm", token, ROOT)
    (tree / "etc/aoelab/pattern").write_bytes(pattern)
    script = tree / "usr/lib/aoelab/writer"
    script.write_text(SCRIPT.replace("{services}", " ".join(SERVICES)))
    script.chmod(0o755)
    units = tree / "etc/systemd/system"
    (units / "writer.service").write_text(WRITER)
    (units / "multi-user.target.wants/writer.service").symlink_to("../writer.service")
    return make_disk(folder / "disk", tree, mib=1024)
