"""What ``aoeinit server export`` writes, run by systemd: found, kept in, kept running, and never twice."""

import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from aoeinit.aoe.target import Target
from aoeinit.server.exports import Export, Writes
from aoeinit.server.units import escape, escape_path
from aoeinit.server.vblade import MAX_MACS, files, restart
from aoeinit.system.namespace import Network, neighbour, network
from tests.lab.container import Container, container
from tests.lab.programs import LabError, run
from tests.lab.server_system import UNASKED, server_system
from tests.proof.test_discover import ask

PATIENCE = 30
MOST_EXPOSED = 2.0
"""Of 10, in the words of systemd-analyze(1): below 2.5 is "ok" to "safe"."""


@pytest.fixture(scope="module")
def places() -> Iterator[tuple[Container, Network]]:
    """A server, and a client on the same bridge."""
    with (
        TemporaryDirectory() as folder,
        network(taps=0) as net,
        neighbour(net, "eth1") as server,
        neighbour(net, "eth0") as client,
    ):
        disks = Path(folder) / "disks"
        disks.mkdir()
        for name in ("one", "two", "three", "golden"):
            with (disks / name).open("wb") as file:
                file.truncate(1 << 20)
        with container(server, server_system(), Path(folder), {"/srv": disks}, UNASKED) as system:
            yield system, client


def mac_of(client: Network) -> str:
    [link] = json.loads(run(client.inside(["ip", "-json", "link", "show", "eth0"])))
    return str(link["address"])


def put(system: Container, exports: Sequence[Export], *, debian: bool) -> list[str]:
    """Put exports in place as --install does, and run what it says; gives the units."""
    units = []
    for file in files(exports, debian=debian):
        place = system.root / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        if file.is_link:
            os.symlink(file.text, place)
        else:
            place.write_text(file.text)
            units += [place.name] if place.suffix == ".service" else []
            units += [f"vblade@{place.stem}.service"] if place.parent.name == "vblade.conf.d" else []
    system.run("sh", "-c", restart(debian=debian))
    return units


def wait_for_active(system: Container, unit: str, restarts: int = 0) -> None:
    """Wait until it runs, having been started again so many times."""
    patience = time.monotonic() + PATIENCE
    while time.monotonic() < patience:
        said = system.run("systemctl", "show", "--property=NRestarts,SubState,MainPID", unit)
        shown = dict(line.split("=") for line in said.splitlines())
        if shown["SubState"] == "running" and int(shown["NRestarts"]) >= restarts:
            return
        time.sleep(0.1)
    raise LabError(f"{unit}: {shown}\n{system.attempt('systemctl', 'status', unit).stdout}")


def pid_of(system: Container, unit: str) -> str:
    """Give the process, once systemd's own has become the program."""
    patience = time.monotonic() + PATIENCE
    while time.monotonic() < patience:
        pid = system.run("systemctl", "show", "--property=MainPID", "--value", unit).strip()
        with suppress(OSError):
            if (system.root / "proc" / pid / "comm").read_text() == "vblade\n":
                return pid
        time.sleep(0.1)
    raise LabError(f"{unit} runs no vblade")


def paths_to(client: Network, target: str) -> list[dict[str, object]]:
    done = ask(client, "--json", "--target", target)
    return [path for each in json.loads(done.stdout)["targets"] for path in each["paths"]]


def found_paths(client: Network, target: str) -> list[dict[str, object]]:
    """The same when somebody answers: vblade may not have opened its socket yet."""
    patience = time.monotonic() + PATIENCE
    while not (found := paths_to(client, target)) and time.monotonic() < patience:
        pass
    return found


@pytest.fixture(params=[True, False], ids=["debian", "ours"])
def debian(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def unit(places: tuple[Container, Network], *, debian: bool) -> str:
    system, client = places
    export = Export(Target(1, int(debian)), f"/srv/{'one' if debian else 'two'}", "eth1", (mac_of(client),))
    [name] = put(system, [export], debian=debian)
    wait_for_active(system, name)
    return name


def test_the_client_finds_its_target_and_nobody_else_does(
    places: tuple[Container, Network], unit: str, *, debian: bool
) -> None:
    system, client = places
    assert unit
    [path] = found_paths(client, f"e1.{int(debian)}")
    assert path["refusal"] is None
    run(client.inside(["ip", "link", "set", "eth0", "down"]))
    real = mac_of(client)
    try:
        run(client.inside(["ip", "link", "set", "eth0", "address", "52:54:00:11:00:99", "up"]))
        assert paths_to(client, f"e1.{int(debian)}") == []
    finally:
        run(client.inside(["ip", "link", "set", "eth0", "down"]))
        run(client.inside(["ip", "link", "set", "eth0", "address", real, "up"]))
    assert system.run("systemctl", "is-enabled", "vblade.service" if debian else "vblade.target")


def test_systemd_has_nothing_to_say_against_the_unit(places: tuple[Container, Network], unit: str) -> None:
    system, _ = places
    done = system.attempt("systemd-analyze", "verify", "--man=no", unit)
    assert [line for line in done.stderr.splitlines() if "vblade" in line] == []
    assert done.returncode == 0, done.stderr


def test_the_unit_is_shut_in(places: tuple[Container, Network], unit: str) -> None:
    system, _ = places
    said = system.run("systemd-analyze", "security", "--no-pager", unit)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert found, said
    assert float(found[1]) < MOST_EXPOSED
    root = system.root / "proc" / pid_of(system, unit)
    assert "CapEff:\t0000000000002000" in (root / "status").read_text()
    assert "Seccomp:\t2" in (root / "status").read_text()
    mounts = {line.split()[4]: line.split()[5] for line in (root / "mountinfo").read_text().splitlines()}
    assert mounts["/"].startswith("ro,")
    disk = "/srv/one" if "@" in unit else "/srv/two"
    assert mounts[disk].startswith("rw,")


def test_writes_are_on_the_disk_when_the_client_is_told(places: tuple[Container, Network], unit: str) -> None:
    system, client = places
    assert found_paths(client, "e1.1" if "@" in unit else "e1.0")
    folder = system.root / "proc" / pid_of(system, unit)
    flags = [
        re.search(r"^flags:\t0*([0-7]+)$", (folder / "fdinfo" / each.name).read_text(), re.MULTILINE)
        for each in (folder / "fd").iterdir()
        if os.readlink(each).startswith("/srv/")
    ]
    assert [int(found[1], 8) & os.O_SYNC for found in flags if found] == [os.O_SYNC]


def test_it_is_started_again_however_often_it_ends(places: tuple[Container, Network], unit: str) -> None:
    system, client = places
    before = int(system.run("systemctl", "show", "--property=NRestarts", "--value", unit))
    for number in range(1, 9):  # systemd gives up after 5 by default
        system.run("systemctl", "kill", "--signal=KILL", unit)
        wait_for_active(system, unit, before + number)
    assert found_paths(client, "e1.1" if "@" in unit else "e1.0")


def test_many_clients_of_one_disk_are_each_answered_once(
    places: tuple[Container, Network], *, debian: bool
) -> None:
    system, client = places
    others = tuple(f"52:54:00:12:00:{number:02x}" for number in range(MAX_MACS + 3))
    golden = Export(Target(2, int(debian)), "/srv/golden", "eth1", (*others, mac_of(client)), read_only=True)
    units = put(system, [golden], debian=debian)
    assert len(units) == 2
    for each in units:
        wait_for_active(system, each)
    assert len(found_paths(client, f"e2.{int(debian)}")) == 1


def test_names_are_escaped_as_systemd_does(places: tuple[Container, Network]) -> None:
    system, _ = places
    paths = ["/dev/vg/a-b", "/dev/rbd/pool/a@b", "/dev/disk/by-id/x+y=z,~%w", "/.hidden/a", "/srv/a:b_c.img"]
    assert [escape_path(path) for path in paths] == system.run("systemd-escape", "--path", *paths).split()
    assert escape("e11.0.lan-0:2") == system.run("systemd-escape", "e11.0.lan-0:2").strip()


def test_the_other_kinds_of_writing_work_too(places: tuple[Container, Network]) -> None:
    system, client = places
    macs = (mac_of(client),)
    for number, writes in enumerate((Writes.DIRECT, Writes.CACHED)):
        made = Export(Target(3, number), "/srv/three", "eth1", macs, writes=writes, buffers=32)
        [name] = put(system, [made], debian=False)
        wait_for_active(system, name)
        [path] = found_paths(client, f"e3.{number}")
        assert path["buffers"] == 32
