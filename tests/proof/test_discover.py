"""``aoeinit discover`` against a real vblade, beside aoeping of aoetools, and under fire."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from aoeinit.system.beside import running, serving
from aoeinit.system.commands import environment
from aoeinit.system.namespace import Network, neighbour, network
from aoeinit.system.servers import vblade
from aoeinit.trial.layout import BRIDGE, SERVER_MAC
from tests.lab.image import TOP
from tests.lab.programs import run

DISCOVER = ["env", f"PYTHONPATH={TOP}", sys.executable, "-m", "aoeinit", "discover"]
CONFIG = "a configuration string of forty bytes..."
"""aoeping takes no answer of less than 60 bytes, which veth, unlike real cards, does not fill up."""


@pytest.fixture
def net() -> Iterator[Network]:
    with network(taps=0) as made:
        yield made


@pytest.fixture
def client(net: Network) -> Iterator[Network]:
    with neighbour(net, "eth0") as made:
        yield made


def make_disk(folder: Path, size: int = 1 << 20, name: str = "disk") -> Path:
    path = folder / name
    with path.open("wb") as file:
        file.truncate(size)
    return path


def ask(machine: Network, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        machine.inside([*DISCOVER, *arguments]),
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback" not in done.stderr
    return done


def found(machine: Network, *arguments: str) -> dict[str, Any]:
    """What is found, as data; the command must end well."""
    done = ask(machine, "--json", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    values: dict[str, Any] = json.loads(done.stdout)
    return values


def only_path(values: dict[str, Any]) -> dict[str, Any]:
    [target] = values["targets"]
    [path] = target["paths"]
    return {"target": target["target"], **path}


def mac_of(machine: Network, interface: str = "eth0") -> str:
    return run(machine.inside(["ip", "-o", "link", "show", interface])).split("link/ether ")[1].split()[0]


def second_server(net: Network, folder: Path) -> list[str]:
    """Give the network a second server, which is to be started with the command that is returned."""
    for words in (
        "add server1 address 52:54:00:11:ff:02 type veth peer name port1",
        f"set port1 master {BRIDGE} up",
        "set server1 up",
    ):
        run(net.inside(["ip", "link", *words.split()]))
    return net.inside(["vblade", "11", "0", "server1", str(make_disk(folder, name="second"))])


def dump(text: str, title: str) -> bytes:
    """The bytes of a hexadecimal dump of aoeping, below its title."""
    after = text.partition(f"{title}:\n")[2]
    lines = re.match(r"(?:(?:[0-9a-f]{2} )+\n)+", after)
    assert lines is not None
    return bytes.fromhex(lines[0])


@pytest.mark.parametrize(("mtu", "sectors"), [(1500, 2), (9000, 17)])
def test_aoeping_sees_the_same(tmp_path: Path, mtu: int, sectors: int) -> None:
    disk = make_disk(tmp_path, 100 << 20)
    with network(taps=0, mtu=mtu) as net, neighbour(net, "eth0") as client, vblade(net, disk):
        run(client.inside(["aoecfg", "-c", "fset", "-s", CONFIG, "-t", "5", "11", "0", "eth0"]))
        raw, fields = (
            run(client.inside(["aoeping", "-v", option, "-s", "5", "11", "0", "eth0"]))
            for option in ("-i", "-I")
        )
        ours = only_path(found(client))
    config, identity = dump(raw, "config query response"), dump(raw, "device identify response")
    assert f"found {ours['target']} with mac {ours['server'].replace(':', '')}\n" in raw
    assert int.from_bytes(config[24:26], "big") == ours["buffers"] == 16
    assert int.from_bytes(config[26:28], "big") == ours["firmware"]
    assert config[28] == ours["sectors_per_frame"] == sectors
    assert config[32:].decode() == ours["config"] == CONFIG
    assert int.from_bytes(identity[200:208], "little") * 512 == ours["identity"]["size"] == 100 << 20
    theirs = dict(re.findall(r"^(\w+): (.*?) *$", fields, re.MULTILINE))
    assert theirs["serial_number"] == ours["identity"]["serial"]
    assert theirs["model"] == ours["identity"]["model"] == "Coraid EtherDrive vblade"
    assert theirs["firmware_rev"] == ours["identity"]["firmware"]
    assert ours["server"] == SERVER_MAC


@pytest.mark.parametrize("size", [512, 5 << 40])
def test_the_smallest_disk_and_one_beyond_28_bits_of_sectors(
    net: Network, client: Network, tmp_path: Path, size: int
) -> None:
    with vblade(net, make_disk(tmp_path, size), shelf=65534, slot=254, read_only=True):
        path = only_path(found(client))
    assert (path["target"], path["identity"]["size"]) == ("e65534.254", size)


def test_a_server_on_two_interfaces_is_two_paths(net: Network, tmp_path: Path) -> None:
    with neighbour(net, "eth0", "eth1") as client, vblade(net, make_disk(tmp_path)):
        [target] = found(client)["targets"]
        one = only_path(found(client, "--interface", "eth1"))
    assert [path["interface"] for path in target["paths"]] == ["eth0", "eth1"]
    assert target["conflict"] is None
    assert one["interface"] == "eth1"


def test_two_servers_of_one_target_are_a_conflict_until_they_are_declared(
    net: Network, client: Network, tmp_path: Path
) -> None:
    second = second_server(net, tmp_path)
    with vblade(net, make_disk(tmp_path)), serving(second, tmp_path / "log", ready="e11.0"):
        [target] = found(client)["targets"]
        heads = ",".join(path["server"] for path in target["paths"])
        [declared] = found(client, "--heads", f"e11.0={heads}")["targets"]
        shown = ask(client)
    assert [path["server"] for path in target["paths"]] == [SERVER_MAC, "52:54:00:11:ff:02"]
    assert "are not declared as its heads" in target["conflict"]
    assert (declared["conflict"], len(declared["paths"])) == (None, 2)
    assert f"--heads e11.0={heads}" in shown.stdout


def test_a_list_of_macs_hides_a_target_and_the_hint_says_so(
    net: Network, client: Network, tmp_path: Path
) -> None:
    disk = make_disk(tmp_path)
    with vblade(net, disk, masks=["00:00:00:00:00:01"]):
        hidden = ask(client)
    with vblade(net, disk, masks=["00:00:00:00:00:01", mac_of(client)]):
        shown = only_path(found(client))
    assert hidden.returncode == 1
    assert f"nothing answers on eth0 ({mac_of(client)})" in hidden.stderr
    assert "-m" in hidden.stderr
    assert shown["server"] == SERVER_MAC


def test_one_target_is_asked_for(net: Network, client: Network, tmp_path: Path) -> None:
    one, other = (make_disk(tmp_path, name=name) for name in ("one", "other"))
    with vblade(net, one), vblade(net, other, slot=1):
        assert [each["target"] for each in found(client)["targets"]] == ["e11.0", "e11.1"]
        assert only_path(found(client, "--target", "e11.1"))["target"] == "e11.1"
        assert ask(client, "--target", "e11.2").returncode == 1


def test_round_trips_are_measured(net: Network, client: Network, tmp_path: Path) -> None:
    with vblade(net, make_disk(tmp_path)):
        times = only_path(found(client, "--ping", "20"))["round_trips"]
    assert times["sent"] == 20
    assert times["answered"] >= 19
    assert 0 < times["minimum"] <= times["median"] <= times["maximum"]


def test_what_comes_and_goes_is_told(net: Network, client: Network, tmp_path: Path) -> None:
    # Whoever starts the tests in the background may have made them deaf to it.
    heard = ["env", "--default-signal=INT"]
    command = client.inside([*heard, *DISCOVER, "--watch", "--json", "--timeout", "0.2"])
    with running(command, stdout=subprocess.PIPE) as watching:
        assert watching.stdout is not None
        first = watching.stdout.readline().decode()
        with vblade(net, make_disk(tmp_path)):
            came = json.loads(watching.stdout.readline())
        gone = json.loads(watching.stdout.readline())
        watching.send_signal(signal.SIGINT)
        assert watching.wait(10) == 0
    assert first == f"aoeinit: nothing answers on eth0 ({mac_of(client)}) yet\n"
    assert [(each["event"], each["target"], each["server"]) for each in (came, gone)] == [
        ("came", "e11.0", SERVER_MAC),
        ("gone", "e11.0", SERVER_MAC),
    ]


def test_an_interface_that_cannot_be_used_is_named(net: Network, client: Network) -> None:
    [port] = re.findall(r"(eth0-\d+)@", run(net.inside(["ip", "-o", "link"])))
    for machine, name, message in (
        (client, "lo", "it is the loopback"),
        (client, "eth7", "no network interface 'eth7'"),
        (net, port, f"belongs to {BRIDGE}, which gets its frames"),
    ):
        done = ask(machine, "--interface", name)
        assert done.returncode == 1
        assert message in done.stderr
    run(net.inside(["ip", "link", "set", port, "down"]))
    assert "eth0 has no carrier" in ask(client, "--interface", "eth0").stderr
    run(client.inside(["ip", "link", "set", "eth0", "down"]))
    assert "eth0 is down" in ask(client).stderr


def test_who_may_not_send_frames_is_told_so(client: Network) -> None:
    command = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", *DISCOVER]
    done = subprocess.run(
        client.inside(command), env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("aoeinit: no right to send and receive AoE frames (CAP_NET_RAW)\n")


@contextmanager
def fleet(net: Network, count: int, deaf: int = 0) -> Iterator[None]:
    """A machine that serves many targets but misses the first frames."""
    with neighbour(net, "eth0") as server:
        command = ["env", f"PYTHONPATH={TOP}", sys.executable, "-m", "tests.proof.fleet", "eth0"]
        with running(server.inside([*command, str(count), str(deaf)]), stdout=subprocess.PIPE) as serving_all:
            assert serving_all.stdout is not None
            assert serving_all.stdout.readline() == b"ready\n"
            yield


def test_a_thousand_targets_that_answer_at_the_same_time(net: Network, client: Network) -> None:
    with fleet(net, 1000):
        values = found(client)
    assert len(values["targets"]) == 1000
    assert all(path["identity"] for each in values["targets"] for path in each["paths"])


def test_a_target_that_misses_two_probes_is_found(net: Network, client: Network) -> None:
    with fleet(net, 1, deaf=2):
        assert only_path(found(client))["identity"]


def test_under_fire_the_target_is_found_and_nothing_reaches_the_terminal(
    net: Network, client: Network, tmp_path: Path
) -> None:
    with neighbour(net, "eth0") as foe, vblade(net, make_disk(tmp_path)):
        command = foe.inside(["env", f"PYTHONPATH={TOP}", sys.executable, "-m", "tests.proof.hostile"])
        with running([*command, "eth0", mac_of(client)], stdout=subprocess.PIPE) as firing:
            assert firing.stdin is not None
            assert firing.stdout is not None
            assert firing.stdout.readline() == b"ready\n"
            values = found(client)
            shown = ask(client)
            firing.stdin.close()
            sent = int(firing.stdout.readline())
    [target] = [each for each in values["targets"] if each["target"] == "e11.0"]
    [path] = [each for each in target["paths"] if each["server"] == SERVER_MAC]
    assert path["identity"]["size"] == 1 << 20
    assert sent > 1000
    assert {"shorter than a header", "not version 1", "shorter than a config"} <= set(values["ignored"])
    assert sum(values["ignored"].values()) > 100
    assert shown.returncode == 0
    assert all(each.isprintable() for each in shown.stdout.replace("\n", ""))


SPOILT_ANSWERS = """
import socket
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(("eth0", 0x88A2))
print("ready", flush=True)
while True:
    probe = wire.recv(1 << 16)
    head = probe[6:12] + wire.getsockname()[4] + probe[12:14]
    kernels = b"\\0" + probe[21:24]
    for flags, tag in (0x28, probe[20:24]), (0x28, kernels), (0x20, probe[20:24]):
        wire.send(head + bytes([flags]) + probe[15:20] + tag + bytes(8))
    wire.send(head)
"""
"""Sends four frames for a probe: version 2, the same with a tag of the driver's, a request, no header."""


def test_frames_for_the_kernels_driver_are_not_looked_at(net: Network, client: Network) -> None:
    with neighbour(net, "eth0") as foe:
        command = foe.inside([sys.executable, "-c", SPOILT_ANSWERS])
        with running(command, stdout=subprocess.PIPE) as answering:
            assert answering.stdout is not None
            assert answering.stdout.readline() == b"ready\n"
            done = ask(client, "--json")
    assert json.loads(done.stdout)["ignored"] == {"not version 1": 3, "shorter than a header": 3}
    assert done.returncode == 1
