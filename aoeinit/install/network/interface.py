"""The interface that reaches the target: its name, its MAC and its MTU."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from aoeinit.aoe.ethernet import parse_interface, parse_mac
from aoeinit.errors import ConfigError

ETHERNET_MTU: Final = 1500
"""What the agent leaves an interface with, unless ``rd.aoe.mtu=`` says else; in bytes."""


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
