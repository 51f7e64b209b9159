"""Searching for targets in a network that is made of values: servers are functions from frames to frames."""

import itertools
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoeinit.aoe import survey as searching
from aoeinit.aoe.discovery import Discovery, Found, Path, Place, Presence, RoundTrips, judge
from aoeinit.aoe.frames import BROADCAST, OUR_TAGS, Config, parse_frame
from aoeinit.aoe.identify import Identity
from aoeinit.aoe.links import ETHERNET, Link
from aoeinit.aoe.survey import Kind, Request, Survey
from aoeinit.aoe.target import Target
from tests.unit.test_aoe_frames import disk

ETH0 = Link("eth0", "06:00:00:00:00:01", 1500, ETHERNET, up=True, carrier=True)
ETH1 = Link("eth1", "06:00:00:00:00:02", 1500, ETHERNET, up=True, carrier=True)
E11_0, E11_1 = Target(11, 0), Target(11, 1)
ONE, TWO = "52:54:00:00:00:01", "52:54:00:00:00:02"
SECONDS = 0.25


@dataclass(frozen=True)
class Server:
    """A server on the network, as answers that can be spoiled in a field."""

    mac: str = ONE
    target: Target = E11_0
    error: int | None = None
    command: int | None = None
    sector: bytes | None = None

    def answer(self, frame: bytes) -> bytes:
        asked = parse_frame(frame)
        flags = 0x18 if self.error is None else 0x1C
        command = asked.command if self.command is None else self.command
        ends = bytes.fromhex((asked.source + self.mac).replace(":", ""))
        shelf, slot = self.target.shelf, self.target.slot
        header = struct.pack("!HBBHBBI", 0x88A2, flags, self.error or 0, shelf, slot, command, asked.tag)
        config = struct.pack("!HHBBH", 16, 0x4019, 2, 0x10, 3) + b"one"
        ata = bytes([0, 0, 0, 0x40, *bytes(8)]) + (disk() if self.sector is None else self.sector)
        return ends + header + (ata if asked.command == 0 else config)


def new(*links: Link, target: Target | None = None) -> Survey:
    return Survey(links or (ETH0,), target, itertools.count())


def pass_on(survey: Survey, requests: Sequence[Request], *servers: Server) -> None:
    """Send requests to those servers that are addressed, and what they answer back."""
    for request in requests:
        survey.sent(request, 1.0)
        destination = parse_frame(request.frame).destination
        for server in servers:
            if destination in {BROADCAST, server.mac}:
                survey.received(request.interface, server.answer(request.frame), 1.0 + SECONDS)


def search(survey: Survey, *servers: Server) -> Discovery:
    pass_on(survey, survey.probes(), *servers)
    pass_on(survey, survey.identifications(), *servers)
    return survey.discovery({})


def only(found: Discovery) -> Found:
    [target] = found.targets
    return target


def test_a_target_is_found_with_its_disk() -> None:
    found = search(new(), Server())
    identity = Identity("Coraid EtherDrive vblade", "11.0:server", "V25", 5)
    path = Path(Place(E11_0, ONE, "eth0"), Config(16, 0x4019, 2, "one"), identity)
    assert found == Discovery((ETH0,), (Found(E11_0, (path,)),), {})


def test_tags_are_ours_and_each_has_its_own() -> None:
    survey = new(ETH0, ETH1)
    pass_on(survey, survey.probes(), Server())
    requests = [*survey.probes(), *survey.identifications(), *survey.pings()]
    tags = [request.tag for request in requests]
    assert len(set(tags)) == len(tags) == 6
    assert all(tag & OUR_TAGS for tag in tags)
    assert [parse_frame(request.frame).tag for request in requests] == tags


def test_a_tag_that_is_still_under_way_is_not_given_again() -> None:
    survey = Survey((ETH0,), None, iter([7, 7, 8]))
    [first] = survey.probes()
    survey.sent(first, 0.0)
    [second] = survey.probes()
    assert (first.tag, second.tag) == (OUR_TAGS | 7, OUR_TAGS | 8)


def test_a_server_on_two_interfaces_is_two_paths_and_no_conflict() -> None:
    found = only(search(new(ETH1, ETH0), Server()))
    assert [path.place.interface for path in found.paths] == ["eth0", "eth1"]
    assert (found.servers, found.conflict) == ((ONE,), None)


def test_targets_come_in_order() -> None:
    servers = [Server(TWO, Target(11, 10)), Server(TWO, Target(2, 3)), Server(ONE, Target(11, 9))]
    assert [str(each.target) for each in search(new(), *servers).targets] == ["e2.3", "e11.9", "e11.10"]


def test_one_target_alone_is_asked_for() -> None:
    survey = new(target=E11_0)
    assert {parse_frame(request.frame).target for request in survey.probes()} == {E11_0}
    found = search(survey, Server(), Server(TWO, E11_1))
    assert only(found).target == E11_0
    assert found.ignored == {"an answer for another target": 1}


def test_a_lost_probe_loses_no_target_and_a_doubled_answer_doubles_none() -> None:
    survey = new()
    pass_on(survey, survey.probes())
    pass_on(survey, survey.probes(), Server(), Server())
    assert len(only(survey.discovery({})).paths) == 1


def test_a_server_that_says_nothing_of_its_disk_is_found_all_the_same() -> None:
    survey = new()
    pass_on(survey, survey.probes(), Server())
    assert not survey.all_identified
    [path] = only(survey.discovery({})).paths
    assert (path.identity, path.refusal) == (None, None)
    pass_on(survey, survey.identifications(), Server(error=6))
    [path] = only(survey.discovery({})).paths
    assert (path.identity, path.refusal) == (None, "is reserved for others")
    assert survey.all_identified


def test_a_disk_that_makes_no_sense_is_asked_again() -> None:
    survey = new()
    pass_on(survey, survey.probes(), Server())
    pass_on(survey, survey.identifications(), Server(sector=bytes(511)))
    assert survey.ignored == {"shorter than a sector": 1}
    pass_on(survey, survey.identifications(), Server())
    assert survey.identifications() == []


def test_pings_are_measured_and_lost_ones_counted() -> None:
    survey = new()
    pass_on(survey, survey.probes(), Server())
    pass_on(survey, survey.pings(), Server(), Server())
    assert survey.all_pings_answered
    pass_on(survey, survey.pings())
    assert not survey.all_pings_answered
    [path] = only(survey.discovery({})).paths
    assert path.round_trips == RoundTrips(2, 1, SECONDS, SECONDS, SECONDS)


def test_a_path_that_answers_no_ping() -> None:
    survey = new()
    pass_on(survey, survey.probes(), Server())
    pass_on(survey, survey.pings())
    [path] = only(survey.discovery({})).paths
    assert path.round_trips == RoundTrips(1, 0, None, None, None)


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        (Server(command=0), "an answer to another command"),
        (Server(target=Target(0xFFFF, 0)), "an answer for another target"),
        (Server(mac="ff:ff:ff:ff:ff:ff"), "an answer from no server's address"),
        (Server(mac="01:00:5e:00:00:01"), "an answer from no server's address"),
        (Server(mac="00:00:00:00:00:00"), "an answer from no server's address"),
        (Server(error=2), "an error instead of a config"),
    ],
)
def test_an_answer_that_is_none_is_counted(server: Server, reason: str) -> None:
    assert search(new(), server) == Discovery((ETH0,), (), {reason: 1})


def test_answers_to_other_programs_and_other_machines_are_none_of_ours() -> None:
    survey = new(ETH0, ETH1)
    [request, other] = survey.probes()
    survey.sent(request, 0.0)
    answer = Server().answer(request.frame)
    survey.received("eth0", answer[:6] + answer[6:20] + bytes(4) + answer[24:], 0.0)
    survey.received("eth0", bytes.fromhex("060000000009") + answer[6:], 0.0)
    survey.received("eth0", request.frame, 0.0)
    survey.received("eth1", answer, 0.0)
    survey.received("eth1", bytes.fromhex("060000000002") + answer[6:], 0.0)
    survey.received("eth1", Server().answer(other.frame), 0.0)
    assert survey.discovery({}) == Discovery((ETH0, ETH1), (), {})
    survey.received("eth0", answer, 0.0)
    assert len(survey.discovery({}).targets) == 1


def test_a_million_forged_servers_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MAX_PATHS", 3)
    survey = new()
    pass_on(survey, survey.probes(), *(Server(target=Target(11, slot)) for slot in range(5)))
    pass_on(survey, survey.probes(), Server())
    found = survey.discovery({})
    assert len(found.targets) == 3
    assert found.ignored == {"one more path than 3": 2}


def test_frames_that_came_too_fast_are_told_if_there_were_any() -> None:
    survey = new()
    survey.lost(0)
    assert survey.discovery({}).ignored == {}
    survey.lost(4)
    assert survey.discovery({}).ignored == {"came too fast to be read": 4}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(Kind),
            st.integers(0, 60),
            st.binary(max_size=80),
            st.integers(0, 600),
        ),
        max_size=30,
    )
)
def test_answers_with_any_bytes_in_them_never_raise(spoilt: list[tuple[Kind, int, bytes, int]]) -> None:
    survey = new()
    pass_on(survey, survey.probes(), Server())
    for kind, at, anything, length in spoilt:
        requests = {
            Kind.PROBE: survey.probes,
            Kind.IDENTIFY: lambda: [survey._ask(Kind.IDENTIFY, Place(E11_0, ONE, "eth0"))],  # noqa: SLF001 # also when it is known
            Kind.PING: survey.pings,
        }[kind]()
        for request in requests:
            survey.sent(request, 0.0)
            answer = Server().answer(request.frame)
            survey.received("eth0", (answer[:at] + anything + answer[at + len(anything) :])[:length], 0.0)
    assert all(isinstance(each, Found) for each in survey.discovery({}).targets)


@given(st.lists(st.binary(max_size=100)))
def test_any_frames_never_raise_and_those_too_short_are_counted(contents: list[bytes]) -> None:
    survey = new()
    for each in contents:
        survey.received("eth0", each, 0.0)
    assert survey.ignored["shorter than a header"] == sum(len(each) < 24 for each in contents)


def path(server: str = ONE, interface: str = "eth0", sectors: int | None = 5) -> Path:
    identity = None if sectors is None else Identity("", "", "", sectors)
    return Path(Place(E11_0, server, interface), Config(16, 1, 2, ""), identity)


@pytest.mark.parametrize(
    ("paths", "heads", "conflict", "missing"),
    [
        ([path()], None, None, ()),
        ([path(), path(interface="eth1")], None, None, ()),
        ([path(), path(TWO)], None, f"{ONE} and {TWO} answer for it, and are not declared as its heads", ()),
        ([path(), path(TWO)], {ONE, TWO}, None, ()),
        ([path()], {ONE, TWO}, None, (TWO,)),
        ([path(TWO)], {ONE}, f"{TWO} answers for it, but is not declared as its head", (ONE,)),
        ([path(), path(TWO)], {ONE}, f"{TWO} answers for it, but is not declared as its head", ()),
        ([path(), path(TWO, sectors=6)], {ONE, TWO}, "its servers differ in size: 5 and 6 sectors", ()),
        ([path(), path(TWO, sectors=None)], {ONE, TWO}, None, ()),
    ],
)
def test_which_servers_may_answer_for_one_target(
    paths: list[Path], heads: set[str] | None, conflict: str | None, missing: tuple[str, ...]
) -> None:
    [found] = judge(paths, {} if heads is None else {E11_0: heads})
    assert (found.conflict, found.missing) == (conflict, missing)


def seen(*paths: Path) -> Discovery:
    return Discovery((ETH0,), judge(paths, {}), {})


def test_a_path_comes_once_and_goes_when_it_was_missed_three_times() -> None:
    presence, told = Presence(), []
    for found in (seen(path()), seen(path()), seen(), seen(), seen(path()), *[seen()] * 4, seen(path())):
        presence, changes = presence.follow(found, {})
        told.append([change.came for change in changes])
    assert told == [[True], [], [], [], [], [], [], [False], [], [True]]


def test_a_second_server_is_told_with_the_conflict_it_makes() -> None:
    presence, _ = Presence().follow(seen(path()), {})
    _, [change] = presence.follow(seen(path(), path(TWO)), {})
    assert change.path.place.server == TWO
    assert change.conflict == f"{ONE} and {TWO} answer for it, and are not declared as its heads"
    _, [declared] = presence.follow(seen(path(), path(TWO)), {E11_0: {ONE, TWO}})
    assert declared == replace(change, conflict=None)
