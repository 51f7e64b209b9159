"""A Debian 12 on a machine with EFI firmware moves from its disk to a target, and starts from there."""

from pathlib import Path

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.servers import dhcp, vblade
from tests.lab.debian import EFI, EFI_TOOL, SUITE, make_source
from tests.lab.disk import MIB, make_empty
from tests.lab.efi import efi_network_boot
from tests.lab.guest import NIC, Guest
from tests.lab.kernel_package import kernel_package
from tests.lab.manifest import differences
from tests.lab.moving import (
    CHANGED,
    CLEAN,
    FACTS,
    MIGRATE,
    MIGRATE_SECONDS,
    ROOT_PATH,
    check_moved,
    conditions,
    efi_files,
    efi_local_boot,
    manifest,
)

DEVICES = {"boot": "/dev/etherd/e11.0p2", "swap": "/dev/etherd/e11.0p3", "root": "/dev/etherd/e11.0p4"}
ESP = 'echo "aoelab-esp=$(findmnt --noheadings --output SOURCE,FSTYPE /boot/efi)"\n'


@pytest.mark.patient
def test_moves_with_its_efi_partition_and_boots_without_its_disk(
    project: Path, workspace: Path, log: Path, accelerator: str
) -> None:
    source, target = workspace / "source", workspace / "target"
    make_source(source, EFI, project)
    make_empty(target, EFI.size + 100 * MIB)
    with network() as net, vblade(net, target, masks=[NIC.mac]), dhcp(net, workspace, ROOT_PATH):
        guest = Guest(net, workspace, log, accelerator)
        guest.run(efi_local_boot(workspace), MIGRATE, [source], MIGRATE_SECONDS)
        assert conditions(source) == conditions(target) == CLEAN
        assert differences(manifest(source), manifest(target), CHANGED) == []
        assert list(efi_files(source)) == [EFI_TOOL]
        assert efi_files(target).items() >= efi_files(source).items()
        report = guest.run(efi_network_boot(workspace), FACTS + ESP)
    check_moved(report, kernel_package(SUITE).release, **DEVICES)
    assert report.one("esp").split() == ["/dev/etherd/e11.0p1", "vfat"]
    assert conditions(target) == CLEAN
