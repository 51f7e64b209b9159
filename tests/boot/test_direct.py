"""Real kernels with our image, put into memory by QEMU, find their root on a real target."""

import re
import secrets
from dataclasses import dataclass
from pathlib import Path

import pytest

from aoeinit.boot.contract import STEPS
from aoeinit.system.namespace import network
from aoeinit.system.qemu import Machine, machine
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import CONSOLE, DirectBoot, Hardware, Nic
from tests.lab.bench import BOOT_SECONDS
from tests.lab.disk import Condition, condition, make_disk
from tests.lab.image import build_image
from tests.lab.kernels import debian_kernel
from tests.lab.report import read_report
from tests.lab.sysfs import make_sysfs
from tests.lab.tiny_root import make_tiny_root

E1000 = Nic("e1000")
VIRTIO = Nic("virtio-net-pci")
PARAMETERS = f"{CONSOLE} root=/dev/etherd/e11.0p1"


@dataclass(frozen=True, slots=True)
class Case:
    suite: str
    nic: Nic
    selection: str
    label: str = "dos"

    @property
    def name(self) -> str:
        return f"{self.suite}-{self.nic.model}-{self.selection}-{self.label}"


CASES = (
    Case("bookworm", E1000, "host"),
    Case("bookworm", E1000, "e1000", label="gpt"),
    Case("bookworm", VIRTIO, "all"),
    Case("trixie", VIRTIO, "host"),
    Case("trixie", VIRTIO, "virtio_net", label="gpt"),
    Case("trixie", E1000, "all"),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_boots_to_the_init_on_the_target(case: Case, workspace: Path, log: Path, accelerator: str) -> None:
    kernel = debian_kernel(case.suite)
    sysfs = make_sysfs(workspace / "sys", case.nic)
    image = workspace / "image"
    build_image(kernel, image, ["--nic", case.selection, "--sysfs", str(sysfs)])
    token = secrets.token_hex(8)
    make_tiny_root(workspace / "root", token)
    disk = make_disk(workspace / "disk", workspace / "root", mib=32, label=case.label)
    boot = DirectBoot(kernel.vmlinuz, image, PARAMETERS)
    hardware = Hardware(case.nic, accelerator=accelerator)
    with (
        network() as net,
        vblade(net, disk.path, masks=[case.nic.mac]),
        machine(net, hardware, boot, log) as client,
    ):
        client.run_to_end(BOOT_SECONDS)
    check_report(client, token, kernel.release, case.nic)
    assert condition(disk) == Condition(clean=True, needs_recovery=False)


def check_report(client: Machine, token: str, release: str, nic: Nic) -> None:
    report = read_report(client.lines)
    assert report.one("token") == token
    assert report.one("release") == release
    assert report.one("parameters") == PARAMETERS
    assert report.used == ["panic=-1", "root=/dev/etherd/e11.0p1"]
    device, kind, options = report.one("root").split()
    assert (device, kind, options.split(",")[0]) == ("/dev/etherd/e11.0p1", "ext4", "ro")
    target, interface, server = report.one("disk").split()
    assert target == "e11.0"
    assert f"{interface} {nic.mac} 1" in report.every("interface")
    assert report.state == {
        "target": "e11.0",
        "device": "/dev/etherd/e11.0",
        "interface": interface,
        "mac": nic.mac,
        "mtu": "1500",
        "server": ":".join(re.findall("..", server)),
        "paths": ":".join(re.findall("..", server)),
        "root": "/dev/etherd/e11.0p1",
        "filesystem": "ext4",
    }
    assert list(report.timeline) == list(STEPS)
    seconds = list(report.timeline.values())
    assert seconds == sorted(seconds)
    assert seconds[-1] <= float(report.one("uptime"))
