"""What the boot agent left behind, and what the driver says of the root's target now."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aoeinit.boot import contract
from aoeinit.errors import AoeinitError
from aoeinit.sysroot import resolve

LIMIT: Final = 1 << 20
"""Bytes of a report that are read at most; the agent writes a few hundred."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the agent, and the kernel's uptime in seconds when it was reached."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ServerPath:
    """A server that the driver knows for the target: its MAC, and the interfaces it is reached through."""

    mac: str
    interfaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DriverReport:
    """What the aoe driver says of the target at this moment; ``None`` or empty where it does not tell.

    ``state`` is ``up`` or begins with ``down``; ``payload`` is in bytes a frame, ``mtu`` that of the first
    interface in bytes, ``dead_seconds`` the driver's ``aoe_deadsecs``. ``paths`` are all servers that answer
    for the target, which only root can read.
    """

    state: str | None
    interfaces: tuple[str, ...]
    payload: int | None
    mtu: int | None
    dead_seconds: int | None
    paths: tuple[ServerPath, ...]


@dataclass(frozen=True, slots=True)
class BootReport:
    """The report of one boot: ``state`` by the keys of the contract, the steps in their order, the driver.

    ``parameters`` are those of the command line that the agent took notice of; ``pin`` says whether servers
    that rd.aoe.server= does not name are kept out, and is ``None`` where that was not asked for.
    """

    state: dict[str, str]
    parameters: tuple[str, ...]
    pin: str | None
    steps: tuple[Step, ...]
    driver: DriverReport


def read_boot_report(sysroot: Path) -> BootReport:
    """Read the report below a sysroot; the running system's is ``/``.

    The time line may be empty. Raises :class:`AoeinitError` where this boot was not aoeinit's, or its report
    cannot be understood.
    """
    pairs = list(_pairs(_required(sysroot, contract.STATE_FILE)))
    state = {key: value for key, value in pairs if key != "parameter"}
    if not state.get("target"):
        raise AoeinitError(
            f"{sysroot / contract.STATE_FILE} names no target: it is damaged",
            "boot again, which writes it anew, or name a whole copy with --sysroot",
        )
    parameters = tuple(value for key, value in pairs if key == "parameter")
    steps = tuple(_steps(sysroot))
    pin = _line(sysroot, contract.PIN_FILE) or None
    return BootReport(state, parameters, pin, steps, read_driver(sysroot, state.get("target", "")))


def _required(sysroot: Path, path: str) -> str:
    text = _text(sysroot, path)
    if text is None:
        raise AoeinitError(
            f"{sysroot / path} is not there: this system was not booted by aoeinit's agent",
            "run this on a machine whose root is on an AoE target, or name its copy with --sysroot",
        )
    return text


def _text(sysroot: Path, path: str) -> str | None:
    """Read a small file; ``None`` where it is not there or may not be read."""
    found = resolve(sysroot, path)
    if found is None:
        return None
    try:
        with found.file.open("rb") as file:
            return file.read(LIMIT).decode(errors="replace")
    except OSError:
        return None


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    # splitlines() would end lines at characters that may stand in a parameter, such as U+2028.
    for line in text.split("\n"):
        key, equals, value = line.partition("=")
        if equals:
            yield key, value


def _steps(sysroot: Path) -> Iterator[Step]:
    for line in _required(sysroot, contract.TIMELINE_FILE).splitlines():
        match = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,9})?) (\S+)", line, re.ASCII)
        if match is None:
            raise AoeinitError(
                f"{sysroot / contract.TIMELINE_FILE} has a line that is no step: {line[:80]!r}",
                "boot again, which writes it anew, or empty it to see the rest",
            )
        yield Step(match[2], float(match[1]))


def read_driver(sysroot: Path, target: str) -> DriverReport:
    """Read what the driver says now, whoever has booted the system."""
    disk = f"sys/block/etherd!{target}"
    interfaces = tuple(
        name for name in _line(sysroot, f"{disk}/netif").split(",") if name not in {"", "none"}
    )
    return DriverReport(
        state=_line(sysroot, f"{disk}/state") or None,
        interfaces=interfaces,
        payload=_number(sysroot, f"{disk}/payload"),
        mtu=_number(sysroot, f"sys/class/net/{interfaces[0]}/mtu") if interfaces else None,
        dead_seconds=_number(sysroot, "sys/module/aoe/parameters/aoe_deadsecs"),
        paths=tuple(_paths(_text(sysroot, f"sys/kernel/debug/aoe/{target}") or "")),
    )


def _line(sysroot: Path, path: str) -> str:
    return (_text(sysroot, path) or "").strip()


def _number(sysroot: Path, path: str) -> int | None:
    text = _line(sysroot, path)
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text, re.ASCII) else None


def _paths(text: str) -> Iterator[ServerPath]:
    """Find the servers in what the driver shows of a target in debugfs.

    Source: ``aoe_debugfs_show()`` in the kernel's drivers/block/aoe/aoeblk.c: a line that begins with the
    server's MAC, then indented ones, the last of them with the interfaces.
    """
    found = re.finditer(
        r"^([0-9a-f]{12}):[^\n]*\n(?:\t(?:ssthresh|taint|r|w):[^\n]*\n)*(?:\t([^\n]*))?", text, re.MULTILINE
    )
    for match in found:
        mac = ":".join(re.findall("..", match[1]))
        yield ServerPath(mac, tuple(filter(None, (match[2] or "").split(","))))
