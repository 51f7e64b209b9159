"""The words for what an interface under the root must not suffer, and for the way out."""

from typing import Final

from aoeinit.install.network.interface import BootInterface
from aoeinit.install.network.lines import Line

OTHER_CARD: Final = "give that another card; guests reach the network through macvtap or a routed network too"
TAKE_OUT: Final = "take the line out"


class Fatal(str):
    """A warning of what takes the root away while the system starts."""

    __slots__ = ()


def enslaved(line: Line, boot: BootInterface, master: str) -> Fatal:
    """Warn of a bridge, a bond or the like that takes the interface in."""
    return Fatal(
        line.says(
            f"{boot.name} becomes part of {master}: AoE frames no longer reach the driver, and the root is "
            f"lost; {OTHER_CARD}"
        )
    )


def resized(line: Line, boot: BootInterface, value: str) -> list[str]:
    """Warn of an MTU that is not the one the agent sets; nothing where it is."""
    if value == str(boot.mtu) or not value.isdecimal():
        return []
    return [
        line.says(
            f"the MTU of {boot.name} becomes {value} under the root, which reads in frames for {boot.mtu}; "
            f"boot with rd.aoe.mtu={value}, or take the line out"
        )
    ]


def readdressed(line: Line, boot: BootInterface, value: str, way_out: str = TAKE_OUT) -> list[str]:
    """Warn of a MAC that is not the card's; nothing where it is."""
    if value.strip("\"'").lower().replace("-", ":") == boot.mac:
        return []
    return [
        line.says(
            f"the MAC of {boot.name} becomes {value} under the root, and many cards go down for it; {way_out}"
        )
    ]


def taken_down(line: Line, boot: BootInterface, what: str, way_out: str = TAKE_OUT) -> str:
    """Warn of what takes the interface down."""
    return line.says(f"{what} takes {boot.name} down, and the root with it; {way_out}")
