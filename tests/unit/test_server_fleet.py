"""A fleet in one file: what it says, and what is refused by line."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoeinit.aoe.target import Target
from aoeinit.cli.server_boot import render
from aoeinit.errors import ConfigError
from aoeinit.server.exports import Writes
from aoeinit.server.fleet import CLIENT as CLIENT_KEYS
from aoeinit.server.fleet import GOLDEN as GOLDEN_KEYS
from aoeinit.server.fleet import TOP, read_fleet
from aoeinit.server.ipxe import ipxe
from aoeinit.server.toml_lines import Key, key_lines
from aoeinit.server.vblade import files
from tests.unit.fleet_samples import ALL, CLIENT, GOLDEN, HEAD, SECOND, SHARING


def test_a_fleet_is_clients_and_their_disks() -> None:
    fleet = read_fleet(ALL, "f")
    assert [client.name for client in fleet.clients] == ["hyperion", "rhea", "dione"]
    assert [str(client.target) for client in fleet.clients] == ["e11.0", "e11.1", "e10.0"]
    shown = {str(each.target): (each.device, each.read_only, len(each.macs)) for each in fleet.exports}
    assert shown == {
        "e11.0": ("/dev/vg/hyperion", False, 1),
        "e11.1": ("/dev/vg/rhea", False, 1),
        "e10.0": ("/dev/vg/debian", True, 2),
    }


def test_a_value_for_all_is_overridden_by_a_clients_own() -> None:
    text = HEAD + 'writes = "direct"\nbuffers = 32\n' + CLIENT + SECOND + 'writes = "cached"\nbuffers = 8\n'
    one, two = read_fleet(text, "f").exports
    assert (one.writes, one.buffers, two.writes, two.buffers) == (Writes.DIRECT, 32, Writes.CACHED, 8)


def test_a_fleet_may_load_its_kernel() -> None:
    words = 'kernel = "http://a/k"\nimage = "http://a/i"\nparameters = "root={target}"\n'
    loading = read_fleet(HEAD + words + CLIENT, "f").loading
    assert loading is not None
    assert loading.kernel == "http://a/k"


def line_of(text: str, words: str) -> int:
    """The last line with these words."""
    return max(number for number, line in enumerate(text.split("\n"), start=1) if words in line)


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        (
            ALL.replace("rhea", "hyperion"),
            'name = "hyperion"',
            "has the name hyperion, as hyperion on line 10",
        ),
        (ALL.replace(":02", ":01"), ':01"', "has the MAC 52:54:00:11:00:01, as hyperion on line 11"),
        (ALL.replace(':04"', ':01"'), "mac = [", "dione has the MAC .*:01, as hyperion on line 11"),
        (ALL.replace("e11.1", "e11.0"), '"e11.0"', "has the target e11.0, as hyperion on line 12"),
        (ALL.replace("e11.1", "e10.0"), '"e10.0"', "has the target e10.0, as debian on line 6"),
        (ALL.replace("vg/rhea", "vg/hyperion"), "vg/hyperion", "and so has hyperion on line 13"),
        (ALL.replace("vg/rhea", "vg/debian"), "vg/debian", "and so has debian on line 7"),
        (
            ALL.replace("vg/hyperion", "sda").replace("vg/rhea", "sda2"),
            "sda2",
            "rhea has the disk /dev/sda2, and so has hyperion on line 13",
        ),
        (
            ALL.replace("vg/hyperion", "sda2").replace("vg/rhea", "sda"),
            '"/dev/sda"',
            "rhea has the disk /dev/sda, and so has hyperion on line 13",
        ),
        (
            ALL + SHARING.replace("dione", "tethys").replace(":03", ":05").replace(":04", ":06"),
            "1.7",
            "address",
        ),
        (ALL.replace("10.11.1.7", "10.11.0.150"), "0.150", "which anybody may get"),
        (ALL.replace("10.11.1.7", "10.12.1.7"), "10.12.1.7", "cannot have the address"),
        (ALL.replace('golden = "debian"', 'golden = "arch"'), '"arch"', r"no \[golden.arch\]"),
        (ALL + 'target = "e1.1"\n', '"e1.1"', "target beside golden"),
        (HEAD + GOLDEN + CLIENT, "[golden.debian]", "no client has golden = 'debian'"),
        (ALL + "colour = 3\n", "colour", "unknown key 'colour'"),
        (ALL.replace('name = "dione"', "name = 3"), "name = 3", "name is not a string"),
        (ALL.replace('"52:54:00:11:00:03", "52:54:00:11:00:04"', ""), "mac = []", "mac is not a string"),
        (ALL.replace('device = "/dev/vg/rhea"\n', ""), "[[client]]", r"no device"),
        (ALL.replace(":02", ":zz"), ":zz", "is not the MAC"),
        (ALL.replace("/dev/vg/rhea", "vg/rhea"), "vg/rhea", "absolute path"),
        (ALL.replace("e11.1", "x"), '"x"', "is not an AoE target"),
        (ALL + "\n[client.more]\n", "[client.more]", "unknown key 'more'"),
        (HEAD.replace("/16", "/99") + CLIENT, "/99", "not an address with a prefix"),
        (HEAD + 'kernel = "http://a/k"\n' + CLIENT, "interface", "has no image"),
        (HEAD + 'writes = "no"\n' + CLIENT, "writes", "one of|writes = 'no'"),
    ],
)
def test_what_cannot_be_is_refused_by_line(text: str, words: str, message: str) -> None:
    number = line_of(text, words)
    with pytest.raises(ConfigError, match=message) as caught:
        read_fleet(text, "fleet.toml")
    if words != "[[client]]":
        assert caught.value.message.startswith(f"fleet.toml:{number}: "), caught.value.message


def test_disks_that_nobody_writes_to_may_be_exported_twice() -> None:
    more = GOLDEN.replace("[golden.debian]", "[golden.kiosk]").replace("e10.0", "e10.1")
    sharing = SHARING.replace("dione", "tethys").replace(":03", ":05").replace(":04", ":06")
    text = HEAD + GOLDEN + more + SHARING + sharing.replace('"debian"', '"kiosk"').replace("1.7", "1.8")
    assert {each.device for each in read_fleet(text, "f").exports} == {"/dev/vg/debian"}


@pytest.mark.parametrize(
    "text", ["", "x", "[[client]]", "client = 3", "client = []", "client = [3]", "golden = {a = 3}", HEAD]
)
def test_half_a_file_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^f:"):
        read_fleet(text, "f")


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 20_000,
        "a = " + "[" * 300 + "]" * 300,
        HEAD + "golden = " + "{a = " * 200 + "1" + "}" * 200,
        ".".join("a" * 1500) + " = 1",
        "[" + ".".join("a" * 1500) + "]\nb = 1",
        HEAD + f"buffers = {'1' * 5000}\n" + CLIENT,
        HEAD + f"buffers = 0x{'F' * 5000}\n" + CLIENT,
        HEAD + CLIENT + "buffers = 65536\n",
    ],
    ids=["lists", "fewer lists", "tables", "dotted key", "header", "decimal", "hexadecimal", "too many"],
)
def test_a_text_beyond_measure_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^f:"):
        read_fleet(text, "f")


PIECES = (*'abc"[]{}=.\n #,3', "[[client]]\n", "mac = ", "golden", '"a"')


@given(
    st.lists(st.sampled_from(PIECES), max_size=60).map("".join), st.sampled_from(["", HEAD, HEAD + CLIENT])
)
def test_no_text_breaks_the_reader(text: str, before: str) -> None:
    told = "f:"
    try:
        read_fleet(before + text, "f")
    except ConfigError as error:
        told = error.message
    assert told.startswith("f:")


def test_lines_are_looked_for_once_and_only_for_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = []

    def noted(text: str) -> Mapping[Key, int]:
        texts.append(text)
        return key_lines(text)

    monkeypatch.setattr("aoeinit.server.fleet.key_lines", noted)
    read_fleet(ALL, "f")
    assert texts == []
    twice = ALL.replace("e11.1", "e11.0")
    with pytest.raises(ConfigError, match=r"on line 12$"):
        read_fleet(twice, "f")
    assert texts == [twice]


def test_a_thousand_clients_are_all_there() -> None:
    clients = "".join(
        CLIENT.replace("hyperion", f"c{number}")
        .replace("11:00:01", f"12:{number >> 8:02x}:{number & 255:02x}")
        .replace("e11.0", str(Target(100 + number // 200, number % 200)))
        for number in range(1000)
    )
    fleet = read_fleet(HEAD + clients, "f")
    assert len(list(files(fleet.exports, debian=True))) == 2000
    for kind in ("dnsmasq", "dhcpd", "kea"):
        assert render(kind, fleet.lan, fleet.clients)[1].count("aoe:e") == 1000
    assert ipxe(fleet.clients).count("sanboot") == 1000


def test_the_guide_shows_a_fleet_and_names_every_key() -> None:
    guide = (Path(__file__).parents[2] / "docs/server.md").read_text()
    example = guide.partition("```toml\n")[2].partition("```")[0]
    assert [client.name for client in read_fleet(example, "f").clients] == ["hyperion", "rhea"]
    told = guide.partition("\n## A fleet\n")[2].partition("\n## ")[0]
    assert [name for name in {*TOP, *GOLDEN_KEYS, *CLIENT_KEYS} if name not in told] == []
