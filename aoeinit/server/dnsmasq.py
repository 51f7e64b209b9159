"""Settings for dnsmasq. Source: dnsmasq(8)."""

from collections.abc import Iterable, Iterator
from typing import Final

from aoeinit.server.lan import BIOS_LOADER, EFI_LOADER, EFI_TYPES, LEASE_SECONDS, Client, Lan
from aoeinit.server.text import HEADER

PATH: Final = "etc/dnsmasq.d/aoeinit.conf"


def dnsmasq(lan: Lan, clients: Iterable[Client]) -> str:
    """Write a file for dnsmasq; clients are told their target by a tag of the target's name."""
    return HEADER + "\n".join((*_lan(lan), *_clients(clients))) + "\n"


def _lan(lan: Lan) -> Iterator[str]:
    yield f"interface={lan.interface}"
    yield f"dhcp-range={lan.first},{lan.last},{lan.network.netmask},{LEASE_SECONDS}"
    # Without a value: or it would name itself.
    yield f"dhcp-option=option:router{f',{lan.router}' if lan.router else ''}"
    if lan.chainload or lan.script:
        yield "dhcp-userclass=set:ipxe,iPXE"
    if lan.chainload:
        yield from (f"dhcp-match=set:efi,option:client-arch,{number}" for number in EFI_TYPES)
        yield f"dhcp-boot=tag:known,tag:!ipxe,tag:!efi,{BIOS_LOADER},,{lan.server.ip}"
        yield f"dhcp-boot=tag:known,tag:!ipxe,tag:efi,{EFI_LOADER},,{lan.server.ip}"
    if lan.script:
        yield f'dhcp-boot=tag:known,tag:ipxe,"{lan.script}"'


def _clients(clients: Iterable[Client]) -> Iterator[str]:
    told: dict[str, str] = {}
    for client in clients:
        told[str(client.target)] = client.root_path
        for name, mac, address in client.cards():
            words = (mac, f"set:{client.target}", str(address or ""), name)
            yield f"dhcp-host={','.join(filter(None, words))}"
    yield from (f"dhcp-option=tag:{tag},option:root-path,{path}" for tag, path in told.items())
