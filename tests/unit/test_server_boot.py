"""What clients are told: DHCP for four servers, and scripts for iPXE."""

import json
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from click.testing import CliRunner, Result

from aoeinit.aoe.target import Target
from aoeinit.cli.server import server
from aoeinit.cli.server_boot import FORMATS, render
from aoeinit.errors import ConfigError
from aoeinit.server.ipxe import Loading, ipxe
from aoeinit.server.lan import Client, check_address, checked, parse_name

ONE, TWO = "52:54:00:11:00:01", "52:54:00:11:00:02"
LAN = checked("br0", "10.11.0.1/24", "10.11.0.100-10.11.0.199")
HYPERION = Client("hyperion", (ONE,), Target(11, 0), IPv4Address("10.11.0.50"))
RHEA = Client("rhea", (TWO,), Target(12, 3))
URL = "http://10.11.0.1/boot.ipxe"


@pytest.mark.parametrize("kind", FORMATS)
def test_every_server_names_the_target(kind: str) -> None:
    text = render(kind, LAN, [HYPERION])[1]
    for each in ("aoe:e11.0", ONE, "10.11.0.50", "br0"):
        assert each in text or (kind, each) == ("dhcpd", "br0")  # dhcpd is told by its command line


@pytest.mark.parametrize("kind", ["dnsmasq", "dhcpd", "kea"])
def test_each_client_has_a_target_of_its_own(kind: str) -> None:
    text = render(kind, LAN, [HYPERION, RHEA])[1]
    assert text.count("aoe:e11.0") == text.count("aoe:e12.3") == 1


def test_networkd_has_one_answer_for_all() -> None:
    assert "SendOption=17:string:aoe:e11.0\n" in render("networkd", LAN, [HYPERION])[1]
    with pytest.raises(ConfigError, match="names one target to all, not 2"):
        render("networkd", LAN, [HYPERION, RHEA])
    told = render("networkd", replace(LAN, script=URL), [HYPERION, RHEA])[1]
    assert f"BootFilename={URL}\n" in told
    assert "SendOption" not in told
    with pytest.raises(ConfigError, match="cannot tell iPXE"):
        render("networkd", replace(LAN, chainload=True), [HYPERION])


def test_the_pool_of_networkd_is_counted_from_the_network() -> None:
    assert "PoolOffset=100\nPoolSize=100\n" in render("networkd", LAN, [HYPERION])[1]


@pytest.mark.parametrize("kind", ["dnsmasq", "dhcpd", "kea"])
def test_a_card_without_ipxe_is_told_what_to_load(kind: str) -> None:
    plain = render(kind, LAN, [HYPERION])[1]
    assert "undionly.kpxe" not in plain
    loading = render(kind, replace(LAN, chainload=True), [HYPERION])[1]
    assert "undionly.kpxe" in loading
    assert "ipxe.efi" in loading
    assert URL in render(kind, replace(LAN, script=URL), [HYPERION])[1]


@pytest.mark.parametrize("kind", ["dnsmasq", "dhcpd", "kea"])
def test_a_second_card_has_a_name_and_no_address_of_its_own(kind: str) -> None:
    text = render(kind, LAN, [replace(HYPERION, macs=(ONE, TWO))])[1]
    assert text.count("10.11.0.50") == 1
    assert "hyperion-2" in text
    assert TWO in text


def test_keas_configuration_is_json() -> None:
    told = json.loads(render("kea", LAN, [HYPERION])[1])["Dhcp4"]
    [subnet] = told["subnet4"]
    assert subnet["reservations"] == [
        {
            "hw-address": ONE,
            "hostname": "hyperion",
            "ip-address": "10.11.0.50",
            "option-data": [{"name": "root-path", "data": "aoe:e11.0"}],
        }
    ]


@pytest.mark.parametrize(
    ("server_address", "addresses", "router", "script"),
    [
        ("10.11.0.1", "10.11.0.2-10.11.0.9", "", ""),
        ("10.11.0.0/24", "10.11.0.2-10.11.0.9", "", ""),
        ("x/24", "10.11.0.2-10.11.0.9", "", ""),
        ("10.11.0.1/33", "10.11.0.2-10.11.0.9", "", ""),
        ("10.11.0.1/24", "10.11.0.2", "", ""),
        ("10.11.0.1/24", "10.11.0.9-10.11.0.2", "", ""),
        ("10.11.0.1/24", "10.11.0.0-10.11.0.9", "", ""),
        ("10.11.0.1/24", "10.11.1.2-10.11.1.9", "", ""),
        ("10.11.0.1/24", "10.11.0.2-10.11.0.255", "", ""),
        ("10.11.0.5/24", "10.11.0.2-10.11.0.9", "", ""),
        ("10.11.0.1/24", "10.11.0.2-10.11.0.9", "10.12.0.1", ""),
        ("10.11.0.1/24", "10.11.0.2-10.11.0.9", "10.11.0.0", ""),
        ("10.11.0.1/24", "10.11.0.2-10.11.0.9", "10.11.0.255", ""),
        ("10.11.0.1/24", "10.11.0.2-10.11.0.9", "10.11.0.2", ""),
        ("10.11.0.1/24", "10.11.0.2-10.11.0.9", "10.11.0.9", ""),
        ("10.11.0.1/24", "10.11.0.2-10.11.0.9", "", "boot.ipxe"),
        ("10.11.0.1/24", "10.11.0.2-10.11.0.9", "", 'http://x/"y'),
        ("10.11.0.1/24", "10.11.0.2-10.11.0.9", "", "http://x/\ny"),
    ],
)
def test_networks_that_cannot_be_are_refused(
    server_address: str, addresses: str, router: str, script: str
) -> None:
    with pytest.raises(ConfigError):
        checked("br0", server_address, addresses, router=router, script=script)


@pytest.mark.parametrize("router", ["10.11.0.1", "10.11.0.10", "10.11.0.254"])
def test_a_router_may_have_any_address_that_nobody_is_given(router: str) -> None:
    assert str(checked("br0", "10.11.0.1/24", "10.11.0.2-10.11.0.9", router=router).router) == router


@pytest.mark.parametrize("address", ["10.11.0.1", "10.11.0.0", "10.11.0.255", "10.12.0.1", "10.11.0.150"])
def test_addresses_that_a_client_cannot_have_are_refused(address: str) -> None:
    with pytest.raises(ConfigError):
        check_address(replace(HYPERION, address=IPv4Address(address)), LAN)


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a.b", "a b", "a" * 64, "ä", 'a"'])
def test_names_that_no_host_has_are_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        parse_name(name)


def test_a_script_for_anybody_boots_from_the_target() -> None:
    script = ipxe([replace(HYPERION, macs=())])
    assert script.startswith("#!ipxe\n")
    assert "\nsanboot aoe:e11.0 || goto failed\n" in script
    assert "hexhyp" not in script


def test_a_script_knows_each_client_by_all_its_macs() -> None:
    script = ipxe([replace(HYPERION, macs=(ONE, "52:54:00:11:00:0a")), RHEA])
    assert "\ngoto ${netX/mac:hexhyp} || goto failed\n" in script
    first, second = script.split("\n\n")[1:3]
    assert first.split("\n")[:2] == [":52-54-00-11-00-01", ":52-54-00-11-00-0a"]
    assert "aoe:e11.0" in first
    assert second.split("\n")[0] == ":52-54-00-11-00-02"
    assert "aoe:e12.3" in second


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", "rd.aoe=e12.3"),
        ("root=/dev/etherd/{target}p1 rw", "rd.aoe=e12.3 root=/dev/etherd/e12.3p1 rw"),
        ("quiet rd.aoe=e1.1,{target}", "quiet rd.aoe=e1.1,e12.3"),
    ],
)
def test_a_kernel_is_told_the_target(given: str, told: str) -> None:
    script = ipxe([RHEA], Loading.checked("http://a/k", "http://a/i", given))
    assert f"\nkernel http://a/k initrd=initrd.img {told} || goto failed\n" in script
    assert "\ninitrd --name initrd.img http://a/i || goto failed\nboot || goto failed\n" in script


@pytest.mark.parametrize("given", ["a\nshell", "${net0/mac}", "a || shell", "a && shell", "ä"])
def test_parameters_that_a_script_would_take_for_more_are_refused(given: str) -> None:
    with pytest.raises(ConfigError):
        Loading.checked("http://a/k", "http://a/i", given)


def call(*words: str) -> Result:
    return CliRunner().invoke(server, words, catch_exceptions=False)


NETWORK = ("--interface", "br0", "--server", "10.11.0.1/24", "--range", "10.11.0.100-10.11.0.199")


@pytest.mark.parametrize("kind", FORMATS)
def test_the_command_prints_what_the_renderer_writes(kind: str) -> None:
    words = ("--target", "e11.0", "--mac", ONE, "--name", "hyperion", "--address", "10.11.0.50", *NETWORK)
    assert call("dhcp", "--format", kind, *words).stdout == render(kind, LAN, [HYPERION])[1]


@pytest.mark.parametrize(
    "words",
    [
        ["dhcp", "--format", "kea"],
        ["dhcp", "--format", "kea", "--fleet", __file__, "--target", "e11.0"],
        ["ipxe"],
        ["ipxe", "--target", "e11.0", "--kernel", "http://a/k"],
        ["ipxe", "--target", "e11.0", "--parameters", "quiet"],
        ["ipxe", "--fleet", __file__, "--target", "e11.0"],
    ],
)
def test_half_a_command_is_refused(words: list[str]) -> None:
    assert call(*words).exit_code == 2
