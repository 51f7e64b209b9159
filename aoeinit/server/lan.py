"""The network that clients ask in: who gets which address, and is told which target."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Interface, IPv4Network, NetmaskValueError
from typing import Final

from aoeinit.aoe.ethernet import parse_interface
from aoeinit.aoe.target import Target
from aoeinit.errors import ConfigError

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_URL: Final = re.compile(r"(?:https?|tftp)://[A-Za-z0-9._~:/?@!$&()*+,;=%\[\]-]+", re.ASCII)

BIOS_LOADER: Final = "undionly.kpxe"
EFI_LOADER: Final = "ipxe.efi"
"""iPXE for the PXE of a card that is not iPXE itself, as iPXE's own build and its packages name it."""
EFI_TYPES: Final = (7, 9)
"""Clients with EFI on x86-64, in DHCP option 93 (RFC 4578, section 2.1); most say 7."""
LEASE_SECONDS: Final = 12 * 3600


@dataclass(frozen=True, slots=True)
class Client:
    """A machine by its MACs, the target it boots from, and an address of its own if it has one."""

    name: str
    macs: tuple[str, ...]
    target: Target
    address: IPv4Address | None = None

    @property
    def root_path(self) -> str:
        """What iPXE takes for its disk (DHCP option 17)."""
        return f"aoe:{self.target}"

    def cards(self) -> Iterator[tuple[str, str, IPv4Address | None]]:
        """Give each card a host name and its MAC, and the first the address: two must not ask for one."""
        for number, mac in enumerate(self.macs, start=1):
            yield (self.name, mac, self.address) if number == 1 else (f"{self.name}-{number}", mac, None)


@dataclass(frozen=True, slots=True)
class Lan:
    """Addresses for the clients on ``interface``, ``first`` to ``last``, where the server has ``server``.

    With ``chainload``, cards whose PXE is not iPXE load iPXE from the server by TFTP. ``script`` is the URL
    of a script for iPXE, without which it boots from the target at once.
    """

    interface: str
    server: IPv4Interface
    first: IPv4Address
    last: IPv4Address
    router: IPv4Address | None = None
    chainload: bool = False
    script: str = ""

    @property
    def network(self) -> IPv4Network:
        """All addresses there."""
        return self.server.network

    @property
    def ends(self) -> tuple[IPv4Address, IPv4Address]:
        """The addresses of the network itself and of everybody there: no machine has them."""
        return self.network.network_address, self.network.broadcast_address

    def gives_out(self, address: IPv4Address) -> bool:
        """Tell whether an address is one of those for anybody."""
        return self.first <= address <= self.last


def parse_name(name: str) -> str:
    """Take the name of a client; raises :class:`ConfigError` for what is no host name (RFC 1123, 2.1)."""
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is not the name of a client", "use small letters, digits and hyphens: hyperion"
        )
    return name


def parse_address(text: str) -> IPv4Address:
    """Read an address; raises :class:`ConfigError`."""
    try:
        return IPv4Address(text)
    except AddressValueError as error:
        raise ConfigError(f"{text!r} is not an IPv4 address", "write it as 10.11.0.50") from error


def parse_server(text: str) -> IPv4Interface:
    """Read the address of a server with the length of its network; raises :class:`ConfigError`."""
    hint = "write the server's own address with the network's prefix: 10.11.0.1/24"
    try:
        found = IPv4Interface(text)
    except (AddressValueError, NetmaskValueError) as error:
        raise ConfigError(f"{text!r} is not an address with a prefix", hint) from error
    network = found.network
    if "/" not in text or found.ip in {network.network_address, network.broadcast_address}:
        raise ConfigError(f"{text!r} is not an address with a prefix", hint)
    return found


def parse_range(text: str, server: IPv4Interface) -> tuple[IPv4Address, IPv4Address]:
    """Read the addresses for clients, ``FIRST-LAST``; raises :class:`ConfigError`."""
    first, dash, last = text.partition("-")
    if not dash:
        raise ConfigError(f"{text!r} is not a range of addresses", "write it as 10.11.0.100-10.11.0.199")
    found = parse_address(first.strip()), parse_address(last.strip())
    network = server.network
    inside = network.network_address < found[0] <= found[1] < network.broadcast_address
    if not inside or found[0] <= server.ip <= found[1]:
        raise ConfigError(
            f"the range {text} is not in {network}, or has the server's own {server.ip} in it",
            "name the first and the last address that clients may have there",
        )
    return found


def parse_script(url: str) -> str:
    """Take the URL of a script; raises :class:`ConfigError`."""
    if not _URL.fullmatch(url):
        raise ConfigError(
            f"{url!r} is not a URL that iPXE can load", "write it as http://10.11.0.1/boot.ipxe"
        )
    return url


def checked(
    interface: str,
    server: str,
    addresses: str,
    *,
    router: str = "",
    chainload: bool = False,
    script: str = "",
) -> Lan:
    """Take what a user wrote; raises :class:`ConfigError`."""
    own = parse_server(server)
    gateway = parse_address(router) if router else None
    if gateway and gateway not in own.network:
        raise ConfigError(f"the router {gateway} is not in {own.network}", "name one that clients can reach")
    url = parse_script(script) if script else ""
    lan = Lan(parse_interface(interface), own, *parse_range(addresses, own), gateway, chainload, url)
    if gateway and (gateway in lan.ends or lan.gives_out(gateway)):
        raise ConfigError(
            f"the router cannot have the address {gateway}",
            f"name one in {lan.network} that is not in {lan.first}-{lan.last}",
        )
    return lan


def check_address(client: Client, lan: Lan) -> None:
    """Raise :class:`ConfigError` for an address of its own that a client cannot have there."""
    address = client.address
    if address is None:
        return
    network = lan.network
    if address not in network or address in {*lan.ends, lan.server.ip, lan.router}:
        raise ConfigError(
            f"{client.name} cannot have the address {address}", f"choose a free one in {network}"
        )
    if lan.gives_out(address):
        raise ConfigError(
            f"{client.name} has the address {address}, which anybody may get",
            f"choose one that is not in {lan.first}-{lan.last}",
        )
