"""A server that is away for longer than the driver waits by default: the root pauses, and goes on."""

import hashlib
import re
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
BETWEEN_SECONDS = 5
"""What a slow machine may take between two rounds, when nothing is under way."""
DRIVERS_DEFAULT = 180
RECOVERY_SECONDS = 300
PATTERN_BYTES = 1 << 20
SERVICES = ("systemd-journald", "systemd-udevd")
"""What every system has; logind, where it is there, is to go on as it was."""
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
exec >/dev/console 2>&1
# Which process each service is, since when, and how often it was started again.
services() {
	for unit in {services} systemd-logind; do
		echo "aoelab-$1=$unit $(systemctl is-active $unit)" \
			$(systemctl show --property=MainPID,ActiveEnterTimestampMonotonic,NRestarts $unit)
	done
}
services before
# It writes until a line is typed, so that a round is always under way or to come.
{ read -r _ && : >/run/aoelab-enough; } </dev/console &
copy() {
	dd if=/etc/aoelab/pattern of=/var/copy bs=64k oflag=direct conv=notrunc,fsync status=none
}
round=0
until [ -e /run/aoelab-enough ]; do
	round=$((round + 1))
	read -r began _ </proc/uptime
	copy || { echo "aoelab-error=$round" && break; }
	read -r ended _ </proc/uptime
	echo "aoelab-round=$round $began $ended"
done
echo "aoelab-copy=$(dd if=/var/copy bs=64k iflag=direct status=none | sha256sum)"
services after
"""


@pytest.mark.idle
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
            for client in (dying, living):
                client.run_until("aoelab-round=2 ", SYSTEM_SECONDS)
        hear_out(living)
        before = len(rounds(living))
        with vblade(net, disk.path), vblade(other_net, other.path):
            check_that_it_fails(dying)
            again = living.run_until(rf"aoelab-round={before + 3} ", elapsed(living) + RECOVERY_SECONDS)
            living.type("")
            ended = living.run_until(END, again.seconds + RECOVERY_SECONDS)
            living.run_to_end(ended.seconds + RECOVERY_SECONDS)
    check_rounds(living, before)
    report = read_report(living.lines)
    assert report.one("token") == token
    assert report.every("error") == []
    assert report.one("copy").split()[0] == hashlib.sha256(pattern).hexdigest()
    assert report.every("after") == report.every("before")
    assert [fact.split()[:2] for fact in report.every("after")][:2] == [[name, "active"] for name in SERVICES]
    assert not any("MainPID=0" in fact for fact in report.every("after")[:2])
    assert report.every("failed") == []
    assert not any("I/O error" in line.text for line in living.lines)
    assert condition(disk) == Condition(clean=True, needs_recovery=False)
    beside.unlink()


def elapsed(client: Machine) -> float:
    return time.monotonic() - client.started


def hear_out(client: Machine) -> None:
    """Hear all that a machine says while its server is away: what it says later, it says after that."""
    end = elapsed(client) + AWAY_SECONDS + BETWEEN_SECONDS
    while said := client.hear(end):
        pass
    assert said is None, "the machine is off"


def rounds(client: Machine) -> list[tuple[int, float, float]]:
    """The rounds that were finished: number, and the uptimes at which they began and ended."""
    found = (re.search(r"aoelab-round=(\d+) ([\d.]+) ([\d.]+)$", line.text) for line in client.lines)
    return [(int(match[1]), float(match[2]), float(match[3])) for match in found if match]


def check_rounds(client: Machine, before: int) -> None:
    """The round that was under way took as long as the server was away; others came after it, and the end."""
    done = rounds(client)
    assert before >= 2
    assert len(done) >= before + 3
    assert [number for number, _, _ in done] == list(range(1, len(done) + 1))
    _, began, ended = done[before]
    assert ended - began >= AWAY_SECONDS
    texts = [line.text for line in client.lines]
    assert texts.index(END) > max(index for index, text in enumerate(texts) if "aoelab-round=" in text)


def check_that_it_fails(dying: Machine) -> None:
    """With the driver's own patience the same writer gets an error: the test can see one."""
    dying.run_until("I/O error, dev etherd/e11.0|aoelab-error=", SYSTEM_SECONDS + AWAY_SECONDS)


def make_writer(folder: Path, token: str, pattern: bytes) -> Disk:
    """Make a disk with a Debian system that writes ``pattern`` until it is told, reports and powers off."""
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
