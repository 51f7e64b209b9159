"""A target that answers and then falls silent: the boot says so, and goes on or ends in time."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.qemu import Machine
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import DirectBoot, Nic
from tests.lab.bench import BOOT_SECONDS, Bench
from tests.lab.disk import SECTOR, START
from tests.lab.faults import Faults
from tests.lab.programs import run
from tests.lab.report import read_report
from tests.lab.wire import Wire, wire

NIC = Nic("virtio-net-pci")
ROOT = "root=/dev/etherd/e11.0p1"
MEANS = "its server is overloaded or gone, or large frames are lost on the way"
NO_MORE = r"aoeinit: target e11\.0 \(server [0-9a-f:]{17}\) does not answer any more: nothing for 20 s"
MOUNTING = rf"{NO_MORE} \(mounting the root\); {MEANS}"
SEARCHING = rf"{NO_MORE} \(reading the partitions of target e11\.0\); {MEANS}"
UNREAD = rf"aoeinit: target e11\.0 answered, but did not send what is read from it within 20 s: {MEANS}"
PATIENCE = 20
"""Seconds of rd.aoe.timeout."""
PASSWORD = "open sesame"  # noqa: S105 # of the test's own image
FILE_SYSTEM = START // SECTOR


@contextmanager
def silent_from(sector: int, bench: Bench, boot: DirectBoot, token: str) -> Iterator[tuple[Machine, Wire]]:
    """A machine whose target answers, but to no request for a sector from ``sector`` on."""
    disk = bench.tiny_disk(token)
    with (
        network() as net,
        wire(net, NIC.tap, Faults(readable=sector)) as cable,
        vblade(net, disk.path, masks=[NIC.mac]),
        bench.machine(net, boot, NIC) as client,
    ):
        yield client, cable


@pytest.mark.parametrize(
    ("suite", "root", "sector", "words"),
    [
        ("bookworm", ROOT, FILE_SYSTEM, MOUNTING),
        ("trixie", ROOT, FILE_SYSTEM, MOUNTING),
        ("bookworm", ROOT, 0, UNREAD),
        ("bookworm", "", 0, SEARCHING),
    ],
    ids=["file-system", "file-system-6.12", "partition-table", "partition-table-to-search"],
)
def test_ends_in_time(suite: str, root: str, sector: int, words: str, bench: Bench) -> None:
    boot = bench.boot(f"{root} rd.aoe=e11.0 rd.aoe.timeout={PATIENCE}", suite)
    with silent_from(sector, bench, boot, secrets.token_hex(8)) as (client, _):
        answered = client.run_until("aoeinit: target e11.0 answered$", BOOT_SECONDS)
        failed = client.run_until(words, BOOT_SECONDS)
        client.run_until("reboot: Restarting system", BOOT_SECONDS)
        client.run_to_end(BOOT_SECONDS)
    assert failed.seconds - answered.seconds < PATIENCE * 2
    assert not any("aoelab-" in line.text for line in client.lines)


def test_the_shell_opens_while_the_kernel_holds_the_mount(bench: Bench) -> None:
    """It is not process 1 that opens it, and whoever is there is asked for the password all the same."""
    hashed = run(["busybox", "mkpasswd", "-m", "sha512", PASSWORD]).strip()
    image = bench.build("--nic", "virtio_net", "--emergency-shell", "--emergency-password", hashed)
    boot = bench.boot(f"{ROOT} rd.aoe.timeout={PATIENCE} rd.aoe.onfail=shell", image=image)
    with silent_from(FILE_SYSTEM, bench, boot, secrets.token_hex(8)) as (client, cable):
        client.run_until(MOUNTING, BOOT_SECONDS)
        client.run_until_asked("for normal startup):", BOOT_SECONDS)
        client.type(PASSWORD)
        client.run_until("starting shell", BOOT_SECONDS)
        cable.mend()
        client.type(
            "echo aoelab-answer=$((6 * 7)); until [ -e /sysroot/sbin ]; do sleep 1; done; ls /sysroot"
        )
        client.run_until("^aoelab-answer=42", BOOT_SECONDS)
        client.run_until("usr", BOOT_SECONDS)
        client.type("exit")
        client.run_until("reboot: Restarting system", BOOT_SECONDS)
        client.run_to_end(BOOT_SECONDS)
    assert not any("aoelab-token" in line.text for line in client.lines)


def test_goes_on_when_the_server_does(bench: Bench) -> None:
    token = secrets.token_hex(8)
    with silent_from(FILE_SYSTEM, bench, bench.boot(ROOT), token) as (client, cable):
        client.run_until(
            "aoeinit: waiting for target e11.0, which has not answered for 1[5-9] s", BOOT_SECONDS
        )
        cable.mend()
        client.run_to_end(BOOT_SECONDS)
    assert read_report(client.lines).one("token") == token
