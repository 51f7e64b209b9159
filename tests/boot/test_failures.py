"""Boots that cannot succeed: they end in time, with one message that says what was missing."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.disk import make_disk
from tests.lab.image import build_image
from tests.lab.kernels import debian_kernel
from tests.lab.machine import CONSOLE, DirectBoot, Hardware, Nic, machine
from tests.lab.network import network
from tests.lab.servers import vblade
from tests.lab.tiny_root import make_tiny_root

NIC = Nic("e1000")
OTHER_MAC = "52:54:00:99:99:99"
PATIENCE = 20
"""Seconds of rd.aoe.timeout."""
MARGIN = 60
BOOT_SECONDS = 240


@dataclass(frozen=True, slots=True)
class Case:
    """A target that the root is not on, and how the agent's message about it begins and ends."""

    name: str
    slot: int
    mask: str
    root: str
    message: str


CASES = (
    Case(
        "another-slot",
        slot=1,
        mask=NIC.mac,
        root="/dev/etherd/e11.0p1",
        message=rf"target e11\.0 did not answer on \w+ \({NIC.mac}\) within {PATIENCE} s, only e11\.1 did",
    ),
    Case(
        "masked",
        slot=0,
        mask=OTHER_MAC,
        root="/dev/etherd/e11.0p1",
        message=rf"no AoE target answered on \w+ \({NIC.mac}\) within {PATIENCE} s",
    ),
    Case(
        "no-such-partition",
        slot=0,
        mask=NIC.mac,
        root="/dev/etherd/e11.0p2",
        message=r"target e11\.0 has no partition 2, it has e11\.0p1",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_says_what_is_missing_and_ends(case: Case, workspace: Path, log: Path, accelerator: str) -> None:
    kernel = debian_kernel("bookworm")
    image = workspace / "image"
    build_image(kernel, image, ["--nic", "e1000"])
    make_tiny_root(workspace / "root", "unreachable")
    disk = make_disk(workspace / "disk", workspace / "root", mib=32)
    parameters = f"{CONSOLE} root={case.root} rd.aoe.timeout={PATIENCE}"
    boot = DirectBoot(kernel.vmlinuz, image, parameters)
    with (
        network() as net,
        vblade(net, disk.path, slot=case.slot, masks=[case.mask]),
        machine(net, Hardware(NIC, accelerator=accelerator), boot, log) as client,
    ):
        began = client.run_until("aoeinit: version", BOOT_SECONDS)
        failed = client.run_until(f"aoeinit: {case.message}", began.seconds + PATIENCE + MARGIN)
        client.run_to_end(failed.seconds + MARGIN)
    assert failed.seconds - began.seconds > PATIENCE - 1
    assert not any("aoelab-" in line.text for line in client.lines)
