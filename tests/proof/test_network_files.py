"""What ``aoeinit network`` writes, read by udev, ifupdown and NetworkManager of two Debian releases."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from aoeinit.install.network.interface import BootInterface
from aoeinit.install.network.plan import plan_network
from aoeinit.system.changes import apply
from tests.lab.cache import cache_folder
from tests.lab.programs import run
from tests.lab.system import bare_system

SUITES = ("bookworm", "trixie")
PACKAGES = ("systemd", "udev", "ifupdown", "network-manager", "iproute2")
BOOT = BootInterface("enp1s0", "52:54:00:11:00:01")
INTERFACES = """\
source /etc/network/interfaces.d/*

auto enp1s0 enp2s0
iface enp1s0 inet static
	address 10.11.0.50/24
iface enp2s0 inet static
	address 10.12.0.50/24
"""
# In a network namespace of its own: the target's card, another, and a bridge with the MAC of the first.
INSIDE = f"""\
mount -t proc proc "$0/proc"
mount -t sysfs sysfs "$0/sys"
mount -t tmpfs memory "$0/run"
mount --rbind /dev "$0/dev"
ip link add enp1s0 address {BOOT.mac} type veth peer name enp2s0
ip link add br0 address {BOOT.mac} type bridge
mkdir "$0/run/network"
printf 'enp1s0=enp1s0\\nenp2s0=enp2s0\\n' >"$0/run/network/ifstate"
exec chroot "$0" sh -c "$1" 2>&1
"""


@pytest.fixture(scope="module", params=SUITES)
def suite(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def bare(suite: str) -> Iterator[Path]:
    """A system whose interfaces ifupdown takes up and down."""
    with TemporaryDirectory(prefix=".network-", dir=cache_folder()) as folder:
        system = Path(folder) / "bare"
        run(["cp", "-a", "--reflink=auto", str(bare_system(suite, PACKAGES)), str(system)])
        (system / "etc/network/interfaces").write_text(INTERFACES)
        yield system


@pytest.fixture(scope="module")
def settled(bare: Path) -> Path:
    """The same after ``aoeinit network``."""
    system = bare.with_name("settled")
    run(["cp", "-a", "--reflink=auto", str(bare), str(system)])
    plan = plan_network(system, BOOT)
    assert plan.warnings == ()
    for change in plan.changes:
        apply(system, change)
    return system


def inside(system: Path, command: str) -> str:
    """Run a shell's command as root of the system, among the interfaces; what it said on either output."""
    return run(["unshare", "--net", "--mount", "--pid", "--fork", "sh", "-ec", INSIDE, str(system), command])


def link_file(system: Path, interface: str) -> str:
    return inside(system, f"udevadm test-builtin net_setup_link /sys/class/net/{interface}")


def test_udev_takes_our_link_file_for_the_card_alone(settled: Path) -> None:
    ours = "ID_NET_LINK_FILE=/etc/systemd/network/00-aoeinit.link"
    said = link_file(settled, "enp1s0")
    assert ours in said
    assert "ID_NET_NAME=enp1s0" in said
    assert not [line for line in said.splitlines() if "00-aoeinit.link:" in line]
    for other in ("enp2s0", "br0"):
        said = link_file(settled, other)
        assert "ID_NET_LINK_FILE=" in said
        assert ours not in said


def test_udev_understands_the_rules(settled: Path, suite: str) -> None:
    if suite == "trixie":  # systemd 252 has no such command
        assert "Fail:    0" in inside(settled, "udevadm verify /etc/udev/rules.d/61-aoeinit-etherd.rules")
    else:
        said = inside(settled, "udevadm test --action=add /sys/class/net/enp1s0")
        assert "Reading rules file: /etc/udev/rules.d/61-aoeinit-etherd.rules" in said
        assert not [line for line in said.splitlines() if "61-aoeinit-etherd.rules:" in line]


def taken_down(system: Path) -> set[str]:
    """The interfaces that ifupdown would take down with the system, as networking.service asks it to."""
    said = inside(system, "ifdown -a --read-environment --exclude=lo --no-act --force --verbose")
    downs = [line.split() for line in said.splitlines() if line.startswith("ip link set ")]
    return {word for words in downs for word in words if word.startswith("enp")}


def test_ifupdown_leaves_the_card_up(bare: Path, settled: Path) -> None:
    assert taken_down(bare) == {"enp1s0", "enp2s0"}
    assert taken_down(settled) == {"enp2s0"}


def test_ifupdown_still_knows_how_to_bring_the_card_up(bare: Path, settled: Path) -> None:
    query = "ifquery --list; ifquery enp1s0; ifup -a --no-act --force --exclude=lo"
    assert inside(settled, query) == inside(bare, query)


def test_network_manager_reads_our_section(settled: Path) -> None:
    said = inside(settled, "NetworkManager --print-config")
    section = (settled / "etc/NetworkManager/conf.d/zz-aoeinit.conf").read_text().partition("[")[2]
    assert f"\n[{section.strip()}\n" in said
