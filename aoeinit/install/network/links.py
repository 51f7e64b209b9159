"""systemd's .link files: the name, the MAC and the MTU that udev gives an interface when it sees it.

Source: systemd.link(5). Of the files that match, the first by name counts, whichever folder it is in.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aoeinit.errors import AoeinitError
from aoeinit.install.network.interface import BootInterface
from aoeinit.install.network.lines import Setting, overlaid_files, read_lines, settings
from aoeinit.install.state import Change, Present, look

PATH: Final = "etc/systemd/network/00-aoeinit.link"
FOLDERS: Final = (
    *("etc/systemd/network", "usr/local/lib/systemd/network"),
    *("usr/lib/systemd/network", "lib/systemd/network"),
)
OURS: Final = {"NamePolicy", "Name", "AlternativeNamesPolicy", "MACAddressPolicy", "Description"}

TEXT: Final = """\
# Written by aoeinit network. The root is reached through this card: udev leaves its name, MAC and MTU alone.
[Match]
MACAddress={mac}
Type=ether

[Link]
NamePolicy=keep
Name={name}
AlternativeNamesPolicy=database onboard slot path mac
MACAddressPolicy=none
"""


def changes(sysroot: Path, boot: BootInterface) -> Iterator[Change]:
    """Give the file that keeps the interface as the agent left it.

    The name stands there as well for boots without the agent, which has not renamed anything then.
    """
    after = Present(TEXT.format(mac=boot.mac, name=boot.name).encode(), 0o644)
    yield Change(
        PATH, look(sysroot, PATH), after, f"keeps udev from renaming {boot.name} or changing its MAC"
    )


def conflicts(sysroot: Path, boot: BootInterface) -> Iterator[str]:
    """Warn of a file that comes before ours, and of what others say of this card that ours now hides."""
    for path in overlaid_files(sysroot, FOLDERS, "*.link"):
        found = list(settings(read_lines(sysroot, path)))
        name = path.rpartition("/")[2]
        if name == PATH.rpartition("/")[2] or not _is_for(found, boot):
            continue
        if name < PATH.rpartition("/")[2]:
            yield f"/{path} comes before /{PATH} and counts in its place; rename it, so that it comes later"
        elif path.startswith("etc/"):
            yield from _hidden(found, boot)


def _hidden(found: list[Setting], boot: BootInterface) -> Iterator[str]:
    for setting in found:
        name, key = setting.section, setting.key
        settled = {("Name", boot.name), ("MTUBytes", str(boot.mtu))}
        if name != "Link" or key in OURS - {"Name"} or (key, setting.value) in settled:
            continue
        way_out = (
            f"if that is its name, give it: --interface {setting.value}"
            if key == "Name"
            else f"boot with rd.aoe.mtu={setting.value}"
            if key == "MTUBytes"
            else "take the line out"
            if key == "MACAddress"
            else f"copy it to /{PATH}.d/local.conf, under [Link]"
        )
        yield setting.line.says(
            f"{key}={setting.value} is no longer in force, as /{PATH} comes first; {way_out}"
        )


def _is_for(found: list[Setting], boot: BootInterface) -> bool:
    """Tell whether a file is surely for this card: for its MAC, or for every one."""
    match = [setting for setting in found if setting.section == "Match"]
    macs = [each.value for each in match if each.key in {"MACAddress", "PermanentMACAddress"}]
    if any(boot.mac in macs_of(value) for value in macs):
        return True
    everyone = {("Type", "ether"), ("OriginalName", "*")}
    return bool(match) and {(each.key, each.value) for each in match} <= everyone


def macs_of(value: str) -> set[str]:
    """Read a list of MACs, in any of the notations."""
    return {each.lower().replace("-", ":") for each in value.split()}


def recorded(sysroot: Path) -> BootInterface | None:
    """Give the interface for which an earlier run has written the file; ``None`` where none has."""
    found = {each.key: each.value for each in settings(read_lines(sysroot, PATH))}
    try:
        return BootInterface.checked(found["Name"], found["MACAddress"])
    except (KeyError, AoeinitError):
        return None
