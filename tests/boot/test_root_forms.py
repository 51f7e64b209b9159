"""Every way to name the root, or not to name it, with no target named either, on a real kernel."""

import secrets
from dataclasses import dataclass

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import Nic
from tests.lab.bench import BOOT_SECONDS, Bench
from tests.lab.disk import Names
from tests.lab.report import read_report

NIC = Nic("virtio-net-pci")
FIRST = "/dev/etherd/e11.0p1"
WHOLE = "/dev/etherd/e11.0"
UUID = "8d1f3a52-64b7-4c09-9e2a-0f5d7c61b384"
NAMES = Names(
    uuid=UUID,
    label="aoelab root",
    partuuid="3F9C2B7E-15D8-4A60-B1C4-92E07A5D6F18",
    partlabel="aoelab part",
)
DOS_NAMES = Names(uuid=UUID, label="aoelab", table="0x1a2b3c4d")


@dataclass(frozen=True, slots=True)
class Case:
    """What the kernel is told, and what that means on which disk."""

    parameters: str
    names: Names = NAMES
    table: str = "gpt"
    filesystem: str = "ext4"
    root: str = FIRST
    suite: str = "bookworm"


CASES = {
    "uuid-of-ext4": Case(f"root=UUID={UUID}"),
    "uuid-of-xfs": Case(f"root=UUID={UUID.upper()}", DOS_NAMES, "dos", "xfs"),
    "uuid-of-btrfs": Case(f"root=UUID={UUID}", table="none", filesystem="btrfs", root=WHOLE),
    "label-of-ext4": Case('root="LABEL=aoelab root"', suite="trixie"),
    "label-of-xfs": Case("root=LABEL=aoelab", DOS_NAMES, "none", "xfs", WHOLE),
    "label-of-btrfs": Case('root="LABEL=aoelab root"', filesystem="btrfs"),
    "partuuid-of-gpt": Case(f"root=PARTUUID={NAMES.partuuid.lower()}"),
    "partuuid-of-dos": Case("root=PARTUUID=1a2b3c4d-01", DOS_NAMES, "dos", suite="trixie"),
    "partlabel": Case('root="PARTLABEL=aoelab part"', suite="trixie"),
    "partition-of-a-target": Case("root=aoe:e11.0p1"),
    "disk-of-a-target": Case("root=aoe:e11.0", table="none", root=WHOLE),
    "no-root": Case("", table="dos", names=DOS_NAMES),
    "no-root-but-targets": Case(
        "rd.aoe=e11.0,e11.7", table="none", filesystem="xfs", names=DOS_NAMES, root=WHOLE
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_finds_the_root_by(name: str, bench: Bench) -> None:
    case = CASES[name]
    token = secrets.token_hex(8)
    disk = bench.tiny_disk(token, table=case.table, filesystem=case.filesystem, names=case.names)
    with (
        network() as net,
        vblade(net, disk.path, masks=[NIC.mac]),
        bench.machine(net, bench.boot(case.parameters, case.suite), NIC) as client,
    ):
        client.run_to_end(BOOT_SECONDS)
    report = read_report(client.lines)
    assert report.one("token") == token
    assert report.one("root").split()[:2] == [case.root, case.filesystem]
    assert report.state["root"] == case.root


FAILURES = {
    "several-targets": (
        "",
        "several targets answered (e11.0, e11.1), and nothing says which one to boot from",
    ),
    "no-such-label": (
        "rd.aoe=e11.1 root=LABEL=none",
        "nothing on target e11.1 is LABEL=none: it has e11.1p1 (LABEL=aoelab)",
    ),
    "not-a-target": (
        "root=/dev/sda1",
        "root=/dev/sda1 is not supported: it takes a target's disk or partition",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_says_why_no_root_was_found(name: str, bench: Bench) -> None:
    parameters, message = FAILURES[name]
    disks = [bench.tiny_disk(secrets.token_hex(8), names=DOS_NAMES) for _ in range(2)]
    # A small image, so that also a slow machine gets far in that time.
    boot = bench.boot(f"{parameters} rd.aoe.timeout=20", image=bench.build("--nic", "virtio_net"))
    with (
        network() as net,
        vblade(net, disks[0].path),
        vblade(net, disks[1].path, slot=1),
        bench.machine(net, boot, NIC) as client,
    ):
        client.run_to_end(BOOT_SECONDS)
    assert any(f"aoeinit: {message}" in line.text for line in client.lines)
    assert not any("aoelab-" in line.text for line in client.lines)
