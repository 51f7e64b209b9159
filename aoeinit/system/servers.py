"""What a machine without a disk finds in its network: an AoE target, and DHCP that names it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from aoeinit.system.beside import serving
from aoeinit.system.namespace import Network
from aoeinit.trial.layout import BRIDGE


@contextmanager
def vblade(
    net: Network,
    disk: Path,
    *,
    shelf: int = 11,
    slot: int = 0,
    masks: Sequence[str] = (),
    read_only: bool = False,
) -> Iterator[None]:
    """Export ``disk`` as ``e<shelf>.<slot>``, to the MACs in ``masks`` only where there are any."""
    mask = ["-m", ",".join(masks)] if masks else []
    mode = ["-r"] if read_only else []
    command = net.inside(["vblade", *mask, *mode, str(shelf), str(slot), BRIDGE, str(disk)])
    with serving(command, disk.with_suffix(".vblade.log"), ready=f"e{shelf}.{slot}"):
        yield


@contextmanager
def dhcp(net: Network, folder: Path, root_path: str, script: Path | None = None) -> Iterator[None]:
    """Serve addresses with ``root_path`` as DHCP option 17, which is where iPXE looks for its target.

    With a ``script`` iPXE runs that instead, by TFTP, and has the other files of its folder, too. ``folder``
    is for its log and its leases.
    """
    told = [f"--dhcp-option=option:root-path,{root_path}"]
    if script:
        told = ["--enable-tftp", f"--tftp-root={script.parent}", f"--dhcp-boot={script.name}"]
    command = [
        "dnsmasq",
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--log-facility=-",
        "--port=0",
        # As another user it would lose the signal that it gets when this process dies; in a user namespace it
        # cannot take another group.
        *("--user=root", "--group="),
        "--pid-file=",
        f"--interface={BRIDGE}",
        "--bind-interfaces",
        "--no-ping",
        "--log-dhcp",
        f"--dhcp-leasefile={folder / 'leases'}",
        "--dhcp-range=10.11.0.10,10.11.0.99",
        *told,
    ]
    with serving(net.inside(command), folder / "dnsmasq.log", ready="DHCP, IP range"):
        yield
