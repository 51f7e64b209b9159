"""What the running machine adds: its driver, its last boot, and who answers for the target."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from aoeinit.aoe.discovery import Discovery, Place, judge
from aoeinit.aoe.discovery import Path as ServerPath
from aoeinit.aoe.frames import Config
from aoeinit.aoe.identify import Identity
from aoeinit.boot.contract import DEAD_SECONDS
from aoeinit.boot.report import BootReport, DriverReport
from aoeinit.cli import doctor_facts
from aoeinit.cli.doctor import as_text, verdict
from aoeinit.doctor.examine import examine
from aoeinit.doctor.findings import Finding
from aoeinit.doctor.system import Running, System
from aoeinit.errors import AoeinitError
from aoeinit.install.fstab.device import Device
from tests.unit import doctor_samples as sample
from tests.unit.system_sample import CARD

SERVER, OTHER = "52:54:00:22:00:01", "52:54:00:22:00:02"
STATE = {"target": "e11.0", "server": SERVER, "paths": SERVER, "mtu": "1500"}
DRIVER = DriverReport("up", (CARD.name,), 1024, 1500, DEAD_SECONDS, ())
PARTITIONS = (
    Device("/dev/etherd/e11.0p1", "ext4", "boot-uuid"),
    Device("/dev/etherd/e11.0p2", "ext4", "root-uuid"),
)


def answers(*servers: str, sectors: Mapping[str, int] | None = None) -> Discovery:
    paths = [
        ServerPath(
            Place(sample.TARGET, server, CARD.name),
            Config(16, 0x4018, 2, ""),
            Identity("disk", "1", "1", (sectors or {}).get(server, 1 << 20)),
        )
        for server in servers
    ]
    return Discovery((), judge(paths, {}), {})


RUNNING = Running(
    mounted=frozenset({"/boot"}),
    report=BootReport(STATE, (), None, (), DRIVER),
    driver=DRIVER,
    answers=answers(SERVER),
    partitions=PARTITIONS,
)


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> System:
    return sample.facts_of(sample.make_system(tmp_path_factory.mktemp("good") / "system"))


def found(system: System, running: Running) -> list[Finding]:
    return [*examine(replace(system, running=running)).findings]


def with_state(**changes: str) -> Running:
    return replace(RUNNING, report=BootReport({**STATE, **changes}, (), None, (), DRIVER))


def test_a_good_machine_has_no_finding(system: System) -> None:
    assert found(system, RUNNING) == []
    assert found(system, replace(RUNNING, answers=None, partitions=None)) == []


@pytest.mark.parametrize(
    ("running", "level", "what"),
    [
        (replace(RUNNING, answers=answers()), "error", "e11.0 does not answer"),
        (
            replace(RUNNING, answers=answers(SERVER, OTHER)),
            "warning",
            f"{SERVER} and {OTHER} answer for e11.0",
        ),
        (
            replace(RUNNING, answers=answers(SERVER, OTHER, sectors={OTHER: 7})),
            "error",
            f"{SERVER} and {OTHER} answer for e11.0 with disks of different sizes",
        ),
        (
            replace(RUNNING, answers=answers(OTHER)),
            "warning",
            f"e11.0 is served by {OTHER} now; at the last boot it was {SERVER}",
        ),
        (
            replace(RUNNING, report=None, driver=replace(DRIVER, dead_seconds=180)),
            "warning",
            "the driver gives up when a server is away for 180 s, and the root is lost",
        ),
        (
            with_state(mtu="9000"),
            "warning",
            f"the MTU of {CARD.name} is 1500, and was 9000 when the root was mounted",
        ),
        (
            replace(RUNNING, report=BootReport(STATE, (), "not kept: no nft", (), DRIVER)),
            "warning",
            "other servers are not kept out: not kept: no nft",
        ),
        (
            replace(RUNNING, mounted=frozenset()),
            "warning",
            "/boot is not mounted: new images and menus would go where no boot loader looks",
        ),
        (
            replace(RUNNING, partitions=PARTITIONS[1:]),
            "error",
            "/etc/fstab:3: /boot is on /dev/etherd/e11.0p1, which e11.0 does not have",
        ),
        (
            replace(RUNNING, partitions=(replace(PARTITIONS[0], fstype="xfs"), PARTITIONS[1])),
            "error",
            "/etc/fstab:3: /dev/etherd/e11.0p1 holds xfs, not ext4",
        ),
    ],
)
def test_a_fault_of_the_running_machine_is_found(
    running: Running, level: str, what: str, system: System
) -> None:
    assert [(each.level, each.what) for each in found(system, running)] == [(level, what)]


def test_a_partition_that_is_gone_is_told_for_the_entry_too(system: System) -> None:
    told = [each.what for each in found(system, replace(RUNNING, partitions=PARTITIONS[:1]))]
    assert f"/{sample.MENU}: root={sample.ROOT} is nothing on e11.0, which has e11.0p1" in told


def with_words(system: System, words: str) -> System:
    entries = tuple(replace(each, words=(*each.words, *words.split())) for each in system.entries)
    kernels = tuple(
        replace(each, entry=entries[system.entries.index(each.entry)] if each.entry else None)
        for each in system.kernels
    )
    return replace(system, entries=entries, kernels=kernels)


@pytest.mark.parametrize("who", [OTHER, f"{SERVER} {OTHER}"])
def test_a_server_that_the_pin_does_not_name_is_an_error(who: str, system: System) -> None:
    pinned = with_words(system, f"rd.aoe.server={SERVER}")
    assert found(pinned, RUNNING) == []
    told = found(pinned, replace(RUNNING, answers=answers(*who.split())))
    assert told[0].what == f"e11.0 is answered for by {OTHER}, whom rd.aoe.server={SERVER} does not name"
    assert told[0].level == "error"


def test_servers_that_the_pin_names_may_all_answer(system: System) -> None:
    pinned = with_words(system, f"rd.aoe.server={SERVER},{OTHER}")
    assert found(pinned, replace(RUNNING, answers=answers(SERVER, OTHER))) == []


def test_large_frames_that_were_given_up_are_told(system: System) -> None:
    asked = with_words(system, "rd.aoe.mtu=9000")
    report = BootReport(STATE, ("rd.aoe.mtu=9000",), None, (), DRIVER)
    assert [each.what for each in found(asked, replace(RUNNING, report=report))] == [
        "rd.aoe.mtu=9000, but the last boot went on with 1500: something loses large frames"
    ]
    large = {**STATE, "mtu": "9000"}
    driver = replace(DRIVER, mtu=9000)
    report = BootReport(large, ("rd.aoe.mtu=9000",), None, (), driver)
    assert found(asked, replace(RUNNING, report=report, driver=driver)) == []


@pytest.mark.parametrize("number", ["9" * 5000, "²", "٣"])
def test_an_mtu_that_is_no_number_is_left_to_the_agent(number: str, system: System) -> None:
    asked = with_words(system, f"rd.aoe.mtu={number}")
    report = BootReport({**STATE, "mtu": number}, (f"rd.aoe.mtu={number}",), None, (), DRIVER)
    told = found(asked, replace(RUNNING, report=report))
    assert [each.what for each in told] == [
        f"/{each.file}: rd.aoe.mtu={number} is no number: the default is used" for each in asked.entries[:1]
    ]


def test_a_boot_folder_too_small_for_another_image_is_told(system: System) -> None:
    told = [*examine(replace(system, free=7)).findings]
    assert [(each.level, each.what) for each in told] == [
        ("warning", "/boot has 0 MiB left, and a new image takes 1")
    ]


def test_a_uuid_in_fstab_is_known_by_the_partitions(tmp_path: Path) -> None:
    sysroot = sample.make_system(tmp_path / "system")
    sample.respell(sysroot, "etc/fstab", "/dev/etherd/e11.0p1", "UUID=boot-uuid")
    named = sample.facts_of(sysroot)
    assert found(named, RUNNING) == []
    sample.respell(sysroot, "etc/fstab", "boot-uuid", "old-uuid")
    assert [each.what for each in found(sample.facts_of(sysroot), RUNNING)] == [
        "/etc/fstab:3: /boot is on UUID=old-uuid, not on e11.0: a boot waits for it, and stops"
    ]


@pytest.mark.parametrize(
    ("source", "path"), [("/dev/sda3", "dev/sda3"), ("UUID=AB-12", "dev/disk/by-uuid/AB-12")]
)
def test_a_local_disk_that_is_there_stops_no_boot(source: str, path: str, tmp_path: Path) -> None:
    sysroot = sample.make_system(tmp_path / "system")
    sample.respell(sysroot, "etc/fstab", "# made by hand", f"{source} /srv ext4 defaults 0 2")
    system = sample.facts_of(sysroot)
    assert [each.level for each in found(system, RUNNING)] == ["error"]
    (sysroot / path).parent.mkdir(parents=True, exist_ok=True)
    (sysroot / path).touch()
    assert [(each.level, each.what) for each in found(system, RUNNING)] == [
        (
            "warning",
            f"/etc/fstab:1: /srv is on {source}, not on e11.0: without that disk a boot waits 90 s for it",
        )
    ]


SPELLINGS = (
    "/dev/etherd/e11.0p2",
    "UUID=root-uuid",
    "UUID=ROOT-UUID",
    "PARTUUID=0a-02",
    "/dev/disk/by-uuid/root-uuid",
)


def named_by(tmp_path: Path, root: str, source: str) -> System:
    """Give a system whose entries and fstab name the root so."""
    sysroot = sample.make_system(tmp_path / "system")
    sample.respell(sysroot, "etc/fstab", sample.ROOT, source)
    sample.respell(sysroot, sample.MENU, sample.ROOT, root)
    return sample.facts_of(sysroot)


def told_of_roots(system: System, running: Running | None) -> list[str]:
    findings = examine(replace(system, running=running)).findings
    return [each.what for each in findings if each.level == "error" and "but /etc/fstab mounts" in each.what]


@pytest.mark.parametrize("source", SPELLINGS)
@pytest.mark.parametrize("root", SPELLINGS[:-1])
def test_one_root_may_be_spelled_in_two_ways(root: str, source: str, tmp_path: Path) -> None:
    system = named_by(tmp_path, root, source)
    partitions = (PARTITIONS[0], replace(PARTITIONS[1], partuuid="0a-02"))
    errors = [
        each for each in found(system, replace(RUNNING, partitions=partitions)) if each.level == "error"
    ]
    assert (errors, told_of_roots(system, None)) == ([], [])


@pytest.mark.parametrize(
    ("root", "source", "without_partitions"),
    [
        ("/dev/etherd/e11.0p1", "/dev/etherd/e11.0p2", 1),
        ("UUID=boot-uuid", "/dev/disk/by-uuid/root-uuid", 1),
        ("UUID=boot-uuid", "/dev/etherd/e11.0p2", 0),
    ],
)
def test_two_roots_are_told(root: str, source: str, without_partitions: int, tmp_path: Path) -> None:
    system = named_by(tmp_path, root, source)
    assert len(told_of_roots(system, RUNNING)) == 1
    assert len(told_of_roots(system, None)) == without_partitions


def refuse(*_words: object, **_more: object) -> Discovery:
    raise AoeinitError("packet sockets are not permitted", "run as root")


def test_a_root_on_no_target_is_said_first_and_last(system: System) -> None:
    driver = replace(DRIVER, dead_seconds=180)
    local = replace(RUNNING, report=None, driver=driver, local_root="/dev/vda3")
    report = examine(replace(system, running=local))
    assert report.findings == ()
    assert [*as_text(report, Path("/"))] == [
        "this system is on /dev/vda3, on no target: aoeinit migrate moves it to one",
        f"/: {verdict(report)}",
    ]
    assert verdict(report).startswith(
        "on /dev/vda3, on no target; a boot from one, as things are, would meet "
    )
    assert verdict(report).endswith(" would meet nothing that keeps it from booting")
    report = examine(replace(system, running=replace(local, answers=answers())))
    assert verdict(report).endswith("a boot from one, as things are, would meet 1 error")


def test_the_machine_is_asked_for_what_only_it_knows(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def discovered(_names: object, target: object, **_more: object) -> Discovery:
        asked.append(target)
        return answers(SERVER)

    monkeypatch.setattr(doctor_facts, "read_boot_report", lambda _root: RUNNING.report)
    monkeypatch.setattr("aoeinit.system.machine.mounted_filesystem", lambda _, point: point == "/boot")
    monkeypatch.setattr("aoeinit.system.machine.root_device", lambda _: "/dev/etherd/e11.0p2")
    monkeypatch.setattr(doctor_facts, "discover", discovered)
    monkeypatch.setattr(doctor_facts, "partitions_of", lambda _target: PARTITIONS)
    monkeypatch.setattr(doctor_facts, "running_interface", lambda _name, _mac: sample.BOOT)
    ask = doctor_facts.Asking()
    assert doctor_facts.running(system, ask).running == RUNNING
    assert (asked, ask.left_out) == ([sample.TARGET], [])
    monkeypatch.setattr("aoeinit.system.machine.root_device", lambda _: "/dev/vda3")
    monkeypatch.setattr("aoeinit.system.machine.is_on_target", lambda _device, _sysfs: False)
    monkeypatch.setattr(doctor_facts, "discover", refuse)
    found = doctor_facts.running(system, ask).running
    assert found is not None
    assert (found.answers, found.local_root) == (None, "/dev/vda3")
    assert ask.left_out == ["packet sockets are not permitted; run as root"]
