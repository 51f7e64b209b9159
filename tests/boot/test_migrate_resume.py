"""A migration that the power failed in goes on, and ends as one does that nothing happened to."""

import time
from pathlib import Path

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.servers import vblade
from tests.lab.bench import SYSTEM_SECONDS
from tests.lab.debian import BIOS, make_source
from tests.lab.disk import MIB, make_empty
from tests.lab.guest import NIC, Guest
from tests.lab.manifest import differences
from tests.lab.moving import CHANGED, CLEAN, MIGRATE, MIGRATE_SECONDS, conditions, local_boot, manifest

BLOCK = 512
CUT = 120 * MIB
"""So much has the server when the power fails: about a third of what is to be copied."""
RESUME = """\
set -eo pipefail
aoeinit migrate --target e11.0 --yes --resume 2>&1 | tee /run/said
! grep 'file systems and swap' /run/said
"""


@pytest.mark.patient
def test_goes_on_where_the_power_failed(project: Path, workspace: Path, log: Path, accelerator: str) -> None:
    source, target = workspace / "source", workspace / "target"
    make_source(source, BIOS, project)
    make_empty(target, BIOS.size + 100 * MIB)
    with network() as net, vblade(net, target, masks=[NIC.mac]):
        guest = Guest(net, workspace, log, accelerator)
        with guest.switched_on(local_boot(BIOS), MIGRATE, [source]) as client:
            client.run_until(r"copy /$", SYSTEM_SECONDS)
            end = time.monotonic() + MIGRATE_SECONDS
            while target.stat().st_blocks * BLOCK < CUT:
                assert time.monotonic() < end, "nothing arrives at the server"
                time.sleep(0.1)
        guest.run(local_boot(BIOS), RESUME, [source], MIGRATE_SECONDS)
    assert conditions(source) == conditions(target) == CLEAN
    assert differences(manifest(source), manifest(target), CHANGED) == []
