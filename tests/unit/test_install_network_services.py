"""What network services' own files say that would cost the root: told by file and line, or set aside."""

from pathlib import Path
from typing import NoReturn

import pytest

from aoeinit.errors import AoeinitError
from aoeinit.install.network.interface import BootInterface
from aoeinit.install.network.plan import plan_network
from aoeinit.install.record import ChangePlan
from tests.unit.network_samples import BOOT, INTERFACES, MAC
from tests.unit.tree_samples import put

NETWORK = "etc/systemd/network/20-wired.network"
LINK = "etc/systemd/network/10-lan.link"
PROFILE = "etc/NetworkManager/system-connections/wired.nmconnection"
PLAN = "etc/netplan/50-cloud-init.yaml"
RULES = "etc/udev/rules.d/70-persistent-net.rules"
IFCFG = "etc/sysconfig/network-scripts/ifcfg"


@pytest.fixture
def system(tmp_path: Path) -> Path:
    (tmp_path / "usr/lib/udev/rules.d").mkdir(parents=True)
    for path in ("usr/sbin/ifup", "usr/sbin/NetworkManager", INTERFACES):
        put(tmp_path, path)
    return tmp_path


def planned(system: Path, path: str, text: str, boot: BootInterface = BOOT) -> ChangePlan:
    put(system, path, text)
    return plan_network(system, boot)


def places(plan: ChangePlan) -> list[str]:
    """Where the warnings point to."""
    return [warning.split(": ")[0].lstrip("/") for warning in plan.warnings]


HARMLESS = {
    "networkd": (NETWORK, "[Match]\nName=en*\n\n[Network]\nDHCP=yes\n\n[Link]\nRequiredForOnline=no\n"),
    "networkd's master of another card": (NETWORK, "[Match]\nName=enp2s0\n\n[Network]\nBridge=br0\n"),
    "networkd, all but this card": (NETWORK, "[Match]\nName=!enp1s0\n\n[Network]\nBridge=br0\n"),
    "networkd, kinds of virtual links": (NETWORK, "[Match]\nKind=veth\n\n[Network]\nBridge=br0\n"),
    "networkd, another MAC": (NETWORK, "[Match]\nMACAddress=52:54:00:11:00:09\n[Network]\nBond=b\n"),
    "networkd, no match at all": (NETWORK, "[Network]\nBridge=br0\n"),
    "networkd, the MTU it has": (NETWORK, "[Match]\nName=enp1s0\n[Link]\nMTUBytes=1500\n"),
    "NetworkManager": (
        PROFILE,
        (
            "[connection]\nid=Wired\ntype=ethernet\ninterface-name=enp1s0\n\n[ethernet]\nmtu=auto\n\n"
            "[ipv4]\nmethod=auto\n"
        ),
    ),
    "NetworkManager, another card in a bridge": (
        PROFILE,
        "[connection]\ntype=ethernet\ninterface-name=enp2s0\nmaster=br0\nslave-type=bridge\n",
    ),
    "NetworkManager, Wi-Fi": (PROFILE, "[connection]\ntype=wifi\n\n[wifi]\ncloned-mac-address=random\n"),
    "ifupdown": (
        INTERFACES,
        (
            "auto lo enp1s0\niface lo inet loopback\n\niface enp1s0 inet static\n\taddress 10.0.0.2/24\n"
            f"\tgateway 10.0.0.1\n\thwaddress ether {MAC}\n\tmtu 1500\n"
            "\tup ip route add 10.1.0.0/16 dev enp1s0\n"
        ),
    ),
    "ifupdown, a bridge without a card": (INTERFACES, "iface br0 inet static\n\tbridge_ports none\n"),
    "ifupdown, comments": (INTERFACES, "iface br0 inet static\n#bridge_ports enp1s0\n# rename enp1s0=x\n"),
    "ifupdown, another card's names": (
        INTERFACES,
        (
            "auto eth9=home\nmapping eth9\n\tmap 02:00:00:00:00:01 home\nmapping enp1s0\n\tmap x work\n"
            "auto lo\niface home inet dhcp\n\tmtu 9000\n"
        ),
    ),
    "ifupdown, what runs at ifdown": (
        INTERFACES,
        "iface enp1s0 inet dhcp\n\tdown ip link set dev enp1s0 down\n",
    ),
    "netplan": (
        PLAN,
        (
            "network:\n  version: 2\n  ethernets:\n    enp1s0:\n      dhcp4: true\n      match:\n"
            f'        macaddress: "{MAC}"\n      set-name: "enp1s0"\n'
        ),
    ),
    "netplan, flow style": (
        PLAN,
        (
            "network: {version: 2, ethernets: {enp1s0: {dhcp4: yes, mtu: }, enp2s0: {mtu: 9000}}}\n"
            "# {comment\n"
        ),
    ),
    "netplan, a bridge of another card": (
        PLAN,
        "network:\n  bridges:\n    br0:\n      interfaces: [enp2s0]\n      macaddress: 52:54:00:11:00:0a\n",
    ),
    "udev's generator": (
        RULES,
        f'SUBSYSTEM=="net", ACTION=="add", ATTR{{address}}=="{MAC}", NAME="enp1s0"\n',
    ),
    "udev, another card": (RULES, 'SUBSYSTEM=="net", ATTR{address}=="52:54:00:11:00:09", NAME="lan0"\n'),
    "a .link file without surprises": (
        LINK,
        f"[Match]\nMACAddress={MAC}\n\n[Link]\nName=enp1s0\nMACAddressPolicy=none\n",
    ),
    "a .link file of another": (LINK, "[Match]\nMACAddress=52:54:00:11:00:09\n\n[Link]\nName=lan0\n"),
    "Fedora's ifcfg": (
        f"{IFCFG}-enp1s0",
        f'TYPE=Ethernet\nBOOTPROTO=none\nDEVICE="enp1s0"\nHWADDR={MAC}\nONBOOT=yes\nIPADDR=10.0.0.2\n',
    ),
    "SUSE's ifcfg": ("etc/sysconfig/network/ifcfg-enp1s0", "BOOTPROTO='dhcp'\nSTARTMODE='nfsroot'\n"),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_what_does_no_harm_is_not_told(system: Path, case: str) -> None:
    assert planned(system, *HARMLESS[case]).warnings == ()


HARMFUL = {
    "networkd: bridge": (NETWORK, "[Match]\nName=en*\n\n[Network]\nBridge=br0\n", 5, "the bridge br0"),
    "networkd: bond": (NETWORK, "[Match]\nType=ether\n\n[Network]\nBond=bond0\n", 5, "the bond bond0"),
    "networkd: perhaps": (NETWORK, "[Match]\nDriver=e1000e\n\n[Network]\nBridge=br0\n", 5, "the bridge br0"),
    "networkd: no kind": (NETWORK, "[Match]\nKind=!*\nName=en*\n[Network]\nBridge=br0\n", 5, "bridge br0"),
    "networkd: MTU": (NETWORK, "[Match]\nName=enp1s0\n[Link]\nMTUBytes=9000\n", 4, "rd.aoe.mtu=9000"),
    "networkd: MAC": (
        NETWORK,
        f"[Match]\nMACAddress=52-54-00-11-00-09 {MAC.upper()}\n[Link]\nMACAddress=52:54:00:00:00:09\n",
        4,
        "a drop-in of aoeinit sets it aside",
    ),
    "networkd: down": (NETWORK, "[Match]\nName=enp1s0\n[Link]\nActivationPolicy=manual\n", 4, "down"),
    "NetworkManager: bridge": (
        PROFILE,
        "[connection]\ntype=ethernet\ninterface-name=enp1s0\ncontroller=br0\nport-type=bridge\n",
        4,
        "the bridge br0",
    ),
    "NetworkManager: team, as older ones write it": (
        PROFILE,
        f"[connection]\ntype=802-3-ethernet\nmaster=team0\nslave-type=team\n[802-3-ethernet]\nmac-address={MAC}\n",
        3,
        "the team team0",
    ),
    "NetworkManager: MAC": (
        PROFILE,
        "[connection]\ntype=ethernet\n[ethernet]\ncloned-mac-address=stable\n",
        4,
        "becomes stable",
    ),
    "NetworkManager: MTU": (PROFILE, "[connection]\ntype=ethernet\n[ethernet]\nmtu=9000\n", 4, "9000"),
    "NetworkManager: down": (PROFILE, "[connection]\ntype=ethernet\ndown-on-poweroff=1\n", 3, "takes enp1s0"),
    "ifupdown: bridge": (
        INTERFACES,
        "auto br0\niface br0 inet dhcp\n    bridge_ports eth9 enp1s0\n    bridge_stp off\n",
        3,
        "part of br0",
    ),
    "ifupdown: bridge of all": (INTERFACES, "iface br0 inet dhcp\n\tbridge-ports all\n", 2, "part of br0"),
    "ifupdown: bond": (
        INTERFACES,
        "iface bond0 inet dhcp\n\tbond-slaves enp1s0 enp2s0\n",
        2,
        "part of bond0",
    ),
    "ifupdown: bond's part": (INTERFACES, "iface enp1s0 inet manual\n\tbond-master bond0\n", 2, "bond0"),
    "ifupdown: MAC": (INTERFACES, "iface enp1s0 inet dhcp\n\thwaddress ether 02:00:00:00:00:01\n", 2, "MAC"),
    "ifupdown: MTU": (INTERFACES, "iface enp1s0 inet dhcp\n\tmtu 9000\n", 2, "rd.aoe.mtu=9000"),
    "ifupdown: down": (INTERFACES, "iface enp1s0 inet dhcp\n\tpre-up ip link set $IFACE down\n", 2, "down"),
    "ifupdown: tabs": (INTERFACES, "iface\tbr0\tinet\tdhcp\n\tbridge_ports\tenp1s0\n", 2, "part of br0"),
    "ifupdown: a line that goes on": (
        INTERFACES,
        "# bridge \\\niface br0 inet dhcp\n  bridge_ports eth9 \\\n    enp1s0\n",
        3,
        "part of br0",
    ),
    "ifupdown: another name": (
        INTERFACES,
        "auto enp1s0=home\niface home inet dhcp\n\tmtu 9000\n",
        3,
        "the MTU of enp1s0 becomes 9000",
    ),
    "ifupdown: mapping": (
        INTERFACES,
        "mapping eth9 en*\n\tscript /bin/here\n\tmap x home\niface home inet dhcp\n\tmtu 9000\n",
        5,
        "the MTU of enp1s0 becomes 9000",
    ),
    "ifupdown: mapping by a script": (
        INTERFACES,
        "mapping eth9\n\tscript /bin/here\n\nmapping enp1s0\n\tscript /bin/here\nauto enp1s0\n",
        4,
        "its script chooses what enp1s0 gets",
    ),
    "ifupdown: rename": (INTERFACES, "rename enp1s0=lan0\n", 1, "another name"),
    "ifupdown: rename by a pattern": (INTERFACES, "rename eth9=x /en*/=lan0\n", 1, "another name"),
    "ifupdown: rename by MAC": (INTERFACES, f"rename mac/{MAC.upper()}=lan0\n", 1, "another name"),
    "netplan: bridge": (
        PLAN,
        "network:\n  version: 2\n  bridges:\n    br0:\n      dhcp4: true\n      interfaces: [ens9, enp1s0]\n",
        6,
        "part of br0",
    ),
    "netplan: bond, by a list and an id": (
        PLAN,
        (
            "network:\n    ethernets:\n        uplink:\n            match: # the card\n"
            f"                macaddress: {MAC}\n"
            "    bonds:\n        bond0:\n            interfaces:\n            - uplink\n            - other\n"
        ),
        9,
        "part of bond0",
    ),
    "netplan: bridge, by a pattern": (
        PLAN,
        (
            "network:\n  ethernets:\n    cards:\n      match:\n        name: 'en*'\n"
            "    others:\n      match:\n        name: 'en*'\n        macaddress: 52:54:00:11:00:09\n"
            "  bridges:\n    br1:\n      interfaces: [others]\n    br0:\n      interfaces: [cards]\n"
        ),
        14,
        "part of br0",
    ),
    "netplan: MAC": (
        PLAN,
        "network:\n  ethernets:\n    enp1s0:\n      macaddress: 02:00:00:00:00:01\n",
        4,
        "the MAC of enp1s0 becomes 02:00:00:00:00:01",
    ),
    "netplan: flow style": (
        PLAN,
        "network:\n  ethernets: {enp1s0: {dhcp4: true, mtu: 9000, nameservers: {addresses: [9.9.9.9]}}}\n",
        2,
        "rd.aoe.mtu=9000",
    ),
    "netplan: all in a line": (
        PLAN,
        (
            f"{{network: {{ethernets: {{id0: {{match: {{macaddress: '{MAC}'}}, dhcp4: true}}}}, "
            "bridges: {br0: {interfaces: [id0, x]}}}}\n"
        ),
        1,
        "part of br0",
    ),
    "netplan: match in flow style": (
        PLAN,
        f'network:\n  ethernets:\n    id0:\n      match: {{macaddress: "{MAC}"}}\n      mtu: 9000\n',
        5,
        "rd.aoe.mtu=9000",
    ),
    "netplan: flow style over lines": (
        PLAN,
        "network:\n  ethernets: {enp1s0: {dhcp4: true,\n    mtu: 9000}}\n",
        2,
        "this is not read here",
    ),
    "netplan: nonsense": (PLAN, f"network: {'[{' * 3000}\n", 1, "this is not read here"),
    "netplan: an alias": (
        PLAN,
        "network:\n  ethernets:\n    enp1s0: *all\n",
        3,
        "this is not read here; see that it leaves name, MAC and MTU of enp1s0 alone",
    ),
    "netplan: a merge": (PLAN, "network:\n  ethernets:\n    enp1s0:\n      <<: *all\n", 4, "not read here"),
    "netplan: MTU": (PLAN, "network:\n  ethernets:\n    enp1s0:\n      mtu: 9000\n", 4, "rd.aoe.mtu=9000"),
    "udev's generator": (
        RULES,
        (
            "# PCI device 0x8086:0x100e (e1000)\n"
            f'SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", \\\n  ATTR{{address}}=="{MAC}", NAME="eth0"\n'
        ),
        2,
        "enp1s0 becomes eth0",
    ),
    "udev: MTU": (RULES, f'ATTR{{address}}=="{MAC}", ATTR{{mtu}}="9000"\n', 1, "rd.aoe.mtu=9000"),
    ".link: wake on LAN": (
        LINK,
        f"[Match]\nPermanentMACAddress={MAC}\n\n[Link]\nName=enp1s0\nWakeOnLan=magic\n",
        6,
        "copy it to /etc/systemd/network/00-aoeinit.link.d/local.conf",
    ),
    ".link: name": (LINK, f"[Match]\nMACAddress={MAC}\n\n[Link]\nName=lan0\n", 5, "--interface lan0"),
    ".link: MTU of all": (LINK, "[Match]\nOriginalName=*\n\n[Link]\nMTUBytes=9000\n", 5, "rd.aoe.mtu=9000"),
    "ifcfg: bridge": (f"{IFCFG}-x", f'DEVICE=enp1s0\nHWADDR="{MAC}"\nBRIDGE=br0\n', 3, "part of br0"),
    "ifcfg: team": (f"{IFCFG}-enp1s0", "TEAM_MASTER='team0'\n", 1, "part of team0"),
    "ifcfg: MAC": (f"{IFCFG}-enp1s0", "MACADDR=02:00:00:00:00:01\n", 1, "the MAC of enp1s0"),
    "ifcfg: MTU": (f"{IFCFG}-enp1s0", 'MTU="9000"\n', 1, "rd.aoe.mtu=9000"),
    "SUSE: bridge": (
        "etc/sysconfig/network/ifcfg-br0",
        "BRIDGE='yes'\nBRIDGE_PORTS='enp1s0 eth9'\n",
        2,
        "part of br0",
    ),
}


@pytest.mark.parametrize("case", HARMFUL)
def test_what_would_cost_the_root_is_told_by_line(system: Path, case: str) -> None:
    path, text, line, words = HARMFUL[case]
    plan = planned(system, path, text)
    assert places(plan) == [f"{path}:{line}"]
    assert words in plan.warnings[0]


def test_a_file_that_suse_takes_down_with_the_system_is_told(system: Path) -> None:
    path = "etc/sysconfig/network/ifcfg-enp1s0"
    assert planned(system, path, "BOOTPROTO='dhcp'\nSTARTMODE='auto'\n").warnings == (
        f"/{path}: the interface goes down at a shutdown; set STARTMODE='nfsroot' in it",
    )


def test_an_mtu_that_the_agent_sets_too_is_no_harm(system: Path) -> None:
    text = "iface enp1s0 inet dhcp\n\tmtu 9000\n"
    assert planned(system, INTERFACES, text, BootInterface("enp1s0", MAC, 9000)).warnings == ()


def test_sourced_files_of_ifupdown_are_read(system: Path) -> None:
    put(system, "etc/network/interfaces.d/lan", "iface br0 inet dhcp\n\tbridge_ports enp1s0\n")
    assert plan_network(system, BOOT).warnings == ()
    plan = planned(system, INTERFACES, "source /etc/network/interfaces.d/*\n")
    assert places(plan) == ["etc/network/interfaces.d/lan:2"]


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("source /etc/network/lan", "etc/network/lan"),
        ("source lan.d/*.cfg", "etc/network/lan.d/br0.cfg"),
        ("source-directory /srv/lan", "srv/lan/br0"),
    ],
)
def test_ifupdowns_files_may_be_anywhere_and_take_in_others(system: Path, line: str, path: str) -> None:
    put(system, "etc/network/first", f"source first\n{line}\n")
    put(system, path, "iface br0 inet dhcp\n\tbridge_ports enp1s0\n")
    assert places(planned(system, INTERFACES, "source first\n")) == [f"{path}:2"]


def test_only_the_first_network_file_of_an_interface_counts(system: Path) -> None:
    put(system, "etc/systemd/network/30-later.network", "[Match]\nName=enp1s0\n[Network]\nBridge=br0\n")
    assert planned(system, NETWORK, "[Match]\nName=enp1s0\n[Network]\nDHCP=yes\n").warnings == ()


def test_a_file_in_etc_hides_that_of_the_vendor(system: Path) -> None:
    put(system, f"usr/lib/systemd/network/{Path(NETWORK).name}", "[Match]\nName=e*\n[Network]\nBridge=br0\n")
    assert places(plan_network(system, BOOT)) == [f"usr/lib/systemd/network/{Path(NETWORK).name}:4"]
    (system / NETWORK).parent.mkdir(parents=True, exist_ok=True)
    (system / NETWORK).symlink_to("/dev/null")
    assert plan_network(system, BOOT).warnings == ()


def test_drop_ins_of_a_network_file_are_read(system: Path) -> None:
    put(system, f"{NETWORK}.d/10-bridge.conf", "[Network]\nBridge=br0\n")
    plan = planned(system, NETWORK, "[Match]\nName=enp1s0\n[Network]\nDHCP=yes\n")
    assert places(plan) == [f"{NETWORK}.d/10-bridge.conf:2"]


def test_a_drop_in_sets_aside_what_takes_nothing_away(system: Path) -> None:
    text = (
        "[Match]\nName=enp1s0\n\n[Link]\nActivationPolicy=always-down\nMACAddress=02:00:00:00:00:01\n\n"
        "[Network]\nBindCarrier=enp2s0\n"
    )
    found = {each.path: each.after for each in planned(system, NETWORK, text).changes}
    after = found[f"{NETWORK}.d/zz-aoeinit.conf"]
    assert after
    assert after.content.decode().partition("\n")[2] == (
        "[Link]\nActivationPolicy=up\nMACAddress=\n[Network]\nBindCarrier=\n"
    )


def test_a_link_file_that_comes_before_ours_is_told(system: Path) -> None:
    path = "etc/systemd/network/00-a.link"
    plan = planned(system, path, f"[Match]\nMACAddress={MAC}\n[Link]\nName=lan0\n")
    assert plan.warnings == (
        (
            f"/{path} comes before /etc/systemd/network/00-aoeinit.link and counts in its place; "
            "rename it, so that it comes later"
        ),
    )


def test_a_service_that_is_not_known_is_told(system: Path) -> None:
    folder = system / "etc/systemd/system/multi-user.target.wants"
    folder.mkdir(parents=True)
    (folder / "connman.service").symlink_to("/usr/lib/systemd/system/connman.service")
    (warning,) = plan_network(system, BOOT).warnings
    assert warning.startswith("connman.service is enabled, and not known here")


@pytest.mark.parametrize("path", [NETWORK, LINK, PROFILE, INTERFACES, PLAN, RULES, f"{IFCFG}-enp1s0"])
def test_rubbish_is_nobodys_setting(system: Path, path: str) -> None:
    (system / path).parent.mkdir(parents=True, exist_ok=True)
    (system / path).write_bytes(
        b"\x00\xff[\n=\n[]\n]\nName=\nOriginalName=\niface\nrename\n- x\n:" + bytes(range(256))
    )
    assert plan_network(system, BOOT).warnings == ()


def test_a_folder_that_may_not_be_read_is_an_error(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_folder: Path) -> NoReturn:
        raise PermissionError(13, "Permission denied")

    put(system, PROFILE)
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(AoeinitError, match=r"cannot read .*: Permission denied"):
        plan_network(system, BOOT)
