"""Networks as they are: frames that do not arrive, arrive twice, late, cut short or broken, late targets."""

import hashlib
import secrets
import time
from pathlib import Path

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import Nic
from tests.lab.bench import BOOT_SECONDS, Bench
from tests.lab.disk import Condition, condition, make_disk
from tests.lab.faults import Faults
from tests.lab.report import read_report
from tests.lab.tiny_root import make_tiny_root
from tests.lab.wire import held_wire, wire

NIC = Nic("e1000")
PATTERN_BYTES = 64 << 10
PATIENCE = 900
"""The driver waits up to seconds for each lost frame."""
EXERCISE = """\
#!/bin/sh
# Writes what it has read, and reads it again, past what the kernel remembers of it.
dd if=/etc/aoelab/pattern of=/copy bs=64k conv=fsync 2>/dev/null
echo "aoelab-copy=$(dd if=/copy iflag=direct bs=64k 2>/dev/null | sha256sum)"
"""
CASES = {
    "1-percent-lost": Faults(lost=0.01),
    "5-percent-lost": Faults(lost=0.05),
    "20-percent-lost": Faults(lost=0.2),
    "doubled": Faults(doubled=0.3),
    "delayed": Faults(delayed=0.5),
    "truncated": Faults(truncated=0.05),
    "mangled": Faults(mangled=0.05),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.idle if "20" in name else ()) for name in CASES]
)
def test_a_bad_wire_costs_time_only(name: str, bench: Bench) -> None:
    faults = CASES[name]
    token = secrets.token_hex(8)
    tree = bench.folder / "root"
    pattern = add_exercise(tree, token)
    disk = make_disk(bench.folder / "disk", tree, mib=32)
    with (
        network() as net,
        wire(net, NIC.tap, faults) as cable,
        vblade(net, disk.path, masks=[NIC.mac]),
        bench.machine(net, bench.boot("root=/dev/etherd/e11.0p1 rw"), NIC) as client,
    ):
        client.run_to_end(PATIENCE)
        counted = cable.count()
    report = read_report(client.lines)
    assert report.one("token") == token
    assert report.one("copy").split()[0] == pattern
    assert condition(disk) == Condition(clean=True, needs_recovery=False)
    struck = name.rpartition("-")[2]
    assert counted[struck] > 0
    assert set(counted) == {"passed", struck}


def add_exercise(tree: Path, token: str) -> str:
    """Make a tiny root that writes and reads; gives the digest of what it does that with."""
    make_tiny_root(tree, token)
    pattern = secrets.token_bytes(PATTERN_BYTES)
    (tree / "etc/aoelab/pattern").write_bytes(pattern)
    exercise = tree / "usr/lib/aoelab/exercise"
    exercise.write_text(EXERCISE)
    exercise.chmod(0o755)
    return hashlib.sha256(pattern).hexdigest()


def test_a_target_that_is_there_20_seconds_late_is_found_at_once(bench: Bench) -> None:
    token = secrets.token_hex(8)
    disk = bench.tiny_disk(token)
    with (
        network() as net,
        held_wire(net, NIC.tap) as cable,
        # It announces itself when it starts, which nobody hears.
        vblade(net, disk.path, masks=[NIC.mac]),
        bench.machine(net, bench.boot("root=/dev/etherd/e11.0p1"), NIC) as client,
    ):
        began = client.run_until("aoeinit: version", BOOT_SECONDS)
        client.run_until("aoeinit: waiting for", BOOT_SECONDS)
        time.sleep(5)
        held = cable.count()["held"]
        opened = cable.open() - client.started
        found = client.run_until("aoeinit: starting /sbin/init", opened + BOOT_SECONDS)
        client.run_to_end(BOOT_SECONDS)
    assert held > 10
    # On a busy machine the kernel's own start took longer, too: 4 s are usual.
    assert found.seconds - opened < max(2, began.seconds / 2)
    assert read_report(client.lines).one("token") == token
