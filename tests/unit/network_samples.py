"""An interface under the root, and a system with all that the plan for it knows."""

from pathlib import Path

from aoeinit.install.network.interface import BootInterface
from tests.unit.tree_samples import put

MAC = "52:54:00:11:00:01"
BOOT = BootInterface("enp1s0", MAC)
LINK = "etc/systemd/network/00-aoeinit.link"
INTERFACES = "etc/network/interfaces"
DEBIAN = """\
# This file describes the network interfaces available on your system
# and how to activate them. For more information, see interfaces(5).

source /etc/network/interfaces.d/*

# The loopback network interface
auto lo
iface lo inet loopback

# The primary network interface
allow-hotplug enp1s0
iface enp1s0 inet dhcp
"""


def make_debian(sysroot: Path) -> Path:
    """Fill a folder with all that the plan knows."""
    (sysroot / "usr/lib/udev/rules.d").mkdir(parents=True)
    put(sysroot, "usr/lib/systemd/systemd", mode=0o755)
    put(sysroot, "usr/lib/systemd/system/ifup@.service")
    put(sysroot, "usr/sbin/ifup", mode=0o755)
    put(sysroot, "usr/sbin/NetworkManager", mode=0o755)
    put(sysroot, INTERFACES, DEBIAN)
    return sysroot
