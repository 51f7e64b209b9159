"""The system of a server: vblade, and every DHCP server that we write settings for."""

from pathlib import Path

from tests.lab.system import bare_system

PACKAGES = (
    *("systemd-sysv", "udev", "dbus", "iproute2", "vblade", "dnsmasq", "isc-dhcp-server", "kea-dhcp4-server"),
    *("busybox-static", "python3", "libarchive13", "ipxe"),
)
UNASKED = ("isc-dhcp-server.service", "kea-dhcp4-server.service", "console-getty.service")
"""What starts by itself there and is not asked for."""


def server_system() -> Path:
    """A Debian 12 with these packages; nobody may change its files."""
    return bare_system("bookworm", PACKAGES)
