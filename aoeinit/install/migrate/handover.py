"""What is left to do by hand after a migration: on the server, and in the machine's firmware."""

from collections.abc import Iterator

from aoeinit.aoe.target import Target


def server_lines(target: Target, mac: str) -> Iterator[str]:
    """Write what admits the machine to its target and lets it start from there.

    iPXE takes the target from DHCP's root path (ipxe.org, "SAN URI syntax"), if there is no file name.
    """
    options = f"--target {target} --device DISK --interface INTERFACE --mac {mac}"
    yield f"# who may have the target; by hand: vblade -m {mac} {target.shelf} {target.slot} INTERFACE DISK"
    yield f"aoeinit server export --install {options}"
    yield ""
    yield "# where it starts from, for dnsmasq"
    yield f"dhcp-host={mac},set:{target}"
    yield f'dhcp-option=tag:{target},option:root-path,"aoe:{target}"'
    yield ""
    yield "# or dhcpd"
    yield f"host {str(target).replace('.', '-')} {{"
    yield f"  hardware ethernet {mac};"
    yield '  filename "";'
    yield f'  option root-path "aoe:{target}";'
    yield "}"


def firmware_advice(firmware: str) -> Iterator[str]:
    """Say what to do at the machine."""
    kind = "UEFI" if firmware == "efi" else "BIOS"
    yield f"Then restart, and in the {kind} setup put the network card (iPXE) before all disks."
    if firmware == "efi":
        yield "Secure Boot admits iPXE only where it is signed."
    yield "Once it has started from the target, the local disk can be taken out: it was not changed."
