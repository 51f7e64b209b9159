"""Systems as installers lay them out, but on LVM or in subvolumes of a Btrfs, move to a target."""

from pathlib import Path

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.servers import dhcp, vblade
from aoeinit.trial.hardware import NetworkBoot
from tests.lab.debian import BTRFS, LVM, SUITE, VOLUMES, Edition, make_source
from tests.lab.disk import MIB, make_empty
from tests.lab.guest import NIC, Guest
from tests.lab.kernel_package import kernel_package
from tests.lab.lvm import volume_starts
from tests.lab.manifest import differences, read_manifest
from tests.lab.moving import (
    CHANGED,
    CLEAN,
    DEVICES,
    FACTS,
    MIGRATE,
    MIGRATE_SECONDS,
    ROOT_PATH,
    check_moved,
    conditions,
    local_boot,
    manifest,
)

pytestmark = pytest.mark.patient

SECONDS = 300
SPARSE_BLOCKS = 2048
"""Of 512 bytes: the file has 64 MiB, and two words in it; mkfs filled its holes, the copy has them again."""
SPLIT = "init=/usr/lib/aoelab/subvolumes"
# Nothing on the host reads a Btrfs to the last attribute: both systems tell of their own files.
INVENTORY = r"""
cd /
places='home srv usr/local/bin'
say() { echo "aoelab-$1=$(sha256sum)"; }
# What is mounted there is none of it, and the size of a folder is the file system's own business.
list() { find $places -path srv/scratch -prune -o "$@" | sort | sed 's/^/aoelab-name=/'; }
list -type d -printf '%p|%y|%m|%U|%G|%T@\n'
list ! -type d -printf '%p|%y|%m|%U|%G|%s|%T@|%l\n'
find $places -type f -print0 | sort -z | xargs -0 sha256sum | say contents
find $places -print0 | sort -z | xargs -0 getfattr --no-dereference --dump --match=- | say attributes
find $places -type f -links +1 -printf '%n %p\n' | sort | say links
stat --format='aoelab-blocks=%b' /home/ada/sparse
"""
TOLD = ("contents", "attributes", "links")
SUBVOLUMES = r"""
for point in / /home; do
	echo "aoelab-subvolume=$(findmnt --noheadings --output SOURCE "$point")"
done
"""


def test_moves_from_logical_volumes_to_partitions(
    project: Path, workspace: Path, log: Path, accelerator: str
) -> None:
    source, target = make_disks(workspace, LVM, project)
    with network() as net, vblade(net, target, masks=[NIC.mac]), dhcp(net, workspace, ROOT_PATH):
        guest = Guest(net, workspace, log, accelerator)
        guest.run(local_boot(LVM), MIGRATE, [source], MIGRATE_SECONDS)
        root = LVM.starts["volumes"] + volume_starts(VOLUMES)["root"]
        before = read_manifest(source, {"/": root, "/boot": LVM.starts["boot"]})
        assert differences(before, manifest(target), CHANGED) == []
        report = guest.run(NetworkBoot(), FACTS)
    check_moved(report, kernel_package(SUITE).release, **DEVICES)
    assert conditions(target) == CLEAN


def test_moves_with_its_subvolumes(project: Path, workspace: Path, log: Path, accelerator: str) -> None:
    source, target = make_disks(workspace, BTRFS, project)
    with network() as net, vblade(net, target, masks=[NIC.mac]), dhcp(net, workspace, ROOT_PATH):
        guest = Guest(net, workspace, log, accelerator)
        with guest.switched_on(local_boot(BTRFS, SPLIT), "", [source]) as client:
            client.run_to_end(SECONDS)
        boot = local_boot(BTRFS, "rootflags=subvol=@")
        before = guest.run(boot, MIGRATE + INVENTORY, [source], MIGRATE_SECONDS)
        after = guest.run(NetworkBoot(), FACTS + INVENTORY + SUBVOLUMES, patience=SECONDS)
    check_moved(after, kernel_package(SUITE).release, filesystem="btrfs", **DEVICES)
    assert after.every("name") == before.every("name") != []
    assert {key: after.one(key) for key in TOLD} == {key: before.one(key) for key in TOLD}
    assert int(after.one("blocks")) <= SPARSE_BLOCKS
    root = DEVICES["root"]
    assert after.every("subvolume") == [f"{root}[/@]", f"{root}[/@home]"]
    assert "rootflags=subvol=@" in after.one("parameters").split()


def make_disks(folder: Path, edition: Edition, project: Path) -> tuple[Path, Path]:
    source, target = folder / "source", folder / "target"
    make_source(source, edition, project)
    make_empty(target, edition.size + 100 * MIB)
    return source, target
