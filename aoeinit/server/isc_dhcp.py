"""Declarations for ISC's dhcpd. Sources: dhcpd.conf(5), dhcp-options(5), dhcp-eval(5)."""

from collections.abc import Iterable, Iterator
from typing import Final

from aoeinit.server.lan import BIOS_LOADER, EFI_LOADER, EFI_TYPES, LEASE_SECONDS, Client, Lan
from aoeinit.server.text import HEADER

PATH: Final = "etc/dhcp/aoeinit.conf"


def dhcpd(lan: Lan, clients: Iterable[Client]) -> str:
    """Write declarations, a whole configuration or something to include in one."""
    return HEADER + "\n".join((*_lan(lan), "group {", *_boot(lan), *_clients(clients), "}")) + "\n"


def _lan(lan: Lan) -> Iterator[str]:
    if lan.chainload:
        yield "option aoeinit-client-type code 93 = string;"
    network = lan.network
    yield f"subnet {network.network_address} netmask {network.netmask} {{"
    yield f"\trange {lan.first} {lan.last};"
    yield f"\tdefault-lease-time {LEASE_SECONDS};"
    yield f"\tmax-lease-time {LEASE_SECONDS};"
    if lan.router:
        yield f"\toption routers {lan.router};"
    yield "}"


def _boot(lan: Lan) -> Iterator[str]:
    yield "\tuse-host-decl-names on;"
    if lan.chainload or lan.script:
        yield f"\tnext-server {lan.server.ip};"
        yield '\tif exists user-class and option user-class = "iPXE" {'
        yield f'\t\tfilename "{lan.script}";'
    if lan.chainload:
        types = " or ".join(f"option aoeinit-client-type = 00:{number:02x}" for number in EFI_TYPES)
        yield f"\t}} elsif exists aoeinit-client-type and ({types}) {{"
        yield f'\t\tfilename "{EFI_LOADER}";'
        yield "\t} else {"
        yield f'\t\tfilename "{BIOS_LOADER}";'
    if lan.chainload or lan.script:
        yield "\t}"


def _clients(clients: Iterable[Client]) -> Iterator[str]:
    for client in clients:
        for name, mac, address in client.cards():
            own = f" fixed-address {address};" if address else ""
            path = f'option root-path "{client.root_path}";'
            yield f"\thost {name} {{ hardware ethernet {mac};{own} {path} }}"
