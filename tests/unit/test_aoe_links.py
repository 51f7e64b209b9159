from collections.abc import Sequence

import pytest

from aoeinit.aoe.links import ETHERNET, LOOPBACK, Link, choose_links
from aoeinit.errors import ConfigError
from aoeinit.system.links import read_links


def link(name: str, kind: int = ETHERNET, taken_by: str | None = None, **state: bool) -> Link:
    return Link(
        name, "06:00:00:00:00:01", 1500, kind, **{"up": True, "carrier": True, **state}, taken_by=taken_by
    )


LINKS = (
    link("lo", LOOPBACK),
    link("eth0"),
    link("eth0.5"),
    link("eth1", carrier=False),
    link("eth2", up=False, carrier=False),
    link("eth3", taken_by="br0"),
    link("tun0", 65534),
    link("br0"),
)


@pytest.mark.parametrize(
    ("names", "chosen", "warnings"),
    [
        ([], ["eth0", "eth0.5", "br0"], ()),
        (["eth0.5"], ["eth0.5"], ()),
        (["br0", "eth0", "br0"], ["br0", "eth0"], ()),
        (["eth0", "eth1"], ["eth0"], ("eth1 has no carrier: not asked there",)),
        (["eth2", "eth0"], ["eth0"], ("eth2 is down: not asked there",)),
    ],
)
def test_which_interfaces_are_asked_on(
    names: list[str], chosen: list[str], warnings: tuple[str, ...]
) -> None:
    links, told = choose_links(LINKS, names)
    assert ([each.name for each in links], told) == (chosen, warnings)


@pytest.mark.parametrize(
    ("links", "names", "message", "hint"),
    [
        (LINKS, ["eth9"], "no network interface 'eth9'", "eth0, eth0.5, eth1, eth2, br0"),
        (LINKS, ["lo"], "on lo: it is the loopback", "Ethernet"),
        (LINKS, ["eth0", "tun0"], "on tun0: it is no Ethernet", "Ethernet"),
        (LINKS, ["eth3"], "on eth3: it belongs to br0, which gets its frames", "name br0"),
        (LINKS, ["eth1"], "no interface to ask on: eth1 has no carrier", "cable"),
        (LINKS, ["eth2", "eth1"], "ask on: eth2 is down, eth1 has no carrier", "ip link set"),
        (LINKS[:1], [], "there is no Ethernet here", "cable"),
        (LINKS[4:5], [], "eth2 is down", "ip link set"),
    ],
)
def test_what_cannot_be_asked_on(links: Sequence[Link], names: list[str], message: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        choose_links(links, names)
    assert hint in str(caught.value.hint)


def test_this_machine_has_a_loopback() -> None:
    [loopback] = [each for each in read_links() if each.name == "lo"]
    assert (loopback.kind, loopback.mac, loopback.taken_by) == (LOOPBACK, "00:00:00:00:00:00", None)
