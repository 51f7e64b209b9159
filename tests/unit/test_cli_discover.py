import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from click.testing import CliRunner, Result

from aoeinit.aoe.discovery import Change, Discovery, Heads, Path, Place, RoundTrips, judge
from aoeinit.aoe.frames import Config
from aoeinit.aoe.identify import Identity
from aoeinit.aoe.links import ETHERNET, Link
from aoeinit.aoe.target import Target
from aoeinit.cli.discover import discover, parse_heads
from aoeinit.errors import ConfigError
from aoeinit.system import packets

ETH0 = Link("eth0", "06:00:00:00:00:01", 1500, ETHERNET, up=True, carrier=True)
E11_0 = Target(11, 0)
ONE, TWO = "52:54:00:00:00:01", "52:54:00:00:00:02"
DISK = Identity("Coraid EtherDrive vblade", "11.0:pc", "V25", 4_000_000)
PATH = Path(Place(E11_0, ONE, "eth0"), Config(16, 0x4019, 2, "one"), DISK)
OTHER = replace(PATH, place=Place(E11_0, TWO, "eth0"), identity=None)


class Packets:
    """What stands in for the network: it answers with paths and remembers how it was asked."""

    def __init__(self, *paths: Path, ignored: dict[str, int] | None = None) -> None:
        self.paths = paths
        self.ignored = ignored or {}
        self.asked: dict[str, object] = {}

    def discover(
        self, interfaces: tuple[str, ...], target: Target | None, *, heads: Heads, **options: object
    ) -> Discovery:
        self.asked = {"interfaces": interfaces, "target": target, "heads": heads, **options}
        return Discovery((ETH0,), judge(self.paths, heads), self.ignored, ("eth1 is down: not asked there",))


def run(monkeypatch: pytest.MonkeyPatch, answers: Packets, *arguments: str) -> Result:
    monkeypatch.setattr(packets, "discover", answers.discover)
    return CliRunner().invoke(discover, list(arguments), catch_exceptions=True)


def test_paths_are_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    path = replace(PATH, identity=replace(DISK, model="disk"))
    result = run(monkeypatch, Packets(path))
    assert result.stdout.splitlines() == [
        "TARGET  SERVER             INTERFACE  SIZE     SECTORS  BUFFERS  FIRMWARE  MODEL  SERIAL   CONFIG",
        "e11.0   52:54:00:00:00:01  eth0       1.9 GiB  2        16       0x4019    disk   11.0:pc  one",
    ]
    assert result.stderr == "aoeinit: warning: eth1 is down: not asked there\n"


def test_two_servers_are_a_conflict_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = run(monkeypatch, Packets(PATH, OTHER)).stdout.splitlines()
    assert lines[2].split()[7:] == ["(no", "answer)", "-", "one"]
    assert lines[3:] == [
        f"conflict: e11.0: {ONE} and {TWO} answer for it, and are not declared as its heads",
        f"conflict: e11.0: if it is one disk: --heads e11.0={ONE},{TWO}",
    ]


def test_disks_of_two_sizes_are_not_proposed_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    larger = replace(OTHER, identity=replace(DISK, sectors=8_000_000))
    lines = run(monkeypatch, Packets(PATH, larger)).stdout.splitlines()
    assert len(lines) == 4
    assert lines[3].endswith("as its heads; its servers differ in size: 4000000 and 8000000 sectors")


def test_declared_heads_are_none_and_a_missing_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = run(monkeypatch, Packets(PATH), "--heads", f"e11.0={ONE},{TWO}").stdout.splitlines()
    assert lines[2:] == [f"warning: e11.0: its head {TWO} does not answer"]


def test_what_a_server_says_cannot_reach_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    evil = "\x1b]0;x\x07\r\n\u202e\x9b2J"
    path = replace(PATH, config=Config(1, 1, 1, evil), identity=Identity(evil, evil, evil, 1))
    for arguments in ([], ["--json"]):
        output = run(monkeypatch, Packets(path), *arguments).stdout
        assert all(each.isprintable() for each in output.replace("\n", ""))
    assert json.loads(output)["targets"][0]["paths"][0]["config"] == evil


def test_a_long_config_string_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    path = replace(PATH, config=Config(1, 1, 1, "x" * 1024))
    assert run(monkeypatch, Packets(path)).stdout.endswith(f"  {'x' * 60}...\n")


@pytest.mark.parametrize(
    ("measured", "shown"),
    [
        (RoundTrips(10, 9, 0.0001, 0.00025, 0.012), "0.10/0.25/12.00 ms, 1 of 10 lost"),
        (RoundTrips(10, 0, None, None, None), "10 of 10 lost"),
    ],
)
def test_round_trips_are_milliseconds(
    monkeypatch: pytest.MonkeyPatch, measured: RoundTrips, shown: str
) -> None:
    result = run(monkeypatch, Packets(replace(PATH, round_trips=measured)), "--ping")
    assert f"  {shown}  " in result.stdout
    assert "ROUND TRIP" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "pings"), [([], 0), (["--ping"], 10), (["--ping", "3"], 3), (["--ping", "--json"], 10)]
)
def test_how_often_is_pinged(monkeypatch: pytest.MonkeyPatch, arguments: list[str], pings: int) -> None:
    answers = Packets(PATH)
    assert run(monkeypatch, answers, *arguments, "--target", "e11.0").exit_code == 0
    assert (answers.asked["pings"], answers.asked["target"]) == (pings, E11_0)


def test_ignored_frames_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Packets(ignored={"shorter than a header": 2, "not version 1": 1})
    assert run(monkeypatch, answers).stdout.splitlines() == [
        "warning: ignored 1 frame: not version 1",
        "warning: ignored 2 frames: shorter than a header",
    ]


def test_everything_is_there_as_data(monkeypatch: pytest.MonkeyPatch) -> None:
    path = replace(PATH, round_trips=RoundTrips(2, 1, 0.25, 0.25, 0.25))
    assert json.loads(run(monkeypatch, Packets(path, ignored={"not AoE": 1}), "--json").stdout) == {
        "interfaces": [{"name": "eth0", "mac": "06:00:00:00:00:01", "mtu": 1500}],
        "targets": [
            {
                "target": "e11.0",
                "conflict": None,
                "missing_heads": [],
                "paths": [
                    {
                        "server": ONE,
                        "interface": "eth0",
                        "firmware": 0x4019,
                        "sectors_per_frame": 2,
                        "buffers": 16,
                        "config": "one",
                        "identity": {
                            "model": "Coraid EtherDrive vblade",
                            "serial": "11.0:pc",
                            "firmware": "V25",
                            "sectors": 4_000_000,
                            "size": 2_048_000_000,
                        },
                        "refusal": None,
                        "round_trips": {
                            "sent": 2,
                            "answered": 1,
                            "minimum": 0.25,
                            "median": 0.25,
                            "maximum": 0.25,
                        },
                    }
                ],
            }
        ],
        "ignored": {"not AoE": 1},
        "warnings": ["eth1 is down: not asked there"],
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing answers on eth0 (06:00:00:00:00:01)"),
        (["--target", "e11.0"], "nothing answers for e11.0 on eth0 (06:00:00:00:00:01)"),
    ],
)
def test_nothing_answers(monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str) -> None:
    result = run(monkeypatch, Packets(), "--json", *arguments)
    assert json.loads(result.stdout)["targets"] == []
    assert (result.exit_code, str(result.exception)) == (1, message)


def changes() -> Iterator[tuple[Discovery, tuple[Change, ...]]]:
    found = Discovery((ETH0,), (), {}, ("eth1 is down: not asked there",))
    yield found, ()
    yield found, (Change(PATH, came=True, conflict=None),)
    yield found, (Change(OTHER, came=True, conflict="two"), Change(PATH, came=False, conflict=None))
    raise KeyboardInterrupt


def watch(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.setattr(packets, "watch", lambda *_, **__: changes())
    return CliRunner().invoke(discover, ["--watch", *arguments], catch_exceptions=False)


def test_what_comes_and_goes_is_a_line_each_until_it_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    result = watch(monkeypatch)
    assert result.exit_code == 0
    assert [line.partition(" ")[2] for line in result.stdout.splitlines()] == [
        f"e11.0 came: {ONE} on eth0",
        f"e11.0 came: {TWO} on eth0; conflict: two",
        f"e11.0 gone: {ONE} on eth0",
    ]
    assert result.stderr.splitlines() == [
        "aoeinit: warning: eth1 is down: not asked there",
        "aoeinit: nothing answers on eth0 (06:00:00:00:00:01) yet",
    ]


def test_what_comes_and_goes_is_an_object_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    events = [json.loads(line) for line in watch(monkeypatch, "--json").stdout.splitlines()]
    assert [(each["event"], each["server"], each["conflict"]) for each in events] == [
        ("came", ONE, None),
        ("came", TWO, "two"),
        ("gone", ONE, None),
    ]


def test_pings_are_not_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watch(monkeypatch, "--ping").exit_code == 2


def test_heads_are_read() -> None:
    assert parse_heads([f"e11.0={ONE.upper()},{TWO}", f"e11.1={ONE}", "e11.1=" + TWO]) == {
        E11_0: {ONE, TWO},
        Target(11, 1): {ONE, TWO},
    }


@pytest.mark.parametrize(
    "text", ["", "e11.0", "e11.0=", f"11.0={ONE}", f"e11.0={ONE},", "e11.0=525400000001"]
)
def test_what_declares_no_heads(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_heads([text])
