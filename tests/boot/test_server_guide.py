"""docs/server.md, followed word for word on a server, boots a client that has no disk."""

import re
import secrets
import shutil
from pathlib import Path

from aoeinit.system.namespace import neighbour, network
from aoeinit.system.qemu import machine
from aoeinit.trial.hardware import CONSOLE, Hardware, NetworkBoot, Nic
from aoeinit.trial.layout import BRIDGE
from tests.lab.bench import SYSTEM_SECONDS, Bench
from tests.lab.container import container
from tests.lab.disk import make_disk
from tests.lab.grub import install_grub
from tests.lab.image import TOP
from tests.lab.kernels import debian_kernel
from tests.lab.programs import run
from tests.lab.report import read_report
from tests.lab.server_system import UNASKED, server_system
from tests.lab.tiny_root import make_tiny_root

SECTION = "## One server, one client"
NIC = Nic("e1000")


def commands() -> str:
    """The section's commands, in their order."""
    text = (TOP / "docs/server.md").read_text()
    section = text.partition(f"\n{SECTION}\n")[2].partition("\n## ")[0]
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))


def make_source(bench: Bench, token: str) -> Path:
    """A disk whose system is ready to be started from a target."""
    tree = bench.folder / "tree"
    make_tiny_root(tree, token)
    (tree / "boot").mkdir()
    shutil.copy(debian_kernel("bookworm").vmlinuz, tree / "boot/vmlinuz")
    shutil.copy(bench.build("--nic", "e1000"), tree / "boot/initrd.img")
    disk = make_disk(bench.folder / "source", tree, mib=64)
    install_grub(disk, CONSOLE)
    return disk.path


def test_the_guide_leads_to_a_booted_client(bench: Bench, project: Path) -> None:
    token = secrets.token_hex(8)
    server = bench.folder / "server"
    (server / "srv").mkdir(parents=True)
    make_source(bench, token).rename(server / "srv/hyperion.disk")
    shared = {"/srv": server / "srv", "/opt/aoeinit": project}
    with (
        network() as net,
        neighbour(net, "eth1") as card,
        container(card, server_system(), server, shared, UNASKED) as system,
    ):
        run(net.inside(["ip", "address", "flush", "dev", BRIDGE]))  # the guide's server has it
        (system.root / "usr/local/sbin/aoeinit").symlink_to("/opt/aoeinit/bin/aoeinit")
        followed = system.run("bash", "-exc", commands())
        assert "active\nactive\nactive\n" in followed
        hardware = Hardware(NIC, accelerator=bench.accelerator)
        with machine(net, hardware, NetworkBoot(), bench.log) as client:
            client.run_to_end(SYSTEM_SECONDS)
    report = read_report(client.lines)
    assert report.one("token") == token
    assert (report.state["target"], report.state["mac"]) == ("e11.0", NIC.mac)
