"""What runs vblade for an export: Debian's own unit and its settings where they are, else a unit of ours.

Sources: vblade(8) and aoe.c of vblade 25; vblade-persistence(5) of Debian; systemd.exec(5).
"""

import re
import shlex
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from aoeinit.server.exports import Export, Writes
from aoeinit.server.text import HEADER, File
from aoeinit.server.units import escape, escape_path, value
from aoeinit.sysroot import resolve

MAX_MACS: Final = 32
"""How many MACs one vblade has room for. It takes more, and writes them over what lies behind (``setmask()``
in aoe.c)."""

CONFIGURATIONS: Final = "etc/vblade.conf.d"
DEBIAN: Final = ("usr/lib/systemd/system/vblade@.service", "lib/systemd/system/vblade@.service")
DEBIANS_GROUP: Final = "vblade.service"
"""What Debian's generator hangs its units below."""
UNITS: Final = "etc/systemd/system"
TARGET: Final = "vblade.target"
"""The same for ours."""

_TARGET: Final = """\
[Unit]
Description=AoE targets

[Install]
WantedBy=multi-user.target
"""

_FLAGS: Final = {Writes.SYNC: ("-s",), Writes.DIRECT: ("-d",), Writes.CACHED: ()}
_HOMES: Final = ("/home/", "/root/", "/run/user/")
_TEMPORARY: Final = ("/tmp/", "/var/tmp/")  # noqa: S108 - nothing is written there

_RESTART: Final = """\
Restart=always
RestartSec=200ms
OOMScoreAdjust=-900
"""
_SANDBOX: Final = """\
CapabilityBoundingSet=CAP_NET_RAW
NoNewPrivileges=yes
RestrictAddressFamilies=AF_PACKET
IPAddressDeny=any
DevicePolicy=closed
ProtectSystem=strict
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
UMask=0077
"""


def has_debians_unit(sysroot: Path) -> bool:
    """Tell whether a system has Debian's unit, and with it the generator that starts it for each file."""
    return any(resolve(sysroot, path) for path in DEBIAN)


def batches(export: Export) -> Iterator[tuple[str, Export]]:
    """Split an export into those that one vblade has room for, each with the name that it gets.

    All of them answer as the same target with the same MAC, each to clients of its own.
    """
    name = f"{export.target}.{export.interface}"
    for start in range(0, max(len(export.macs), 1), MAX_MACS):
        number = start // MAX_MACS
        macs = export.macs[start : start + MAX_MACS]
        yield f"{name}:{number + 1}" if number else name, replace(export, macs=macs)


def files(exports: Iterable[Export], *, debian: bool) -> Iterator[File]:
    """Write what makes systemd run vblade for the exports, now and at every start."""
    if not debian:
        yield File(f"{UNITS}/{TARGET}", HEADER + _TARGET, "starts and stops all exports")
        wanted = f"{UNITS}/multi-user.target.wants/{TARGET}"
        yield File(wanted, f"../{TARGET}", "starts them with the system", is_link=True)
    for export in exports:
        for name, part in batches(export):
            yield from _debian_files(name, part) if debian else _unit_files(name, part)


def restart(removed: Collection[str] = (), *, debian: bool) -> str:
    """Give the commands that start what is new and end what is gone, with a pause for the others.

    ``removed`` are the paths of files that are gone. A unit of which systemd no longer has the file is part
    of nothing, and would run on: such are stopped by name.
    """
    gone = sorted(unit for path in removed if (unit := _own_unit(path)))
    stop = f"systemctl stop {' '.join(map(shlex.quote, gone))}; " if gone else ""
    reload = f"{stop}systemctl daemon-reload"
    if TARGET in gone and not debian:
        return reload
    return f"{reload} && systemctl restart {DEBIANS_GROUP if debian else TARGET}"


def _own_unit(path: str) -> str:
    """Name the unit of ours that a file is; empty for any other file."""
    folder, _, name = path.rpartition("/")
    is_export = name.startswith("vblade-") and name.endswith(".service")
    return name if folder == UNITS and (is_export or name == TARGET) else ""


def is_of(export: Export, path: str) -> bool:
    """Tell whether a file is one that an export gets, with any number of MACs, by any unit."""
    name = f"{export.target}.{export.interface}"
    names = f"(?:{re.escape(name)}|{re.escape(escape(name))})"
    return re.search(rf"[@/-]{names}(?::[0-9]+)?\.(?:conf|service)", path) is not None


def options(export: Export) -> tuple[str, ...]:
    """Give the options for vblade."""
    mode = ("-r",) if export.read_only else _FLAGS[export.writes]
    macs = ("-m", ",".join(export.macs)) if export.macs else ()
    return ("-b", str(export.buffers), *mode, *macs)


def _why(export: Export) -> str:
    return f"exports {export.device} as {export.target} through {export.interface}"


def _debian_files(name: str, export: Export) -> Iterator[File]:
    settings = (
        f"shelf={export.target.shelf}\n"
        f"slot={export.target.slot}\n"
        f"netif={export.interface}\n"
        f"filename={export.device}\n"
        f"options='{' '.join(options(export))}'\n"
    )
    yield File(
        f"{UNITS}/vblade@{escape(name)}.service.d/aoeinit.conf",
        f"{HEADER}[Unit]\n{_ordering(export)}\n[Service]\n{_RESTART}{_sandbox(export)}",
        "shuts vblade in, and starts it again whenever it ends",
    )
    yield File(f"{CONFIGURATIONS}/{name}.conf", HEADER + settings, _why(export))


def _unit_files(name: str, export: Export) -> Iterator[File]:
    unit = f"vblade-{escape(name)}.service"
    yield File(f"{UNITS}/{unit}", _unit(export), _why(export))
    yield File(f"{UNITS}/{TARGET}.wants/{unit}", f"../{unit}", f"starts {export.target}", is_link=True)


def _unit(export: Export) -> str:
    target = export.target
    words = ("/usr/sbin/vblade", *options(export), str(target.shelf), str(target.slot), export.interface)
    return (
        f"{HEADER}[Unit]\n"
        f"Description=AoE target {target} on {export.interface}\n"
        "Documentation=man:vblade(8)\n"
        f"PartOf={TARGET}\n"
        f"{_ordering(export)}\n"
        "[Service]\n"
        f"ExecStart={' '.join(words)} {value(export.device)}\n"
        f"{_RESTART}{_sandbox(export)}\n"
        f"[Install]\nWantedBy={TARGET}\n"
    )


def _ordering(export: Export) -> str:
    """Wait for card and disk, without a time after which it is given up: vblade itself is tried again."""
    units = [f"sys-subsystem-net-devices-{escape(export.interface)}.device"]
    if not export.is_file:
        units.append(f"{escape_path(export.device)}.device")
    mounts = f"RequiresMountsFor={value(export.device)}\n" if export.is_file else ""
    names = " ".join(units)
    return f"Wants={names}\nAfter=network.target {names}\n{mounts}StartLimitIntervalSec=0\n"


def _sandbox(export: Export) -> str:
    """Leave vblade its socket and its disk."""
    device = value(export.device)
    if not export.is_file:
        own = f"DeviceAllow={device} {'r' if export.read_only else 'rw'}\n"
    else:
        own = "" if export.read_only else f"ReadWritePaths={device}\n"
    home = "read-only" if export.device.startswith(_HOMES) else "yes"
    temporary = "no" if export.device.startswith(_TEMPORARY) else "yes"
    return f"{own}ProtectHome={home}\nPrivateTmp={temporary}\n{_SANDBOX}"
