"""Network interfaces that AoE can be spoken on, and why the others are none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aoeinit.errors import ConfigError

ETHERNET: Final = 1
LOOPBACK: Final = 772
"""ARPHRD_ETHER and ARPHRD_LOOPBACK of linux/if_arp.h."""


@dataclass(frozen=True, slots=True)
class Link:
    """A network interface: its MAC, MTU in bytes, and state.

    ``kind`` is a number of linux/if_arp.h. ``taken_by`` names the bridge or bond that gets its frames.
    """

    name: str
    mac: str
    mtu: int
    kind: int
    up: bool
    carrier: bool
    taken_by: str | None = None

    @property
    def obstacle(self) -> str | None:
        """Say why no answer could come through it now; ``None`` where one could."""
        if not self.up:
            return "is down"
        return None if self.carrier else "has no carrier"


def choose_links(links: Sequence[Link], names: Sequence[str]) -> tuple[tuple[Link, ...], tuple[str, ...]]:
    """Choose the interfaces to ask on: those named, else all that an answer could come through.

    Gives a warning, too, for each of those named that no answer could come through. Raises
    :class:`ConfigError` where one that is named cannot carry AoE, or none is left.
    """
    named = dict.fromkeys(names)
    wanted = [_find(links, name) for name in named] or [link for link in links if _misfit(link) is None]
    usable = tuple(link for link in wanted if link.obstacle is None)
    blocked = [f"{link.name} {link.obstacle}" for link in wanted if link.obstacle]
    if not usable:
        raise ConfigError(
            f"no interface to ask on: {', '.join(blocked) or 'there is no Ethernet here'}",
            "plug in its cable and set it up: ip link set NAME up",
        )
    return usable, tuple(f"{each}: not asked there" for each in blocked) if named else ()


def _find(links: Sequence[Link], name: str) -> Link:
    for link in links:
        if link.name == name:
            misfit = _misfit(link)
            if misfit:
                raise ConfigError(f"AoE cannot be spoken on {name}: it {misfit[0]}", misfit[1])
            return link
    ethernet = ", ".join(link.name for link in links if _misfit(link) is None)
    raise ConfigError(
        f"there is no network interface {name!r}", f"name one of these: {ethernet}" if ethernet else None
    )


def _misfit(link: Link) -> tuple[str, str] | None:
    """Say why an interface is none for AoE in any state, and the way out."""
    if link.taken_by:
        return f"belongs to {link.taken_by}, which gets its frames", f"name {link.taken_by}"
    if link.kind == LOOPBACK:
        return "is the loopback", "name an Ethernet interface"
    return None if link.kind == ETHERNET else ("is no Ethernet", "name an Ethernet interface")
