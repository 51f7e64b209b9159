"""A fleet boots a client: Kea names a script, which loads kernel and image by HTTP for its MAC."""

import secrets
import shutil
from contextlib import ExitStack
from pathlib import Path

from aoeinit.cli.server_boot import render
from aoeinit.server.fleet import read_fleet
from aoeinit.server.ipxe import ipxe
from aoeinit.system.beside import serving
from aoeinit.system.namespace import neighbour, network
from aoeinit.system.qemu import machine
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import CONSOLE, Hardware, NetworkBoot, Nic
from aoeinit.trial.layout import BRIDGE
from tests.lab.bench import SYSTEM_SECONDS, Bench
from tests.lab.container import Container, container
from tests.lab.kernels import debian_kernel
from tests.lab.programs import run
from tests.lab.report import read_report
from tests.lab.server_system import UNASKED, server_system

NIC = Nic("e1000", mac="52:54:00:11:00:02")
FLEET = f"""\
interface = "eth1"
server = "10.11.0.1/24"
range = "10.11.0.100-10.11.0.199"
script = "http://10.11.0.1/boot.ipxe"
kernel = "http://10.11.0.1/vmlinuz"
image = "http://10.11.0.1/initrd.img"
parameters = "{CONSOLE} root=/dev/etherd/{{target}}p1"

[[client]]
name = "hyperion"
mac = "52:54:00:11:00:01"
target = "e11.0"
device = "/srv/hyperion"

[[client]]
name = "rhea"
mac = "{NIC.mac}"
target = "e11.1"
device = "/srv/rhea"
"""
WEB = ["python3", "-u", "-m", "http.server", "--bind", "10.11.0.1", "--directory", "/srv", "80"]
KEA = ["sh", "-c", "mkdir -p /run/kea /var/lib/kea && exec kea-dhcp4 -c /srv/kea"]


def start(stack: ExitStack, system: Container, folder: Path) -> None:
    system.run("ip", "address", "add", "10.11.0.1/24", "dev", "eth1")
    stack.enter_context(serving(system.inside(KEA), folder / "kea.log", "DHCP4_STARTED"))
    stack.enter_context(serving(system.inside(WEB), folder / "web.log", "Serving HTTP"))


def test_a_client_is_known_by_its_mac_and_loads_its_kernel(bench: Bench) -> None:
    token = secrets.token_hex(8)
    other, disk = bench.tiny_disk(secrets.token_hex(8)), bench.tiny_disk(token)
    fleet = read_fleet(FLEET, "fleet.toml")
    web = bench.folder / "web"
    web.mkdir()
    (web / "kea").write_text(render("kea", fleet.lan, fleet.clients)[1])
    (web / "boot.ipxe").write_text(ipxe(fleet.clients, fleet.loading))
    shutil.copy(debian_kernel("bookworm").vmlinuz, web / "vmlinuz")
    shutil.copy(bench.build("--nic", "e1000"), web / "initrd.img")
    with (
        network() as net,
        vblade(net, other.path),
        vblade(net, disk.path, slot=1),
        neighbour(net, "eth1") as card,
        container(card, server_system(), bench.folder, {"/srv": web}, UNASKED) as system,
        ExitStack() as stack,
    ):
        run(net.inside(["ip", "address", "flush", "dev", BRIDGE]))  # the server has it
        start(stack, system, bench.folder)
        hardware = Hardware(NIC, accelerator=bench.accelerator)
        with machine(net, hardware, NetworkBoot(), bench.log) as client:
            client.run_to_end(SYSTEM_SECONDS)
    report = read_report(client.lines)
    assert report.one("token") == token
    assert report.one("parameters").endswith(f"rd.aoe=e11.1 {CONSOLE} root=/dev/etherd/e11.1p1")
    assert (report.state["target"], report.state["mac"]) == ("e11.1", NIC.mac)
