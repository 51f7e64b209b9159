"""The lab itself: what it reads of the machine, and that nothing of it outlives a test."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aoeinit.errors import TrialError
from aoeinit.system.namespace import network
from aoeinit.system.servers import vblade
from aoeinit.trial.layout import BRIDGE
from tests.lab.image import TOP
from tests.lab.kernels import AptSource, apt_sources
from tests.lab.programs import run

ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb\t[arch=amd64 signed-by=/usr/share/keyrings/a.gpg] http://one.example/debian/ bookworm main contrib # why
deb-src http://source.example/debian bookworm main
"""
DEB822 = """\
Types: deb deb-src
URIs: http://two.example/debian http://three.example/debian
# A comment inside a stanza
Suites: bookworm
 bookworm-updates
Components: main

Types: deb
Enabled: no
URIs: http://disabled.example/debian
Suites: bookworm

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
"""

LONG_LIVED = """
import sys, time
from pathlib import Path
from aoeinit.trial.hardware import Hardware, NetworkBoot, Nic
from aoeinit.system.qemu import machine
from aoeinit.system.namespace import network
from aoeinit.system.servers import vblade
folder = Path(sys.argv[1])
with network() as net, vblade(net, folder / "disk"):
    with machine(net, Hardware(Nic("e1000"), memory=64), NetworkBoot(), folder / "log"):
        print(net.holder, flush=True)
        time.sleep(600)
"""


def test_reads_both_formats_of_sources(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text(ONE_LINE)
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d/debian.sources").write_text(DEB822)
    assert list(apt_sources(tmp_path)) == [
        AptSource("http://one.example/debian", ("bookworm",)),
        AptSource("http://two.example/debian", ("bookworm", "bookworm-updates")),
        AptSource("http://three.example/debian", ("bookworm", "bookworm-updates")),
    ]


def test_two_networks_have_the_same_names_and_do_not_meet_the_machine() -> None:
    before = run(["ip", "-o", "link"])
    with network(taps=2) as one, network() as other:
        assert "tap1" in run(one.inside(["ip", "-o", "link", "show", "master", BRIDGE]))
        assert "tap1" not in run(other.inside(["ip", "-o", "link", "show", "master", BRIDGE]))
        assert run(["ip", "-o", "link"]) == before


def test_a_server_that_cannot_start_is_told_with_its_own_words(tmp_path: Path) -> None:
    with (
        network() as net,
        pytest.raises(TrialError, match=r"vblade does not serve: .*No such file"),
        vblade(net, tmp_path / "missing"),
    ):
        pass


def test_nothing_outlives_a_killed_test(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(bytes(1 << 20))
    command = [sys.executable, "-c", LONG_LIVED, str(tmp_path)]
    with subprocess.Popen(command, cwd=TOP, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            namespace = os.readlink(f"/proc/{int(process.stdout.readline())}/ns/net")
            await_processes(namespace, ["cat", "qemu-system-x86", "vblade"])
        finally:
            process.send_signal(signal.SIGKILL)
    await_processes(namespace, [])


def await_processes(namespace: str, names: list[str]) -> None:
    """Wait until these are the programs in a network namespace."""
    patience = time.monotonic() + 60
    while (found := sorted(processes_in(namespace))) != names:
        assert time.monotonic() < patience, found
        time.sleep(0.05)


def processes_in(namespace: str) -> Iterator[str]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(folder / "ns/net") == namespace:
                yield (folder / "comm").read_text().strip()
        except OSError:
            continue  # it has ended, or is none of ours
