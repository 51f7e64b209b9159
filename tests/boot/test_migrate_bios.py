"""A Debian 12 moves from its disk to a target and is used there: the whole way of a machine with a BIOS."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree as ET

import pytest

from aoeinit.boot.contract import DEAD_SECONDS, STEPS
from aoeinit.system.namespace import network
from aoeinit.system.servers import dhcp, vblade
from aoeinit.trial.hardware import NetworkBoot
from aoeinit.trial.layout import SERVER_MAC
from tests.boot.conftest import LOGS
from tests.lab.debian import ADDRESS, BIOS, INTERFACE, NEWER_SUITE, SUITE, make_source
from tests.lab.disk import MIB, make_empty
from tests.lab.guest import NIC, Guest
from tests.lab.kernel_package import kernel_package
from tests.lab.manifest import differences
from tests.lab.moving import (
    CHANGED,
    CLEAN,
    DEVICES,
    FACTS,
    MIGRATE,
    MIGRATE_SECONDS,
    ROOT_PATH,
    TARGET,
    check_moved,
    conditions,
    copy_disk,
    edit,
    local_boot,
    manifest,
)
from tests.lab.report import Report

pytestmark = pytest.mark.patient

DOCTOR = """\
verdict=$(aoeinit doctor --json)
echo "aoelab-doctor=$(echo "$verdict" | tr -d '\\n')"
"""
STATUS = """\
told=$(aoeinit status --json)
echo "aoelab-status=$(echo "$told" | tr -d '\\n')"
aoeinit status --plot /run/aoelab-steps.svg
echo "aoelab-plot=$(tr -d '\\n' </run/aoelab-steps.svg)"
"""
INSTALL = """\
dpkg --install /var/cache/apt/archives/linux-image-*.deb
aoeinit hooks status
aoeinit inspect --check /boot/initrd.img-{release} --kernel {release}
echo reboot >/run/aoelab-order
"""
KERNEL_SECONDS = 300
INTERFACES = f"""\
auto {INTERFACE}
iface {INTERFACE} inet static
\taddress {ADDRESS}
"""
KEYFILE = f"""\
[connection]
id=wired
type=ethernet
interface-name={INTERFACE}

[ipv4]
method=manual
address1={ADDRESS}
"""
WANTS = "/etc/systemd/system/multi-user.target.wants"
WITHOUT_NETWORKD = (
    f"rm {WANTS}/systemd-networkd.service",
    "rm /etc/systemd/system/sockets.target.wants/systemd-networkd.socket",
    "rm /etc/systemd/system/network-online.target.wants/systemd-networkd-wait-online.service",
)


@dataclass(frozen=True, slots=True)
class Moved:
    """The disks of a system that was moved, with the machine off: its own, and the server's."""

    source: Path
    target: Path


@pytest.fixture(scope="module")
def moved(project: Path, accelerator: str) -> Iterator[Moved]:
    with TemporaryDirectory(prefix="aoeinit-moved-") as folder:
        made = Moved(Path(folder) / "source", Path(folder) / "target")
        make_source(made.source, BIOS, project)
        make_empty(made.target, BIOS.size + 100 * MIB)
        log = LOGS / "moved-bios.log"
        with network() as net, vblade(net, made.target, masks=[NIC.mac]):
            guest = Guest(net, Path(folder), log, accelerator)
            guest.run(local_boot(BIOS), MIGRATE, [made.source], MIGRATE_SECONDS)
        log.unlink()
        yield made


@pytest.fixture
def diskless(moved: Moved, workspace: Path, log: Path, accelerator: str) -> Iterator[Guest]:
    """The machine without its disk, and a copy of the target as ``target`` in its folder."""
    target = copy_disk(moved.target, workspace / "target")
    with network() as net, vblade(net, target, masks=[NIC.mac]), dhcp(net, workspace, ROOT_PATH):
        yield Guest(net, workspace, log, accelerator)


def test_the_copy_is_the_same_but_for_what_has_to_change(moved: Moved) -> None:
    assert conditions(moved.source) == conditions(moved.target) == CLEAN
    source, target = manifest(moved.source), manifest(moved.target)
    assert {"/home/ada/one-name", "/srv/deep/many-300", "/usr/local/bin/as-root"} < source.keys()
    assert differences(source, target, CHANGED) == []


def test_boots_without_its_disk_and_gets_a_new_kernel(diskless: Guest) -> None:
    newer = kernel_package(NEWER_SUITE).release
    script = FACTS + DOCTOR + STATUS + INSTALL.format(release=newer)
    before = diskless.run(NetworkBoot(), script, patience=KERNEL_SECONDS)
    check_moved(before, kernel_package(SUITE).release, **DEVICES)
    check_verdict(before)
    check_status(before)
    assert conditions(diskless.folder / "target") == CLEAN
    after = diskless.run(NetworkBoot(), FACTS + DOCTOR + STATUS)
    check_moved(after, newer, **DEVICES)
    check_verdict(after)
    check_status(after)
    assert conditions(diskless.folder / "target") == CLEAN


def check_verdict(report: Report) -> None:
    """What the doctor says on a moved system that runs: it would boot again."""
    verdict = json.loads(report.one("doctor"))
    (swap,) = verdict["findings"]
    assert (verdict["boots"], swap["level"]) == (True, "warning")
    assert "swap over the network" in swap["what"]


def check_status(report: Report) -> None:
    """What the system tells of its own boot, and the driver of its target, on a real machine."""
    told = json.loads(report.one("status"))
    assert told["state"] == report.state
    named = {key: told["state"][key] for key in ("target", "interface", "mac", "server", "paths")}
    assert named == {
        "target": TARGET,
        "interface": INTERFACE,
        "mac": NIC.mac,
        "server": SERVER_MAC,
        "paths": SERVER_MAC,
    }
    assert told["driver"] == {
        "state": "up",
        "interfaces": [INTERFACE],
        "payload": 1024,
        "mtu": 1500,
        "dead_seconds": DEAD_SECONDS,
        "paths": [{"mac": SERVER_MAC, "interfaces": [INTERFACE]}],
    }
    assert [step["name"] for step in told["steps"]] == list(STEPS)
    picture = ET.fromstring(report.one("plot"))  # noqa: S314 - our own picture
    titles = picture.iter("{http://www.w3.org/2000/svg}title")
    assert [(title.text or "").partition(":")[0] for title in titles] == list(STEPS[1:])


@pytest.mark.parametrize(
    "service", ["networking.service", "NetworkManager.service"], ids=["ifupdown", "NetworkManager"]
)
def test_shuts_down_cleanly_under_another_network_service(service: str, diskless: Guest) -> None:
    target = diskless.folder / "target"
    edit(target, [*WITHOUT_NETWORKD, *SERVICES[service](diskless.folder)])
    report = diskless.run(
        NetworkBoot(), FACTS + f"systemctl is-active {service}\n! systemctl is-active systemd-networkd\n"
    )
    check_moved(report, kernel_package(SUITE).release, **DEVICES)
    assert conditions(target) == CLEAN


def ifupdown(folder: Path) -> list[str]:
    (folder / "interfaces").write_text(INTERFACES)
    return [f"write {folder}/interfaces /etc/network/interfaces.d/wired"]


def network_manager(folder: Path) -> list[str]:
    (folder / "keyfile").write_text(KEYFILE)
    path = "/etc/NetworkManager/system-connections/wired.nmconnection"
    return [
        f"write {folder}/keyfile {path}",
        # It takes no connection that others can read.
        f"set_inode_field {path} mode 0100600",
        f"symlink {WANTS}/NetworkManager.service /lib/systemd/system/NetworkManager.service",
    ]


SERVICES = {"networking.service": ifupdown, "NetworkManager.service": network_manager}
