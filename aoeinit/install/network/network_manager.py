"""NetworkManager: no other MAC or MTU for the interface, and up until the end.

Sources: NetworkManager.conf(5), nm-settings-keyfile(5). A profile's own settings count more than the defaults
that a configuration file can give.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aoeinit.install.network.conflicts import enslaved, readdressed, resized, taken_down
from aoeinit.install.network.interface import BootInterface
from aoeinit.install.network.lines import Setting, files, has_file, read_lines, settings
from aoeinit.install.state import Change, Present, look

PATH: Final = "etc/NetworkManager/conf.d/zz-aoeinit.conf"
PROFILES: Final = (
    "etc/NetworkManager/system-connections",
    "usr/lib/NetworkManager/system-connections",
)
PROGRAMS: Final = ("usr/sbin/NetworkManager", "usr/bin/NetworkManager")
WIRED: Final = {"ethernet", "802-3-ethernet"}
KEPT: Final = {"preserve", "permanent", ""}
NO: Final = {"", "0", "-1", "no", "false", "default"}

TEXT: Final = """\
# Written by aoeinit network. The root is reached through this card: its MAC and MTU stay as they are, and it
# stays up at a shutdown.
[connection-aoeinit]
match-device=mac:{mac};interface-name:={name}
ethernet.cloned-mac-address=preserve
ethernet.mtu=0
connection.down-on-poweroff=0
"""


def changes(sysroot: Path, boot: BootInterface) -> Iterator[Change]:
    """Give the defaults for all connections of the card, where NetworkManager is installed."""
    if has_file(sysroot, *PROGRAMS):
        after = Present(TEXT.format(mac=boot.mac, name=boot.name).encode(), 0o644)
        why = f"keeps NetworkManager from changing MAC or MTU of {boot.name}, and from taking it down"
        yield Change(PATH, look(sysroot, PATH), after, why)


def conflicts(sysroot: Path, boot: BootInterface) -> Iterator[str]:
    """Warn of profiles of the card that say otherwise."""
    if not has_file(sysroot, *PROGRAMS):
        return
    for folder in PROFILES:
        for path in files(sysroot, folder, "*"):
            found = list(settings(read_lines(sysroot, path)))
            if _is_for(found, boot):
                for each in found:
                    yield from _told(each, found, boot)


def _told(each: Setting, found: list[Setting], boot: BootInterface) -> Iterator[str]:
    match ("ethernet" if each.section in WIRED else each.section), each.key:
        case "connection", "controller" | "master" if each.value:
            kind = _value(found, "port-type") or _value(found, "slave-type") or "bridge"
            yield enslaved(each.line, boot, f"the {kind} {each.value}")
        case "connection", "down-on-poweroff" if each.value not in NO:
            yield taken_down(each.line, boot, each.key)
        case "ethernet", "mtu" if each.value not in NO:
            yield from resized(each.line, boot, each.value)
        case "ethernet", "cloned-mac-address" if each.value not in KEPT:
            yield from readdressed(each.line, boot, each.value)


def _is_for(found: list[Setting], boot: BootInterface) -> bool:
    """Tell whether a profile may be used for the card: it names it, or no card at all."""
    name = _value(found, "interface-name")
    macs = {each.value.lower() for each in found if each.section in WIRED and each.key == "mac-address"}
    wired = _value(found, "type") in WIRED
    return wired and name in {"", boot.name} and macs <= {boot.mac, ""}


def _value(found: list[Setting], key: str) -> str:
    return next((each.value for each in found if (each.section, each.key) == ("connection", key)), "")
