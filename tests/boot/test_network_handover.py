"""The interface under a systemd root stays up to the end, against the network service that would stop it."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from aoeinit.errors import TrialError
from aoeinit.system.namespace import network
from aoeinit.system.qemu import Machine
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import Nic
from tests.lab.bench import SYSTEM_SECONDS, Bench
from tests.lab.disk import Condition, Disk, Names, condition, make_disk
from tests.lab.image import TOP
from tests.lab.programs import run
from tests.lab.report import read_report
from tests.lab.system import make_system

SUITE = "trixie"
PACKAGES = ("systemd-sysv", "udev", "ifupdown")
NIC = Nic("e1000")
INTERFACE = "aoe0"
ROOT = "/dev/etherd/e11.0p1"
POWER_OFF = "reboot: Power down"
HANGING_SECONDS = 90
"""After the report; a shutdown that does not hang takes less than ten, under emulation."""
ADDRESS = "10.11.0.50/24"
NAMES = Names(
    uuid="70070000-0000-4000-8000-000000000003",
    label="the root",
    partuuid="70070000-0000-4000-8000-000000000004",
    partlabel="the part",
)
LINKS = {
    f"by-uuid/{NAMES.uuid}",
    r"by-label/the\x20root",
    f"by-partuuid/{NAMES.partuuid}",
    r"by-partlabel/the\x20part",
}
STANZA = f"""\
auto {INTERFACE}
iface {INTERFACE} inet static
	address {ADDRESS}
"""
LOOK = """\
[Unit]
Before=aoelab.service
After=networking.service

[Service]
Type=oneshot
ExecStart=sh -c 'exec >/dev/console; \\
  echo aoelab-address=$$(ip -br address show dev aoe0); \\
  for link in /dev/disk/by-*/*; do echo "aoelab-link=$${link#/dev/disk/} $$(readlink -f "$$link")"; done; \\
  echo aoelab-suspend=$$(systemctl show --property=LoadState --value suspend.target); \\
  echo "aoelab-stop=[$$(systemctl show --property=ExecStop --value ifup@aoe0.service)]"'
"""


@contextmanager
def client(bench: Bench, token: str, *, settled: bool) -> Iterator[tuple[Machine, Disk]]:
    """Boot a system with an ``auto`` stanza, on which ``aoeinit network`` was run or was not."""
    tree = bench.folder / "system"
    make_system(tree, SUITE, token, f"UUID={NAMES.uuid}" if settled else ROOT, PACKAGES)
    with (tree / "etc/network/interfaces").open("a") as file:
        file.write(STANZA)
    units = tree / "etc/systemd/system"
    (units / "look.service").write_text(LOOK)
    (units / "multi-user.target.wants/look.service").symlink_to("../look.service")
    if settled:
        boot_interface = ["--interface", INTERFACE, "--mac", NIC.mac]
        run([sys.executable, "-m", "aoeinit", "network", "--sysroot", str(tree), *boot_interface], cwd=TOP)
    disk = make_disk(bench.folder / "disk", tree, mib=1024, label="gpt", names=NAMES)
    boot = bench.boot(f"root={ROOT} rw", SUITE)
    with network() as net, vblade(net, disk.path), bench.machine(net, boot, NIC) as machine:
        yield machine, disk


def test_ifupdown_leaves_the_interface_up_at_a_shutdown(bench: Bench) -> None:
    token = secrets.token_hex(8)
    with client(bench, token, settled=True) as (machine, disk):
        machine.run_to_end(SYSTEM_SECONDS)
    report = read_report(machine.lines)
    assert report.one("token") == token
    assert report.one("address").split()[:3] == [INTERFACE, "UP", ADDRESS]
    links = dict(link.split() for link in report.every("link"))
    assert {name for name, device in links.items() if device == ROOT} >= LINKS
    assert report.one("suspend") == "masked"
    assert report.one("stop") == "[]"
    assert report.every("failed") == []
    assert any(POWER_OFF in line.text for line in machine.lines)
    assert condition(disk) == Condition(clean=True, needs_recovery=False)


@pytest.mark.patient
def test_without_the_settings_the_shutdown_hangs(bench: Bench) -> None:
    with client(bench, secrets.token_hex(8), settled=False) as (machine, disk):
        reported = machine.run_until("aoelab-end=ok", SYSTEM_SECONDS)
        with pytest.raises(TrialError, match="did not finish"):
            machine.run_to_end(reported.seconds + HANGING_SECONDS)
    assert any("Stopping" in line.text and "networking.service" in line.text for line in machine.lines)
    assert condition(disk).needs_recovery
