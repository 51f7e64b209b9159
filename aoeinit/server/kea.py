"""A configuration for Kea. Source: the Kea Administrator Reference Manual, chapter "The DHCPv4 Server"."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from aoeinit.server.lan import BIOS_LOADER, EFI_LOADER, EFI_TYPES, LEASE_SECONDS, Client, Lan

PATH: Final = "etc/kea/aoeinit.json"

_IPXE: Final = "option[77].hex == 'iPXE'"


def kea(lan: Lan, clients: Iterable[Client]) -> str:
    """Write a whole configuration."""
    router = [{"name": "routers", "data": str(lan.router)}] if lan.router else []
    subnet = {
        "id": 1,
        "subnet": str(lan.network),
        "interface": lan.interface,
        "pools": [{"pool": f"{lan.first} - {lan.last}"}],
        "option-data": router,
        "reservations": list(_reservations(clients)),
    }
    classes = list(_classes(lan))
    settings = {
        "interfaces-config": {"interfaces": [lan.interface]},
        "lease-database": {"type": "memfile"},
        "valid-lifetime": LEASE_SECONDS,
        "host-reservation-identifiers": ["hw-address"],
        **({"client-classes": classes} if classes else {}),  # Kea refuses an empty list of them
        "subnet4": [subnet],
    }
    return json.dumps({"Dhcp4": settings}, indent=1) + "\n"


def _classes(lan: Lan) -> Iterator[dict[str, str]]:
    """Tell clients apart; those that no reservation names get no file."""
    own = str(lan.server.ip)
    if lan.script:
        test = f"member('KNOWN') and {_IPXE}"
        yield {"name": "script", "test": test, "next-server": own, "boot-file-name": lan.script}
    if lan.chainload:
        efi = " or ".join(f"option[93].hex == 0x{number:04x}" for number in EFI_TYPES)
        for name, kind, file in (("efi", f"({efi})", EFI_LOADER), ("bios", f"not ({efi})", BIOS_LOADER)):
            test = f"member('KNOWN') and not ({_IPXE}) and {kind}"
            yield {"name": name, "test": test, "next-server": own, "boot-file-name": file}


def _reservations(clients: Iterable[Client]) -> Iterator[dict[str, Any]]:
    for client in clients:
        for name, mac, address in client.cards():
            own = {"ip-address": str(address)} if address else {}
            path = {"name": "root-path", "data": client.root_path}
            yield {"hw-address": mac, "hostname": name, **own, "option-data": [path]}
