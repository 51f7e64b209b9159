"""What ``aoeinit server dhcp`` prints, taken by each server's own checker, and what each then offers."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from aoeinit.cli.server_boot import FORMATS, render
from aoeinit.server.fleet import Fleet, read_fleet
from aoeinit.system.beside import serving
from aoeinit.system.namespace import Network, neighbour, network
from tests.lab.container import Container, container
from tests.lab.image import TOP
from tests.lab.programs import run
from tests.lab.server_system import UNASKED, server_system

HYPERION, RHEA, STRANGER = (f"52:54:00:11:00:{number:02x}" for number in (1, 2, 99))
URL = "http://10.11.0.1/boot.ipxe"
BIOS, EFI = 0, 7
FLEET = f"""\
interface = "eth1"
server = "10.11.0.1/24"
range = "10.11.0.100-10.11.0.199"
router = "10.11.0.254"
MORE

[[client]]
name = "hyperion"
mac = "{HYPERION}"
target = "e11.0"
device = "/dev/vg/hyperion"
address = "10.11.0.50"
"""
RHEAS = f"""
[[client]]
name = "rhea"
mac = "{RHEA}"
target = "e12.3"
device = "/dev/vg/rhea"
"""
CHECKS = {
    "dnsmasq": ["dnsmasq", "--test", "--conf-file=/settings/dnsmasq"],
    "dhcpd": ["dhcpd", "-4", "-t", "-cf", "/settings/dhcpd"],
    "kea": ["kea-dhcp4", "-t", "/settings/kea"],
}
SERVERS = {
    "dnsmasq": (
        ["dnsmasq", "--keep-in-foreground", "--log-facility=-", "--port=0", "--conf-file=/settings/dnsmasq"],
        "DHCP, IP range",
    ),
    "dhcpd": (
        ["dhcpd", "-4", "-f", "-cf", "/settings/dhcpd.conf", "-lf", "/run/leases", "eth1"],
        "fallback-net",
    ),
    "kea": (["kea-dhcp4", "-c", "/settings/kea.conf"], "DHCP4_STARTED"),
}
INCLUDES = {"dhcpd": 'include "/settings/dhcpd";\n', "kea": '<?include "/settings/kea"?>\n'}
"""How the file of a service of the distribution's takes it in."""
DISABLED = (*UNASKED, "dnsmasq.service")


def fleet(more: str = "", clients: str = RHEAS) -> Fleet:
    return read_fleet(FLEET.replace("MORE", more) + clients, "fleet.toml")


@contextmanager
def server_machine(settings: Path) -> Iterator[tuple[Network, Container]]:
    """A server on a bridge, without an address, and a client beside it."""
    with (
        TemporaryDirectory() as folder,
        network(taps=0) as net,
        neighbour(net, "eth1") as server,
        neighbour(net, "eth0") as client,
        container(server, server_system(), Path(folder), {"/settings": settings}, DISABLED) as system,
    ):
        run(client.inside(["ip", "address", "add", "10.11.0.9/24", "dev", "eth0"]))
        yield client, system


@contextmanager
def offering(kind: str, made: Fleet) -> Iterator[Network]:
    """Let a server read what is written for it; gives the client's side."""
    with TemporaryDirectory() as folder:
        settings = Path(folder)
        path, text = render(kind, made.lan, made.clients)
        (settings / kind).write_text(text)
        (settings / f"{kind}.conf").write_text(INCLUDES.get(kind, ""))
        settings.chmod(0o755)
        with server_machine(settings) as (client, system), ExitStack() as stack:
            if kind == "networkd":
                start_networkd(system, path, text)
            else:
                system.run("ip", "address", "add", "10.11.0.1/24", "dev", "eth1")
                system.run("mkdir", "-p", "/run/kea", "/var/lib/kea")
                (system.root / "run/leases").touch()
                system.run(*CHECKS[kind])
                command, ready = SERVERS[kind]
                stack.enter_context(serving(system.inside(command), settings / "log", ready))
            yield client


def start_networkd(system: Container, path: str, text: str) -> None:
    """It has no checker, but tells its log of every line that it does not know or cannot use."""
    (system.root / path).write_text(text)
    system.run("systemctl", "start", "systemd-networkd")
    said = system.run(
        "journalctl", "--unit=systemd-networkd", "--priority=warning", "--output=cat", "--no-pager"
    )
    assert "aoeinit.network" not in said
    assert "eth1" not in said


def ask(client: Network, mac: str, kind: int = BIOS, user_class: str = "iPXE") -> dict[str, str]:
    command = [
        "env",
        f"PYTHONPATH={TOP}",
        sys.executable,
        "-m",
        "tests.lab.dhcp",
        "eth0",
        mac,
        str(kind),
        user_class,
    ]
    told: dict[str, str] = json.loads(run(client.inside(command)))
    return told


@pytest.mark.parametrize("kind", ["dnsmasq", "dhcpd", "kea"])
def test_each_client_is_offered_its_target(kind: str) -> None:
    with offering(kind, fleet()) as client:
        hyperion, rhea, stranger = (ask(client, mac) for mac in (HYPERION, RHEA, STRANGER))
    assert (hyperion["address"], hyperion["root-path"]) == ("10.11.0.50", "aoe:e11.0")
    assert (hyperion["file"], hyperion["router"]) == ("", "10.11.0.254")
    assert (rhea["root-path"], rhea["name"] or "rhea") == ("aoe:e12.3", "rhea")
    assert rhea["address"].startswith("10.11.0.1")
    assert stranger["root-path"] == ""


@pytest.mark.parametrize("kind", ["dnsmasq", "dhcpd", "kea"])
def test_a_card_without_ipxe_is_offered_one(kind: str) -> None:
    with offering(kind, fleet(f'chainload = true\nscript = "{URL}"')) as client:
        offers = {
            "ipxe": ask(client, HYPERION, BIOS, "iPXE"),
            "bios": ask(client, HYPERION, BIOS, ""),
            "efi": ask(client, HYPERION, EFI, ""),
            "efi ipxe": ask(client, HYPERION, EFI, "iPXE"),
            "stranger": ask(client, STRANGER, BIOS, ""),
        }
    files = {name: offer["file"] for name, offer in offers.items()}
    assert files == {"ipxe": URL, "bios": "undionly.kpxe", "efi": "ipxe.efi", "efi ipxe": URL, "stranger": ""}
    assert offers["bios"]["next-server"] == "10.11.0.1"
    assert offers["ipxe"]["root-path"] == "aoe:e11.0"


def test_networkd_offers_one_target() -> None:
    with offering("networkd", fleet(clients="")) as client:
        offer = ask(client, HYPERION)
    assert (offer["address"], offer["root-path"]) == ("10.11.0.50", "aoe:e11.0")
    assert (offer["file"], offer["router"]) == ("", "10.11.0.254")


def test_networkd_offers_a_script_for_many() -> None:
    with offering("networkd", fleet(f'script = "{URL}"')) as client:
        offer = ask(client, RHEA)
    assert (offer["file"], offer["root-path"]) == (URL, "")


def test_no_server_is_left_out() -> None:
    assert set(FORMATS) == {*SERVERS, "networkd"}
