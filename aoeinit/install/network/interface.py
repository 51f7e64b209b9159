"""The interface that reaches the target: its name, its MAC and its MTU."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from aoeinit.aoe.ethernet import parse_interface, parse_mac
from aoeinit.errors import ConfigError

ETHERNET_MTU: Final = 1500
"""What the agent leaves an interface with, unless ``rd.aoe.mtu=`` says else; in bytes."""

CARD_BELOW: Final = "name the card below it"
NO_CARDS: Final = (
    (r"lo", "the loopback", "name an Ethernet card, as ip link shows it: enp1s0"),
    (r"vlan[0-9]+|.+\.[0-9]+", "a virtual LAN", f"{CARD_BELOW}, and boot with rd.aoe.vlan="),
    (r"(br|virbr|vmbr|lxcbr|docker)[0-9]+|br-.+", "a bridge", CARD_BELOW),
    (r"(bond|team)[0-9]+", "made of several cards", CARD_BELOW),
    (r"(veth|vnet|tap|tun|wg|dummy|ifb)[0-9a-f]+", "made by software", "name an Ethernet card"),
    (r"wlan[0-9]+|wl[opsx][0-9a-f]\w*", "wireless", "name an Ethernet card: the agent starts no other"),
)
"""Names that no Ethernet card has, as patterns; what has them, and the way out."""


@dataclass(frozen=True, slots=True)
class BootInterface:
    """An interface as the installed system knows it; ``mac`` in lower case, ``mtu`` in bytes."""

    name: str
    mac: str
    mtu: int = ETHERNET_MTU

    @classmethod
    def checked(cls, name: str, mac: str, mtu: int = ETHERNET_MTU) -> Self:
        """Take what a user wrote; raises :class:`ConfigError` for what no interface can have."""
        return cls(parse_interface(name), parse_mac(mac), mtu)


def require_card_name(name: str) -> None:
    """Raise :class:`ConfigError` for a name that no Ethernet card has: the agent starts from nothing else."""
    for pattern, what, way_out in NO_CARDS:
        if re.fullmatch(pattern, name):
            raise ConfigError(f"{name} is {what}, and no Ethernet card", way_out)


def choose(
    known: Sequence[tuple[str, str]], *, name: str | None, mac: str | None, serving: Iterable[str]
) -> tuple[str, str]:
    """Find the interface of a running machine among ``known``, pairs of a name and a MAC.

    It is the one that is asked for by name or MAC; else the only one of those that are ``serving`` a target,
    told by name or MAC; else the only one there is. Raises :class:`ConfigError` where that leaves none, or
    several.
    """
    if name or mac:
        asked = {name or "", (mac or "").lower().replace("-", ":")} - {""}
        found = [each for each in known if asked <= set(each)]
    else:
        serves = set(serving)
        found = [each for each in known if serves & set(each)] or list(known)
    if len(found) == 1:
        return found[0]
    there = ", ".join(f"{name} ({mac})" for name, mac in found or known) or "none"
    if found:
        raise ConfigError(
            f"which interface reaches the target? There are {there}", "name one with --interface"
        )
    wanted = " with ".join(filter(None, (name, mac))) or "an Ethernet card"
    raise ConfigError(
        f"this machine has no interface {wanted}, only these: {there}",
        "name one of them, or another machine's with both --interface and --mac",
    )
