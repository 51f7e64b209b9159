"""Boots that cannot succeed: they end in time, with one message that says what was missing."""

from dataclasses import dataclass

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import Nic
from tests.lab.bench import BOOT_SECONDS, Bench

NIC = Nic("virtio-net-pci")
OTHER_MAC = "52:54:00:99:99:99"
PATIENCE = 10
"""Seconds of rd.aoe.timeout. A slow machine has to get far in them: image and card are quick ones."""


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
def test_says_what_is_missing_and_ends(case: Case, bench: Bench) -> None:
    disk = bench.tiny_disk("unreachable")
    image = bench.build("--nic", "virtio_net")
    boot = bench.boot(f"root={case.root} rd.aoe.timeout={PATIENCE}", image=image)
    with (
        network() as net,
        vblade(net, disk.path, slot=case.slot, masks=[case.mask]),
        bench.machine(net, boot, NIC) as client,
    ):
        began = client.run_until("aoeinit: version", BOOT_SECONDS)
        failed = client.run_until(f"aoeinit: {case.message}", began.seconds + BOOT_SECONDS)
        client.run_to_end(failed.seconds + BOOT_SECONDS)
    assert failed.seconds - began.seconds > PATIENCE - 1
    assert not any("aoelab-" in line.text for line in client.lines)
