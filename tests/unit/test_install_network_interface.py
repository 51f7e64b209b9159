"""The interface under the root: its name, its MAC, and how it is found among others."""

import pytest

from aoeinit.errors import ConfigError
from aoeinit.install.network.interface import BootInterface, choose, require_card_name
from tests.unit.network_samples import MAC


@pytest.mark.parametrize(
    ("name", "mac"),
    [
        ("", MAC),
        ("a b", MAC),
        ("enp1s0\nauto lo", MAC),
        ("../etc", MAC),
        ("-x", MAC),
        ("sixteen-letters-", MAC),
        ("enp1s0", ""),
        ("enp1s0", "52:54:00:11:00"),
        ("enp1s0", "01:00:5e:00:00:01"),
        ("enp1s0", "00:00:00:00:00:00"),
        ("enp1s0", "52:54:00:11:00:0g"),
    ],
)
def test_names_and_macs_that_no_interface_has_are_refused(name: str, mac: str) -> None:
    with pytest.raises(ConfigError):
        BootInterface.checked(name, mac)


def test_a_mac_may_be_written_in_capitals_and_with_hyphens() -> None:
    assert BootInterface.checked("enp1s0", "52-54-00-AA-BB-0C").mac == "52:54:00:aa:bb:0c"


@pytest.mark.parametrize(
    "name", ["enp1s0", "eth0", "end0", "enP2p1s0f1np1", "lan-0", "wan", "uplink", "bridge", "long"]
)
def test_cards_may_have_any_other_name(name: str) -> None:
    require_card_name(name)


FIRST, SECOND = ("enp1s0", MAC), ("enp2s0", "52:54:00:11:00:02")


@pytest.mark.parametrize(
    ("known", "name", "mac", "serving", "found"),
    [
        ([FIRST], None, None, [], FIRST),
        ([FIRST, SECOND], None, None, ["enp2s0"], SECOND),
        ([FIRST, SECOND], None, None, [MAC], FIRST),
        ([FIRST, SECOND], "enp2s0", None, ["enp1s0"], SECOND),
        ([FIRST, SECOND], None, "52-54-00-11-00-02", [], SECOND),
        ([FIRST], None, None, ["br0"], FIRST),
    ],
)
def test_the_interface_of_this_machine_is_found(
    known: list[tuple[str, str]],
    name: str | None,
    mac: str | None,
    serving: list[str],
    found: tuple[str, str],
) -> None:
    assert choose(known, name=name, mac=mac, serving=serving) == found


@pytest.mark.parametrize(
    ("known", "name", "serving", "message"),
    [
        ([FIRST, SECOND], None, [], r"which interface .* enp1s0 \(.*\), enp2s0"),
        ([FIRST, SECOND], None, ["enp1s0", "enp2s0"], "which interface"),
        ([FIRST], "wlan0", [], "no interface wlan0, only these: enp1s0"),
        ([], None, [], "no interface an Ethernet card, only these: none"),
    ],
)
def test_an_interface_that_is_not_sure_is_asked_for(
    known: list[tuple[str, str]], name: str | None, serving: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        choose(known, name=name, mac=None, serving=serving)
