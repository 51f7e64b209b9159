"""systemd-networkd: .network files that take the interface down, in, or change its MAC.

Source: systemd.network(5). Of the files that match, the first by name counts; drop-ins add to it. networkd
itself leaves links up when it ends; KeepConfiguration= is about addresses, of which AoE needs none.
"""

import fnmatch
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aoeinit.install.network.conflicts import enslaved, readdressed, resized, taken_down
from aoeinit.install.network.interface import BootInterface
from aoeinit.install.network.lines import Setting, overlaid_files, read_lines, settings
from aoeinit.install.network.links import FOLDERS, macs_of
from aoeinit.install.state import Change, Present, look

DROP_IN: Final = "zz-aoeinit.conf"
MASTERS: Final = {"Bridge": "bridge", "Bond": "bond", "VRF": "VRF", "BatmanAdvanced": "mesh"}
SET_ASIDE: Final = "a drop-in of aoeinit sets it aside"
STAYS_UP: Final = {"", "up", "always-up"}
RESETS: Final = {
    ("Link", "ActivationPolicy"): "ActivationPolicy=up",
    ("Link", "MACAddress"): "MACAddress=",
    ("Network", "BindCarrier"): "BindCarrier=",
}
"""What a drop-in of ours sets in the place of a setting that would cost the root."""


def changes(sysroot: Path, boot: BootInterface) -> Iterator[Change]:
    """Give the drop-ins that set aside what would take the interface down or change its MAC."""
    for path, found in _files_for(sysroot, boot):
        keys = {(each.section, each.key) for each in found if _harms(each, boot)}
        resets = [(section, text) for (section, key), text in RESETS.items() if (section, key) in keys]
        if resets:
            lines = ["# Written by aoeinit network: the root is reached through this interface."]
            for section in dict.fromkeys(section for section, _ in resets):
                lines += [f"[{section}]", *(text for each, text in resets if each == section)]
            place = f"etc/systemd/network/{path.rpartition('/')[2]}.d/{DROP_IN}"
            after = Present("\n".join((*lines, "")).encode(), 0o644)
            why = f"keeps {boot.name} up, with its own MAC, against /{path}"
            yield Change(place, look(sysroot, place), after, why)


def conflicts(sysroot: Path, boot: BootInterface) -> Iterator[str]:
    """Warn of what no drop-in can set aside without taking the interface's addresses away."""
    for _, found in _files_for(sysroot, boot):
        for each in found:
            if each.section == "Network" and each.key in MASTERS and each.value:
                yield enslaved(each.line, boot, f"the {MASTERS[each.key]} {each.value}")
            elif (each.section, each.key) == ("Link", "MTUBytes"):
                yield from resized(each.line, boot, each.value)
            elif (each.section, each.key) == ("Link", "MACAddress") and _harms(each, boot):
                way_out = f"{SET_ASIDE}: see that DHCP gives the card the same address"
                yield from readdressed(each.line, boot, each.value, way_out)
            elif each.key in {"ActivationPolicy", "BindCarrier"} and _harms(each, boot):
                yield taken_down(each.line, boot, f"{each.key}={each.value}", SET_ASIDE)


def _harms(setting: Setting, boot: BootInterface) -> bool:
    match setting.section, setting.key:
        case "Link", "ActivationPolicy":
            return setting.value not in STAYS_UP
        case "Link", "MACAddress":
            return setting.value != "" and boot.mac not in macs_of(setting.value)
        case "Network", "BindCarrier":
            return setting.value != ""
    return False


def _files_for(sysroot: Path, boot: BootInterface) -> Iterator[tuple[str, list[Setting]]]:
    """Give the files that may be the interface's, each with its drop-ins' settings but ours."""
    for path in overlaid_files(sysroot, FOLDERS, "*.network"):
        name = path.rpartition("/")[2]
        drop_ins = overlaid_files(sysroot, [f"{folder}/{name}.d" for folder in FOLDERS], "*.conf")
        found = list(settings(read_lines(sysroot, path)))
        for each in drop_ins:
            if each.rpartition("/")[2] != DROP_IN:
                found += settings(read_lines(sysroot, each))
        sure = _is_for(found, boot)
        if sure is not False:
            yield path, found
        if sure:
            return


def _is_for(found: list[Setting], boot: BootInterface) -> bool | None:
    """Tell whether the ``[Match]`` of a file takes the interface; ``None`` where that cannot be told."""
    match = [(each.key, each.value) for each in found if each.section == "Match" and each.value]
    told = [_fits(key, value, boot) for key, value in match]
    if not match or False in told:
        return False
    return None if None in told else True


def _fits(key: str, value: str, boot: BootInterface) -> bool | None:
    if key == "Name":
        return _listed(value, boot.name)
    if key in {"MACAddress", "PermanentMACAddress"}:
        return boot.mac in macs_of(value)
    if key == "Type":
        return _listed(value, "ether")
    # A card has no kind: only what the kernel itself makes has one.
    return value.startswith("!") if key == "Kind" else None


def _listed(patterns: str, name: str) -> bool:
    """Compare with a list of patterns; a ``!`` before the first turns the answer round."""
    listed = any(fnmatch.fnmatchcase(name, each) for each in patterns.removeprefix("!").split())
    return listed != patterns.startswith("!")
