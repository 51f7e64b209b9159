"""Two machines at once on one target that nobody may write to."""

import hashlib
import secrets

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.qemu import Machine
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import Nic
from tests.lab.bench import BOOT_SECONDS, SMALLEST_MIB, SYSTEM_SECONDS, Bench
from tests.lab.disk import condition, make_disk
from tests.lab.programs import run
from tests.lab.report import END, read_report
from tests.lab.system import make_system
from tests.lab.tiny_root import make_tiny_root

FIRST = Nic("virtio-net-pci", mac="52:54:00:11:00:01", tap="tap0")
SECOND = Nic("virtio-net-pci", mac="52:54:00:11:00:02", tap="tap1")
ROOT = "/dev/etherd/e11.0p1"

# The new root writes who it is where the other machine writes, too, and stays.
INIT = """\
#!/bin/sh
exec >/dev/console 2>&1
echo "aoelab-before=$(cat /etc/aoelab/writer)"
cat /sys/class/net/aoe0/address >/etc/aoelab/writer
sync
echo "aoelab-after=$(cat /etc/aoelab/writer)"
echo "aoelab-lower=$(cat /run/aoeinit/lower/etc/aoelab/writer)"
echo x >/run/aoeinit/lower/etc/aoelab/writer || echo "aoelab-refused=yes"
/usr/lib/aoelab/report
while read -r line; do :; done
"""

LOOK = """\
#!/bin/sh
exec >/dev/console 2>&1
echo somebody >/etc/aoelab/writer
echo "aoelab-after=$(cat /etc/aoelab/writer)"
echo "aoelab-lower=$(cat /run/aoeinit/lower/etc/aoelab/writer)"
"""


@pytest.mark.parametrize("filesystem", SMALLEST_MIB)
def test_two_machines_share_a_root_that_is_only_read(filesystem: str, bench: Bench) -> None:
    token = secrets.token_hex(8)
    tree = bench.folder / "root"
    make_tiny_root(tree, token)
    (tree / "etc/aoelab/writer").write_text("nobody\n")
    (tree / "usr/lib/aoelab/init").write_text(INIT)
    disk = make_disk(bench.folder / "disk", tree, mib=SMALLEST_MIB[filesystem], filesystem=filesystem)
    if filesystem == "ext4":
        # As after a loss of power: a mount would replay the journal, were it not forbidden.
        run(["debugfs", "-w", "-R", "feature needs_recovery", f"{disk.path}?offset={disk.start}"])
        assert condition(disk).needs_recovery
    before = hashlib.sha256(disk.path.read_bytes()).digest()
    boot = bench.boot(f"root={ROOT} rd.overlay=64m")
    beside = bench.log.with_suffix(".second.log")
    with (
        network(taps=2) as net,
        vblade(net, disk.path, read_only=True),
        bench.machine(net, boot, FIRST) as first,
        bench.machine(net, boot, SECOND, log=beside) as second,
    ):
        for client in (first, second):
            client.run_until(END, BOOT_SECONDS)
        assert first.process.poll() is None
    check(first, token, FIRST.mac, filesystem)
    check(second, token, SECOND.mac, filesystem)
    assert hashlib.sha256(disk.path.read_bytes()).digest() == before
    beside.unlink()


def test_a_whole_system_runs_on_what_is_only_read(bench: Bench) -> None:
    token = secrets.token_hex(8)
    tree = bench.folder / "system"
    make_system(tree, "bookworm", token, ROOT)
    (tree / "etc/aoelab/writer").write_text("nobody\n")
    look = tree / "usr/lib/aoelab/look"
    look.write_text(LOOK)
    look.chmod(0o755)
    unit = tree / "etc/systemd/system/aoelab.service"
    unit.write_text(unit.read_text().replace("ExecStart=", "ExecStartPre=/usr/lib/aoelab/look\nExecStart="))
    disk = make_disk(bench.folder / "disk", tree, mib=800)
    with (
        network() as net,
        vblade(net, disk.path, read_only=True),
        bench.machine(net, bench.boot(f"root={ROOT} rd.overlay"), FIRST) as client,
    ):
        client.run_to_end(SYSTEM_SECONDS)
    report = read_report(client.lines)
    assert report.one("token") == token
    assert report.one("system") == "multi-user.target active"
    assert report.every("failed") == []
    assert report.one("root").split()[:2] == ["overlay", "overlay"]
    assert (report.one("after"), report.one("lower")) == ("somebody", "nobody")
    assert report.state["overlay"] == "50%"


def check(client: Machine, token: str, mac: str, filesystem: str) -> None:
    report = read_report(client.lines)
    assert report.one("token") == token
    assert (report.one("before"), report.one("after"), report.one("lower")) == ("nobody", mac, "nobody")
    assert report.one("refused") == "yes"
    device, kind, options = report.one("root").split()
    assert (device, kind, options.split(",")[0]) == ("overlay", "overlay", "rw")
    assert report.state["filesystem"] == filesystem
    assert report.state["overlay"] == "64m"
