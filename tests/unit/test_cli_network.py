"""aoeinit network: the interfaces that it takes, what it says, and that it undoes all."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from aoeinit.cli.network import network, require_card
from aoeinit.errors import ConfigError
from tests.unit.network_samples import LINK, MAC, make_debian
from tests.unit.tree_samples import put, tree


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    return make_debian(tmp_path)


def call(sysroot: Path, *words: str) -> str:
    done = CliRunner().invoke(
        network, ["--sysroot", str(sysroot), *words], catch_exceptions=False, standalone_mode=False
    )
    assert done.return_value == 0, done.output
    return done.output


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("lo", "the loopback"),
        ("eth0.5", "a virtual LAN"),
        ("vlan5", "a virtual LAN"),
        ("br0", "a bridge"),
        ("br-lan", "a bridge"),
        ("virbr0", "a bridge"),
        ("bond0", "made of several cards"),
        ("veth0a1b", "made by software"),
        ("wlp2s0", "wireless"),
        ("wlan0", "wireless"),
    ],
)
def test_what_is_no_ethernet_card_is_known_by_its_name(name: str, what: str, debian: Path) -> None:
    with pytest.raises(ConfigError, match=f"{name} is {what}, and no Ethernet card"):
        call(debian, "--interface", name, "--mac", MAC)


def test_what_is_made_of_cards_is_none_of_this_machine(tmp_path: Path) -> None:
    for path, text in (
        ("class/net/home/uevent", "DEVTYPE=vlan\nINTERFACE=home\n"),
        ("class/net/guests/uevent", "DEVTYPE=bridge\nINTERFACE=guests\n"),
        ("class/net/guests/lower_enp1s0/x", ""),
        ("class/net/home/lower_enp2s0/x", ""),
        ("class/net/lo/uevent", "INTERFACE=lo\n"),
        ("class/net/enp1s0/uevent", "INTERFACE=enp1s0\n"),
        ("class/net/enp1s0/type", "1\n"),
        ("class/net/enp1s0/address", f"{MAC}\n"),
        ("class/net/enp1s0/device/x", ""),
    ):
        put(tmp_path, path, text)
    for name in ("enp1s0", "of-another-one"):
        require_card(name, tmp_path)
    for name, what, way_out in (
        ("home", "home is no Ethernet card but a vlan", "enp2s0; boot with rd.aoe.vlan="),
        ("guests", "guests is no Ethernet card but a bridge", "the card below it: enp1s0"),
        ("lo", "lo is no Ethernet card", "name an Ethernet card"),
    ):
        with pytest.raises(ConfigError, match=f"^{what}$") as refused:
            require_card(name, tmp_path)
        assert way_out in f"{refused.value.hint}"


def test_a_warning_is_no_failure_but_what_costs_the_root_is_one(debian: Path) -> None:
    words = ["--sysroot", str(debian), "--interface", "enp1s0", "--mac", MAC]
    put(debian, "etc/network/interfaces.d/local", "iface enp1s0 inet dhcp\n  mtu 9000\n")
    warned = CliRunner().invoke(network, words, standalone_mode=False)
    assert warned.return_value == 0
    assert "aoeinit: warning: /etc/network/interfaces.d/local:2: the MTU" in warned.output
    put(debian, "etc/network/interfaces.d/local", "iface br0 inet dhcp\n  bridge_ports enp1s0\n")
    for more in (["--dry-run"], []):
        failed = CliRunner().invoke(network, [*words, *more], standalone_mode=False)
        assert failed.return_value == 1
        assert (
            "aoeinit: error: /etc/network/interfaces.d/local:2: enp1s0 becomes part of br0" in failed.output
        )
    assert (debian / LINK).is_file()


def test_the_command_remembers_the_interface_and_undoes_all(debian: Path) -> None:
    before = tree(debian)
    assert "would write /etc/systemd/network/00-aoeinit.link" in call(
        debian, "--dry-run", "--interface", "enp1s0", "--mac", MAC
    )
    assert tree(debian) == before
    call(debian, "--interface", "enp1s0", "--mac", MAC)
    assert call(debian) == "nothing to change: all is settled\n"
    told = json.loads(call(debian, "--undo", "--json"))
    assert {each["what"] for each in told["changes"]} == {"remove"}
    assert tree(debian) == before
    assert call(debian, "--undo") == "nothing to change: nothing to undo\n"
    assert told["changed"] is True
    assert json.loads(call(debian, "--undo", "--json"))["changed"] is False


def test_another_system_has_to_be_told_its_interface(debian: Path) -> None:
    with pytest.raises(ConfigError, match="does not tell the interface"):
        call(debian, "--interface", "enp1s0")
