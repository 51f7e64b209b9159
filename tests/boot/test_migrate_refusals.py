"""Targets that a system must not be moved to: each is refused, and not a byte of it is written."""

import hashlib
from contextlib import ExitStack
from pathlib import Path

from aoeinit.system.namespace import network
from aoeinit.system.servers import vblade
from tests.lab.debian import BIOS, make_source
from tests.lab.disk import MIB, make_empty
from tests.lab.filesystems import make_ext4
from tests.lab.guest import NIC, Guest
from tests.lab.moving import local_boot

SMALL, HOLDING, MOUNTED, ABSENT = 1, 2, 3, 4
SCRIPT = """\
modprobe aoe
udevadm settle
mount -o ro,noload /dev/etherd/e11.3 /mnt
for slot in 1 2 3 4; do
	aoeinit migrate --target e11.$slot --yes >/run/said 2>&1 </dev/null
	echo "aoelab-code=$slot $?"
	while read -r line; do
		echo "aoelab-said=$slot $line"
	done </run/said
done
umount /mnt
! grep -q aoeinit /proc/mounts
"""
REFUSALS = {
    SMALL: "the target is too small",
    HOLDING: "/dev/etherd/e11.2 is not empty",
    MOUNTED: "/dev/etherd/e11.3 is in use",
    ABSENT: "e11.4",
}
SECONDS = 300


def test_refuses_each_before_anything_is_written(
    project: Path, workspace: Path, log: Path, accelerator: str
) -> None:
    source = workspace / "source"
    make_source(source, BIOS, project)
    disks = {slot: workspace / f"target-{slot}" for slot in (SMALL, HOLDING, MOUNTED)}
    make_empty(disks[SMALL], 64 * MIB)
    tree = workspace / "tree"
    tree.mkdir()
    (tree / "letter").write_text("to be kept\n")
    for slot in (HOLDING, MOUNTED):
        make_empty(disks[slot], BIOS.size + 100 * MIB)
        make_ext4(disks[slot], tree, "", "")
    before = {slot: digest(disk) for slot, disk in disks.items()}
    with network() as net, ExitStack() as servers:
        for slot, disk in disks.items():
            servers.enter_context(vblade(net, disk, slot=slot, masks=[NIC.mac]))
        guest = Guest(net, workspace, log, accelerator)
        report = guest.run(local_boot(BIOS), SCRIPT, [source], SECONDS)
    assert report.every("code") == [f"{slot} 1" for slot in REFUSALS]
    for slot, words in REFUSALS.items():
        said = "\n".join(line for line in report.every("said") if line.startswith(f"{slot} "))
        assert words in said, said
    assert {slot: digest(disk) for slot, disk in disks.items()} == before


def digest(disk: Path) -> str:
    with disk.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
