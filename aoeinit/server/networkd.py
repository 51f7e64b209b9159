"""A network file for systemd-networkd's DHCP server. Source: systemd.network(5)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from aoeinit.errors import ConfigError
from aoeinit.server.lan import LEASE_SECONDS, Client, Lan
from aoeinit.server.text import HEADER

PATH: Final = "etc/systemd/network/10-aoeinit.network"


def networkd(lan: Lan, clients: Iterable[Client]) -> str:
    """Write a network file, for systemd 251 or later.

    It says the same to everybody on the interface. So raises :class:`ConfigError` for several targets without
    a script that knows them apart, and for clients that load iPXE first.
    """
    known = tuple(clients)
    _require_one_answer(lan, known)
    return HEADER + "\n".join((*_network(lan), *_boot(lan, known), *_leases(known))) + "\n"


def _require_one_answer(lan: Lan, clients: Sequence[Client]) -> None:
    hint = "use dnsmasq, dhcpd or kea"
    if lan.chainload:
        raise ConfigError("networkd's DHCP server cannot tell iPXE from what is to load it", hint)
    targets = {client.target for client in clients}
    if len(targets) > 1 and not lan.script:
        raise ConfigError(
            f"networkd's DHCP server names one target to all, not {len(targets)}",
            f"{hint}, or give the URL of a script for iPXE: aoeinit server ipxe writes one",
        )


def _network(lan: Lan) -> Iterator[str]:
    offset = int(lan.first) - int(lan.network.network_address)
    yield f"[Match]\nName={lan.interface}\n"
    yield f"[Network]\nAddress={lan.server}\nDHCPServer=yes\n"
    yield f"[DHCPServer]\nPoolOffset={offset}\nPoolSize={int(lan.last) - int(lan.first) + 1}"
    yield f"DefaultLeaseTimeSec={LEASE_SECONDS}"
    yield f"Router={lan.router}" if lan.router else "EmitRouter=no"


def _boot(lan: Lan, clients: Sequence[Client]) -> Iterator[str]:
    if lan.script:
        yield f"BootFilename={lan.script.replace('%', '%%')}"
    paths = {client.root_path for client in clients}
    if len(paths) == 1:
        yield f"SendOption=17:string:{paths.pop()}"


def _leases(clients: Iterable[Client]) -> Iterator[str]:
    for client in clients:
        for _, mac, address in client.cards():
            if address:
                yield f"\n[DHCPServerStaticLease]\nMACAddress={mac}\nAddress={address}"
