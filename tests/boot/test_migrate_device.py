"""A system is put on a disk or an image file that a server is to export later, without the network."""

from pathlib import Path

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.servers import dhcp, vblade
from aoeinit.trial.hardware import NetworkBoot
from tests.lab.debian import BIOS, SUITE, make_source
from tests.lab.disk import MIB, make_empty
from tests.lab.guest import NIC, Guest
from tests.lab.kernel_package import kernel_package
from tests.lab.manifest import differences
from tests.lab.moving import (
    CHANGED,
    CLEAN,
    DEVICES,
    FACTS,
    MIGRATE_SECONDS,
    ROOT_PATH,
    check_moved,
    conditions,
    local_boot,
    manifest,
)

MIGRATE = """\
set -o pipefail
aoeinit migrate --device /dev/vdb --as e11.0 --verify full --yes 2>&1 | cat
"""
IMAGE = f"""\
set -eo pipefail
mkfs.ext4 -q /dev/vdb
mount /dev/vdb /mnt
truncate --size={BIOS.size} "/mnt/an image"
aoeinit migrate --device "/mnt/an image" --as e11.0 --yes 2>&1 | cat
[ -z "$(losetup --list --noheadings)" ]
dd "if=/mnt/an image" of=/dev/vdc bs=1M conv=sparse
umount /mnt
"""


@pytest.mark.patient
def test_boots_from_an_image_file_that_was_filled_before_it_was_exported(
    project: Path, workspace: Path, log: Path, accelerator: str
) -> None:
    source, room, target = (workspace / name for name in ("source", "room", "target"))
    make_source(source, BIOS, project)
    make_empty(room, BIOS.size + 200 * MIB)
    make_empty(target, BIOS.size)
    with network() as net:
        guest = Guest(net, workspace, log, accelerator)
        guest.run(local_boot(BIOS), IMAGE, [source, room, target], MIGRATE_SECONDS)
        assert differences(manifest(source), manifest(target), CHANGED) == []
        with vblade(net, target, masks=[NIC.mac]), dhcp(net, workspace, ROOT_PATH):
            report = guest.run(NetworkBoot(), FACTS)
    check_moved(report, kernel_package(SUITE).release, **DEVICES)
    assert conditions(target) == CLEAN


@pytest.mark.patient
def test_boots_from_a_disk_that_was_filled_before_it_was_exported(
    project: Path, workspace: Path, log: Path, accelerator: str
) -> None:
    source, target = workspace / "source", workspace / "target"
    make_source(source, BIOS, project)
    make_empty(target, BIOS.size)
    with network() as net:
        guest = Guest(net, workspace, log, accelerator)
        guest.run(local_boot(BIOS), MIGRATE, [source, target], MIGRATE_SECONDS)
        assert conditions(source) == conditions(target) == CLEAN
        assert differences(manifest(source), manifest(target), CHANGED) == []
        with vblade(net, target, masks=[NIC.mac]), dhcp(net, workspace, ROOT_PATH):
            report = guest.run(NetworkBoot(), FACTS)
    check_moved(report, kernel_package(SUITE).release, **DEVICES)
    assert conditions(target) == CLEAN
