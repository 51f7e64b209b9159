"""The network that a trial runs in: a bridge, the server's address on it, a tap for each machine."""

from collections.abc import Sequence
from typing import Final

BRIDGE: Final = "br0"
SERVER_ADDRESS: Final = "10.11.0.1"
SERVER_MAC: Final = "52:54:00:11:ff:01"


def layout(taps: Sequence[str], mtu: int) -> str:
    """Give the commands for ip(8) that lay the network out; every interface has ``mtu`` bytes."""
    lines = [
        "link set lo up",
        # Without an address of its own it takes one from its taps, and another when that leaves.
        f"link add {BRIDGE} address {SERVER_MAC} type bridge forward_delay 0",
        f"address add {SERVER_ADDRESS}/24 dev {BRIDGE}",
        f"link set {BRIDGE} mtu {mtu} up",
    ]
    for tap in taps:
        lines += [f"tuntap add {tap} mode tap", f"link set {tap} mtu {mtu} master {BRIDGE} up"]
    return "\n".join(lines) + "\n"
