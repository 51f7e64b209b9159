"""The whole way of a machine without a disk: iPXE, DHCP, GRUB, our image, systemd, and off again."""

import secrets
import shutil
from pathlib import Path

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.qemu import machine
from aoeinit.system.servers import dhcp, vblade
from aoeinit.trial.hardware import CONSOLE, Hardware, NetworkBoot, Nic
from tests.lab.bench import SYSTEM_SECONDS
from tests.lab.disk import Condition, condition, make_disk
from tests.lab.grub import install_grub
from tests.lab.image import build_image
from tests.lab.kernels import debian_kernel
from tests.lab.report import END, read_report
from tests.lab.sysfs import make_sysfs
from tests.lab.system import make_system

ROOT = "/dev/etherd/e11.0p1"
PARAMETERS = f"{CONSOLE} root={ROOT} ro"
OFF_SECONDS = 90
"""What systemd itself gives a unit to stop, by default: with more, something hung."""


@pytest.mark.parametrize(
    ("suite", "nic"),
    # From kernel 6.2 on udev may rename an interface that is up, the root's among them.
    [("bookworm", Nic("e1000")), ("trixie", Nic("virtio-net-pci"))],
    ids=["bookworm-e1000", "trixie-virtio-net-pci"],
)
def test_boots_from_its_network_card_to_multi_user_and_powers_off(
    suite: str, nic: Nic, workspace: Path, log: Path, accelerator: str
) -> None:
    kernel = debian_kernel(suite)
    token = secrets.token_hex(8)
    tree = workspace / "root"
    make_system(tree, suite, token, ROOT)
    shutil.copy(kernel.vmlinuz, tree / "boot/vmlinuz")
    sysfs = make_sysfs(workspace / "sys", nic)
    build_image(kernel, tree / "boot/initrd.img", ["--sysfs", str(sysfs), "--target", "e11.0"])
    disk = make_disk(workspace / "disk", tree, mib=1024)
    install_grub(disk, PARAMETERS)
    with (
        network() as net,
        vblade(net, disk.path, masks=[nic.mac]),
        dhcp(net, workspace, "aoe:e11.0"),
        machine(net, Hardware(nic, memory=1024, accelerator=accelerator), NetworkBoot(), log) as client,
    ):
        reported = client.run_until(END, SYSTEM_SECONDS)
        client.run_to_end(reported.seconds + OFF_SECONDS)
    report = read_report(client.lines)
    assert report.one("token") == token
    assert report.one("release") == kernel.release
    assert report.one("parameters").endswith(PARAMETERS)
    device, kind, options = report.one("root").split()
    assert (device, kind, options.split(",")[0]) == (ROOT, "ext4", "rw")
    assert report.one("system") == "multi-user.target active"
    assert report.every("failed") == []
    assert report.state["root"] == ROOT
    assert report.state["mac"] == nic.mac
    assert f"{report.state['interface']} {nic.mac} 1" in report.every("interface")
    assert condition(disk) == Condition(clean=True, needs_recovery=False)
