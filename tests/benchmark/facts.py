"""What has to be known about a machine and the contestants to make sense of the figures."""

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmark.peers import SUITE
from tests.lab.installation import COMMAND, Installation
from tests.lab.programs import run

VERSIONS = (
    *("dracut-core", "initramfs-tools-core", "tiny-initramfs-core", "aoetools", "libarchive-tools"),
    *("rsync", "zstd", "python3", "busybox-static"),
)
"""The packages whose versions are told."""


def facts(system: Installation, rounds: int) -> dict[str, str]:
    """Collect them, by what they are."""
    shown = system.run("dpkg-query", "-W", "-f", "${Package} ${Version}, ", *VERSIONS)
    own = system.run(COMMAND, "--version").strip().replace(", version", "")
    return {
        "machine": machine(Path("/proc/cpuinfo").read_text(), Path("/proc/meminfo").read_text()),
        "its kernel": platform.release(),
        "kernel of the images": f"{system.release}, Debian {SUITE.name}",
        "versions": f"{own}, {shown.rstrip(', ')}, {qemu()}",
        "rounds": f"{rounds} after one that does not count",
        "date": datetime.now(tz=UTC).strftime("%Y-%m-%d"),
    }


def machine(cpuinfo: str, meminfo: str) -> str:
    """Describe processors and memory, from the texts in /proc."""
    model = re.search(r"^model name\s*: (.*)$", cpuinfo, re.MULTILINE)
    total = re.search(r"^MemTotal:\s*(\d+) kB$", meminfo, re.MULTILINE)
    cores = len(os.sched_getaffinity(0))
    memory = int(total[1]) / (1 << 20) if total else 0
    return f"{model[1] if model else platform.machine()}, {cores} cores, {memory:.0f} GiB"


def qemu() -> str:
    """Tell QEMU's version."""
    found = re.search(r"version (\S+)", run(["qemu-system-x86_64", "--version"]))
    return f"qemu {found[1] if found else 'unknown'}"


def load() -> str:
    """Tell how busy the machine was: the mean number of running programs over the last minute."""
    return f"{os.getloadavg()[0]:.2f}"
