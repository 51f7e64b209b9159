"""A fleet in one file: what it says, what is refused by line, and everything that is made of it."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from aoeinit.aoe.target import Target
from aoeinit.cli.server import server
from aoeinit.cli.server_boot import render
from aoeinit.errors import ConfigError
from aoeinit.server.exports import Writes
from aoeinit.server.fleet import CLIENT as CLIENT_KEYS
from aoeinit.server.fleet import GOLDEN as GOLDEN_KEYS
from aoeinit.server.fleet import TOP, read_fleet
from aoeinit.server.ipxe import ipxe
from aoeinit.server.toml_lines import Key, key_lines
from aoeinit.server.vblade import files

HEAD = """\
interface = "br0"
server = "10.11.0.1/16"
range = "10.11.0.100-10.11.0.199"
"""
GOLDEN = """\

[golden.debian]
target = "e10.0"
device = "/dev/vg/debian"
"""
CLIENT = """\

[[client]]
name = "hyperion"
mac = "52:54:00:11:00:01"
target = "e11.0"
device = "/dev/vg/hyperion"
"""
SECOND = CLIENT.replace("hyperion", "rhea").replace(":01", ":02").replace("e11.0", "e11.1")
SHARING = """\

[[client]]
name = "dione"
mac = ["52:54:00:11:00:03", "52:54:00:11:00:04"]
golden = "debian"
address = "10.11.1.7"
"""
ALL = HEAD + GOLDEN + CLIENT + SECOND + SHARING


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


def test_lines_are_those_of_the_statements() -> None:
    text = (
        'a = 1\n# b = 2\nb = """\nc = 3\n"""\n[t]\nx.y = 1\n[[l]]\nn = 1\n\n[[l]]\nn = [\n2]\n[l.s]\nz = 1\n'
    )
    assert key_lines(text) == {
        ("a",): 1,
        ("b",): 3,
        ("t",): 6,
        ("t", "x"): 7,
        ("t", "x", "y"): 7,
        ("l", 0): 8,
        ("l", 0, "n"): 9,
        ("l", 1): 11,
        ("l", 1, "n"): 12,
        ("l", 1, "s"): 14,
        ("l", 1, "s", "z"): 15,
    }


def test_a_line_that_ends_in_a_comma_ends_no_statement_unless_in_a_comment() -> None:
    text = 'a = [\n1,\n2, # two,\n3,\n]\n# b,\nb = 1 # c,\nc = """\nd,\n"""\n"d," = 1\ne = 2\n'
    assert key_lines(text) == {("a",): 1, ("b",): 7, ("c",): 8, ("d,",): 11, ("e",): 12}


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


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(server, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.toml"
    path.write_text(ALL)
    return path


def test_a_file_is_checked(file: Path) -> None:
    assert call("fleet", file).stdout == f"3 clients, 3 disks: nothing is wrong with {file}\n"
    told = json.loads(call("fleet", file, "--json").stdout)
    assert [(each["name"], each["target"]) for each in told["clients"]][2] == ("dione", "e10.0")
    assert told["clients"][2]["address"] == "10.11.1.7"
    assert told["exports"][0]["device"] == "/dev/vg/hyperion"


def test_everything_is_written_to_a_new_folder(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out/put"
    done = call("fleet", file, "--output", folder, "--sysroot", tmp_path)
    assert done.exit_code == 0
    assert "warning: nothing for networkd" in done.stderr
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    assert found >= {
        "boot.ipxe",
        "dnsmasq/etc/dnsmasq.d/aoeinit.conf",
        "dhcpd/etc/dhcp/aoeinit.conf",
        "kea/etc/kea/aoeinit.json",
        "exports/etc/systemd/system/vblade-e11.1.br0.service",
    }
    with pytest.raises(Exception, match="is not empty"):
        call("fleet", file, "--output", folder)


def test_a_fleet_is_put_in_place_changed_and_taken_back(file: Path, tmp_path: Path) -> None:
    sysroot = tmp_path / "root"
    sysroot.mkdir()
    words = ("fleet", file, "--install", "--dhcp", "dnsmasq", "--sysroot", sysroot)
    done = call(*words).stdout
    assert "on that system run: systemctl daemon-reload && systemctl restart vblade.target\n" in done
    assert done.endswith("on that system run: systemctl restart dnsmasq.service\n")
    assert "aoe:e11.1" in (sysroot / "etc/dnsmasq.d/aoeinit.conf").read_text()
    assert "nothing to change" in call(*words).stdout
    file.write_text(ALL.replace(SECOND, ""))
    assert "remove /etc/systemd/system/vblade-e11.1.br0.service" in call(*words).stdout
    assert "aoe:e11.1" not in (sysroot / "etc/dnsmasq.d/aoeinit.conf").read_text()
    call("fleet", "--undo", "--sysroot", sysroot)
    assert list(sysroot.iterdir()) == []


def test_the_settings_of_dhcp_stay_until_another_server_is_named(file: Path, tmp_path: Path) -> None:
    sysroot = tmp_path / "root"
    sysroot.mkdir()
    words = ("fleet", file, "--install", "--sysroot", sysroot)
    call(*words, "--dhcp", "dnsmasq")
    settings = sysroot / "etc/dnsmasq.d/aoeinit.conf"
    before = settings.read_text()
    file.write_text(ALL.replace(SECOND, ""))
    done = call(*words)
    assert (
        "warning: /etc/dnsmasq.d/aoeinit.conf stays as it is: --dhcp dnsmasq writes it anew\n" in done.stderr
    )
    assert settings.read_text() == before
    call(*words, "--dhcp", "kea")
    assert not settings.exists()
    assert "stays" in call(*words).stderr
    call("fleet", "--undo", "--sysroot", sysroot)
    assert list(sysroot.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "needs", "has_no_longer"),
    [
        (
            "dhcpd",
            '/etc/dhcp/dhcpd.conf needs include "/etc/dhcp/aoeinit.conf";\n',
            '/etc/dhcp/dhcpd.conf must no longer have include "/etc/dhcp/aoeinit.conf";\n',
        ),
        (
            "kea",
            '/etc/kea/kea-dhcp4.conf needs <?include "/etc/kea/aoeinit.json"?> as all of its text\n',
            '/etc/kea/kea-dhcp4.conf must no longer have <?include "/etc/kea/aoeinit.json"?>',
        ),
    ],
)
def test_a_dhcp_server_that_needs_a_line_to_read_its_settings_is_told_of(
    file: Path, tmp_path: Path, kind: str, needs: str, has_no_longer: str
) -> None:
    sysroot = tmp_path / "root"
    sysroot.mkdir()
    assert needs in call("fleet", file, "--install", "--dhcp", kind, "--sysroot", sysroot).stdout
    assert has_no_longer in call("fleet", "--undo", "--sysroot", sysroot).stdout


@pytest.mark.parametrize("debian", [True, False])
def test_what_one_command_has_put_in_place_the_other_does_not_take_over(
    file: Path, tmp_path: Path, *, debian: bool
) -> None:
    sysroot = tmp_path / "root"
    units = sysroot / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    (units / ("vblade@.service" if debian else "other.service")).touch()
    file.write_text(HEAD + CLIENT)
    disk = ("--target", "e11.0", "--device", "/dev/vg/hyperion")
    client = ("--interface", "br0", "--mac", "52:54:00:11:00:01")
    export = ("export", *disk, *client, "--install", "--sysroot", sysroot)
    fleet = ("fleet", file, "--install", "--sysroot", sysroot)
    for first, second in ((export, fleet), (fleet, export)):
        assert call(*first).exit_code == 0
        with pytest.raises(
            ConfigError, match=f"was put in place by aoeinit server {first[0]} already"
        ) as caught:
            call(*second)
        assert caught.value.hint == f"run aoeinit server {first[0]} --undo first"
        call(first[0], "--undo", "--sysroot", sysroot)


@pytest.mark.parametrize(
    "words",
    [["--install", "--output", "x"], ["--dhcp", "kea"], ["--dry-run"], ["--undo"]],
)
def test_options_that_do_not_go_together_are_refused(file: Path, words: list[str]) -> None:
    assert call("fleet", file, *words).exit_code == 2
    assert call("fleet").exit_code == 2


@pytest.mark.parametrize("content", [b"\xff", b"\0", b"=", b"[[client]]\n" * 3])
def test_garbage_is_an_error_with_the_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(ConfigError if content != b"\xff" else Exception, match=str(tmp_path / "f")):
        call("fleet", tmp_path / "f")


def test_the_guide_shows_a_fleet_and_names_every_key() -> None:
    guide = (Path(__file__).parents[2] / "docs/server.md").read_text()
    example = guide.partition("```toml\n")[2].partition("```")[0]
    assert [client.name for client in read_fleet(example, "f").clients] == ["hyperion", "rhea"]
    told = guide.partition("\n## A fleet\n")[2].partition("\n## ")[0]
    assert [name for name in {*TOP, *GOLDEN_KEYS, *CLIENT_KEYS} if name not in told] == []
