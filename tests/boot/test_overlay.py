"""Two machines at once on one target that nobody may write to."""

import hashlib
import secrets
from pathlib import Path

import pytest

from tests.lab.disk import condition, make_disk
from tests.lab.image import build_image
from tests.lab.kernels import debian_kernel
from tests.lab.machine import CONSOLE, DirectBoot, Hardware, Machine, Nic, machine
from tests.lab.network import network
from tests.lab.programs import run
from tests.lab.report import END, read_report
from tests.lab.servers import vblade
from tests.lab.tiny_root import make_tiny_root

FIRST = Nic("e1000", mac="52:54:00:11:00:01", tap="tap0")
SECOND = Nic("e1000", mac="52:54:00:11:00:02", tap="tap1")
MEBIBYTES = {"ext4": 32, "xfs": 320, "btrfs": 160}
BOOT_SECONDS = 240

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


@pytest.mark.parametrize("filesystem", MEBIBYTES)
def test_two_machines_share_a_root_that_is_only_read(
    filesystem: str, workspace: Path, log: Path, accelerator: str
) -> None:
    kernel = debian_kernel("bookworm")
    image = workspace / "image"
    build_image(kernel, image, ["--nic", "e1000", "--filesystem", filesystem])
    token = secrets.token_hex(8)
    make_tiny_root(workspace / "root", token)
    (workspace / "root/etc/aoelab/writer").write_text("nobody\n")
    (workspace / "root/usr/lib/aoelab/init").write_text(INIT)
    disk = make_disk(workspace / "disk", workspace / "root", mib=MEBIBYTES[filesystem], filesystem=filesystem)
    if filesystem == "ext4":
        # As after a loss of power: a mount would replay the journal, were it not forbidden.
        run(["debugfs", "-w", "-R", "feature needs_recovery", f"{disk.path}?offset={disk.start}"])
        assert condition(disk).needs_recovery
    before = hashlib.sha256(disk.path.read_bytes()).digest()
    boot = DirectBoot(kernel.vmlinuz, image, f"{CONSOLE} root=/dev/etherd/e11.0p1 rd.overlay=64m")
    with (
        network(taps=2) as net,
        vblade(net, disk.path, read_only=True),
        machine(net, Hardware(FIRST, accelerator=accelerator), boot, log) as first,
        machine(
            net, Hardware(SECOND, accelerator=accelerator), boot, log.with_suffix(".second.log")
        ) as second,
    ):
        for client in (first, second):
            client.run_until(END, BOOT_SECONDS)
        assert first.process.poll() is None
    check(first, token, FIRST.mac, filesystem)
    check(second, token, SECOND.mac, filesystem)
    assert hashlib.sha256(disk.path.read_bytes()).digest() == before
    second.log.unlink()


def check(client: Machine, token: str, mac: str, filesystem: str) -> None:
    report = read_report(client.lines)
    assert report.one("token") == token
    assert (report.one("before"), report.one("after"), report.one("lower")) == ("nobody", mac, "nobody")
    assert report.one("refused") == "yes"
    device, kind, options = report.one("root").split()
    assert (device, kind, options.split(",")[0]) == ("overlay", "overlay", "rw")
    assert report.state["filesystem"] == filesystem
    assert report.state["overlay"] == "64m"
