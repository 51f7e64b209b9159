"""A server that dies under a systemd root: the shutdown that is ordered then still ends."""

import secrets
from contextlib import ExitStack
from pathlib import Path

import pytest

from aoeinit.boot.contract import DEAD_SECONDS, SHUTDOWN_DEAD_SECONDS, SHUTDOWN_GRACE_SECONDS
from tests.lab.disk import make_disk
from tests.lab.image import build_image
from tests.lab.kernels import debian_kernel
from tests.lab.machine import CONSOLE, DirectBoot, Hardware, Nic, machine
from tests.lab.network import network
from tests.lab.report import read_report
from tests.lab.servers import vblade
from tests.lab.system import make_system

SUITE = "bookworm"
NIC = Nic("e1000")
ROOT = "/dev/etherd/e11.0p1"
BOOT_SECONDS = 240
LIMIT = SHUTDOWN_DEAD_SECONDS + SHUTDOWN_GRACE_SECONDS + 60
"""Seconds after the order in which the machine has to be off; the rest is for systemd and a slow emulator."""
SERVICES = ("systemd-journald", "systemd-udevd")
ENDS = {"poweroff": "reboot: Power down", "reboot": "reboot: Restarting system"}

# What is run again without the server is in memory by then; what writes is not to get through.
STRAND = """\
#!/bin/sh
exec >/dev/console 2>&1
for service in {services}; do
	echo "aoelab-watchdog=$(systemctl show --property=WatchdogUSec --value "$service")"
done
echo "aoelab-guards=$(systemctl is-active aoeinit-guard@poweroff aoeinit-guard@reboot | tr '\\n' ' ')"
echo "aoelab-deadsecs=$(cat /sys/module/aoe/parameters/aoe_deadsecs)"
mount -o remount,rw /
sync
sleep 1
echo aoelab-stranded=now
sleep 5
dd if=/dev/zero of=/var/lost bs=1M count=4 conv=fsync &
sleep 5
echo aoelab-ordered={order}
systemctl --no-block {order}
"""


@pytest.mark.parametrize("order", ENDS)
def test_a_shutdown_ends_without_its_server(order: str, workspace: Path, log: Path, accelerator: str) -> None:
    kernel = debian_kernel(SUITE)
    image = workspace / "image"
    build_image(kernel, image, ["--nic", "e1000"])
    tree = workspace / "root"
    make_system(tree, SUITE, secrets.token_hex(8), ROOT)
    strand = tree / "usr/lib/aoelab/strand"
    strand.write_text(STRAND.format(order=order, services=" ".join(SERVICES)))
    strand.chmod(0o755)
    unit = tree / "etc/systemd/system/aoelab.service"
    unit.write_text(unit.read_text().replace("/bin/systemctl --no-block poweroff", "/usr/lib/aoelab/strand"))
    disk = make_disk(workspace / "disk", tree, mib=800)
    boot = DirectBoot(kernel.vmlinuz, image, f"{CONSOLE} root={ROOT}")
    with (
        network() as net,
        ExitStack() as server,
        machine(net, Hardware(NIC, accelerator=accelerator), boot, log) as client,
    ):
        server.enter_context(vblade(net, disk.path))
        client.run_until("aoelab-stranded", BOOT_SECONDS)
        server.close()
        ordered = client.run_until("aoelab-ordered", BOOT_SECONDS)
        end = client.run_until(ENDS[order], ordered.seconds + LIMIT)
        client.run_to_end(ordered.seconds + LIMIT)
    report = read_report(client.lines)
    assert report.every("watchdog") == ["0"] * len(SERVICES)
    assert report.one("guards").split() == ["active", "active"]
    assert report.one("deadsecs") == str(DEAD_SECONDS)
    assert end.seconds - ordered.seconds > SHUTDOWN_GRACE_SECONDS
    assert report.every("failed") == []
