"""ifcfg files: Fedora's in /etc/sysconfig/network-scripts, SUSE's in /etc/sysconfig/network.

Sources: sysconfig.txt of initscripts, nm-settings-ifcfg-rh(5); ifcfg(5) of wicked.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aoeinit.install.network.conflicts import enslaved, readdressed, resized
from aoeinit.install.network.interface import BootInterface
from aoeinit.install.network.lines import Line, files, read_lines

FEDORA: Final = "etc/sysconfig/network-scripts"
SUSE: Final = "etc/sysconfig/network"
MASTERS: Final = {"BRIDGE", "MASTER", "TEAM_MASTER", "OVS_BRIDGE", "VRF"}
SLAVES: Final = re.compile(r"BRIDGE_PORTS|BONDING_SLAVE_?\w+|TEAM_PORT_DEVICE\w*")


def conflicts(sysroot: Path, boot: BootInterface) -> Iterator[str]:
    """Warn of an interface in a bridge or bond, of another MAC or MTU, and of SUSE's shutdown."""
    for folder in (FEDORA, SUSE):
        for path in files(sysroot, folder, "ifcfg-*"):
            lines = read_lines(sysroot, path)
            values = {key: value for key, value, _ in _assignments(lines)}
            ours = path == f"{folder}/ifcfg-{boot.name}" or boot.name == values.get("DEVICE")
            ours = ours or values.get("HWADDR", "").lower() == boot.mac
            for key, value, line in _assignments(lines):
                yield from _told(line, key, value, boot, ours=ours)
            if ours and folder == SUSE and values.get("STARTMODE") != "nfsroot":
                yield f"/{path}: the interface goes down at a shutdown; set STARTMODE='nfsroot' in it"


def _told(line: Line, key: str, value: str, boot: BootInterface, *, ours: bool) -> Iterator[str]:
    if SLAVES.fullmatch(key) and boot.name in value.split():
        yield enslaved(line, boot, line.path.rpartition("/ifcfg-")[2])
    elif not ours or not value:
        return
    elif key in MASTERS:
        yield enslaved(line, boot, value)
    elif key == "MTU":
        yield from resized(line, boot, value)
    elif key in {"MACADDR", "LLADDR"}:
        yield from readdressed(line, boot, value)


def _assignments(lines: tuple[Line, ...]) -> Iterator[tuple[str, str, Line]]:
    for line in lines:
        found = re.match(r"\s*([A-Z_a-z0-9]+)=(?:\"([^\"]*)\"|'([^']*)'|(\S*))", line.text)
        if found:
            yield found[1], found[2] or found[3] or found[4] or "", line
