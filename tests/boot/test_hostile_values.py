"""Values on a real kernel's command line that a shell would run: they are data, and no more."""

import secrets

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.qemu import Machine
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import Nic
from tests.lab.bench import BOOT_SECONDS, Bench
from tests.lab.disk import Disk, make_disk
from tests.lab.report import read_report
from tests.lab.tiny_root import make_tiny_root

NIC = Nic("virtio-net-pci")
ROOT = "root=/dev/etherd/e11.0p1"
MARK = "aoelab-ran"
RUN = f"echo {MARK} >/dev/console; : >/run/{MARK}"
"""What leaves two marks, if anything runs it."""
LONG = "x" * 900
"""The kernel takes 2,048 bytes of a command line."""
USELESS = (
    ("rd.aoe.timeout", f"$({RUN})"),
    ("rd.aoe.mtu", f"`{RUN}`"),
    ("rd.aoe.vlan", f"1;{RUN};"),
    ("rd.aoe.onfail", f"a'b\n{RUN}\n"),
    ("rd.break", f"'$({RUN})"),
    ("rd.overlay", f"1m;{RUN}"),
    ("virtio_net.none", f"$({RUN})"),
    ("rd.aoe", LONG),
)
EXERCISE = """\
#!/bin/sh
echo "aoelab-marks=$(echo /run/*)"
"""


def test_a_boot_with_them_reaches_its_root(bench: Bench) -> None:
    token = secrets.token_hex(8)
    parameters = " ".join(f'"{name}={value}"' for name, value in USELESS)
    client = boot(bench, make_marked(bench, token), parameters)
    report = read_report(client.lines)
    assert report.one("token") == token
    assert f"/run/{MARK}" not in report.one("marks").split()
    assert report.state["overlay"] == "50%"
    assert f"rd.aoe.timeout=$({RUN})" in report.used
    assert f"rd.aoe={LONG}" in report.used
    for name in ("timeout", "mtu", "vlan", "onfail"):
        assert any(f"aoeinit: rd.aoe.{name}=" in line.text for line in client.lines)
    assert not has_run(client)


@pytest.mark.parametrize(
    ("name", "message"),
    [("init", "init={}: no such program on"), ("rd.aoe.nic", "no network interface that is {}; there are:")],
)
def test_a_boot_that_one_of_them_ends_says_which(name: str, message: str, bench: Bench) -> None:
    value = f"$({RUN})"
    client = boot(bench, bench.tiny_disk("unreachable"), f'"{name}={value}" rd.aoe.timeout=10')
    assert any(f"aoeinit: {message.format(value)}" in line.text for line in client.lines)
    assert not any("aoelab-token" in line.text for line in client.lines)
    assert not has_run(client)


def boot(bench: Bench, disk: Disk, parameters: str) -> Machine:
    """Let a machine boot from ``disk`` until it is off."""
    direct = bench.boot(f"{ROOT} {parameters}")
    with network() as net, vblade(net, disk.path), bench.machine(net, direct, NIC) as client:
        client.run_to_end(BOOT_SECONDS)
    return client


def make_marked(bench: Bench, token: str) -> Disk:
    """Make a disk whose root tells what is in /run."""
    tree = bench.folder / "root"
    make_tiny_root(tree, token)
    script = tree / "usr/lib/aoelab/exercise"
    script.write_text(EXERCISE)
    script.chmod(0o755)
    return make_disk(bench.folder / "disk", tree, mib=32)


def has_run(client: Machine) -> bool:
    """Whether something has left its mark on the console; the kernel only repeats its command line there."""
    return any(line.text.strip() == MARK for line in client.lines)
