"""Exports: the files that run vblade, and the values that are refused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoeinit.errors import ConfigError
from aoeinit.server.exports import Export, Writes, overlap, parse_device
from aoeinit.server.units import escape, escape_path
from aoeinit.server.vblade import MAX_MACS, batches, files, is_of, options, restart
from tests.unit.server_samples import CONF, DISK, DROP_IN, E11_0, MAC, UNIT, many_macs


def text_of(export: Export, *, debian: bool) -> str:
    return "\n".join(file.text for file in files([export], debian=debian))


@pytest.mark.parametrize(
    ("export", "words"),
    [
        (DISK, ["-b", "16", "-s", "-m", MAC]),
        (Export(E11_0, "/srv/x", "eth0"), ["-b", "16", "-s"]),
        (Export(E11_0, "/srv/x", "eth0", writes=Writes.DIRECT, buffers=64), ["-b", "64", "-d"]),
        (Export(E11_0, "/srv/x", "eth0", writes=Writes.CACHED), ["-b", "16"]),
        (Export(E11_0, "/srv/x", "eth0", read_only=True), ["-b", "16", "-r"]),
        (Export(E11_0, "/srv/x", "eth0", many_macs(2)), ["-b", "16", "-s", "-m", ",".join(many_macs(2))]),
    ],
)
def test_vblade_is_told_how_to_write_and_whom_to_serve(export: Export, words: list[str]) -> None:
    assert list(options(export)) == words


def test_a_unit_of_ours_names_all_of_it_and_is_started_with_the_system() -> None:
    made = {file.path: file for file in files([DISK], debian=False)}
    text = made[UNIT].text
    assert f"\nExecStart=/usr/sbin/vblade -b 16 -s -m {MAC} 11 0 eth0 /dev/vg/hyperion\n" in text
    links = {path: file.text for path, file in made.items() if file.is_link}
    assert links == {
        "etc/systemd/system/multi-user.target.wants/vblade.target": "../vblade.target",
        "etc/systemd/system/vblade.target.wants/vblade-e11.0.eth0.service": "../vblade-e11.0.eth0.service",
    }


def test_debians_unit_gets_its_settings_and_a_drop_in() -> None:
    made = {file.path: file.text for file in files([DISK], debian=True)}
    assert made.keys() == {CONF, DROP_IN}
    settings = ["shelf=11", "slot=0", "netif=eth0", "filename=/dev/vg/hyperion"]
    assert made[CONF].splitlines()[1:] == [*settings, f"options='-b 16 -s -m {MAC}'"]
    assert "ExecStart" not in made[DROP_IN]


@pytest.mark.parametrize("debian", [True, False])
@pytest.mark.parametrize(
    ("export", "lines"),
    [
        (DISK, ["DeviceAllow=/dev/vg/hyperion rw", "ProtectHome=yes", "PrivateTmp=yes"]),
        (Export(E11_0, "/dev/sdb", "eth0", read_only=True), ["DeviceAllow=/dev/sdb r"]),
        (Export(E11_0, "/srv/a.img", "eth0"), ["ReadWritePaths=/srv/a.img", "RequiresMountsFor=/srv/a.img"]),
        (Export(E11_0, "/srv/50%.img", "eth0"), ["ReadWritePaths=/srv/50%%.img"]),
        (Export(E11_0, "/home/me/a.img", "eth0"), ["ProtectHome=read-only"]),
        (Export(E11_0, "/var/tmp/a.img", "eth0"), ["PrivateTmp=no"]),  # noqa: S108 - only a name
        (DISK, ["StartLimitIntervalSec=0", "Restart=always", "RestartSec=200ms", "DevicePolicy=closed"]),
    ],
)
def test_vblade_is_shut_in_with_its_disk(export: Export, lines: list[str], debian: bool) -> None:  # noqa: FBT001 - a parameter
    assert set(lines) <= set(text_of(export, debian=debian).splitlines())


def test_a_shared_file_is_never_made_writable() -> None:
    assert "ReadWritePaths" not in text_of(Export(E11_0, "/srv/a", "eth0", read_only=True), debian=False)


def test_more_clients_than_one_vblade_has_room_for_get_several() -> None:
    macs = many_macs(2 * MAX_MACS + 1)
    parts = list(batches(Export(E11_0, "/dev/vg/golden", "eth0", macs, read_only=True)))
    assert [name for name, _ in parts] == ["e11.0.eth0", "e11.0.eth0:2", "e11.0.eth0:3"]
    assert tuple(mac for _, part in parts for mac in part.macs) == macs
    assert max(len(part.macs) for _, part in parts) == MAX_MACS


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\n"), min_size=1, max_size=12))
def test_names_of_units_use_plain_letters_only(text: str) -> None:
    assert set(escape(text)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.-\\")
    assert not escape(text).startswith(".")


@pytest.mark.parametrize(
    ("path", "unit"),
    [("/dev/vg/a-b", r"dev-vg-a\x2db"), ("/dev/sda", "dev-sda"), ("/dev/rbd/p/i@s", r"dev-rbd-p-i\x40s")],
)
def test_a_path_is_escaped_as_systemd_does(path: str, unit: str) -> None:
    assert escape_path(path) == unit


@pytest.mark.parametrize(
    "path",
    [
        "",
        "x",
        "/",
        "/dev/a b",
        "/dev/a'b",
        "/dev/$x",
        "/dev/../etc/shadow",
        "/dev//sda",
        "/dev/sda/",
        "/a\nb",
        "/ä",
    ],
)
def test_paths_that_a_unit_could_not_name_are_refused(path: str) -> None:
    with pytest.raises(ConfigError):
        parse_device(path)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("/dev/sda", "/dev/sda", True),
        ("/dev/sda", "/dev/sda1", True),
        ("/dev/sda1", "/dev/sda2", False),
        ("/dev/nvme0n1p2", "/dev/nvme0n1", True),
        ("/dev/zvol/tank/a-part1", "/dev/zvol/tank/a", True),
        ("/dev/vg/disk", "/dev/vg/disk1", False),
        ("/srv/a", "/srv/a1", False),
    ],
)
def test_a_partition_overlaps_with_its_disk(one: str, other: str, *, same: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is same


@pytest.mark.parametrize(
    "export",
    [
        replace(DISK, buffers=0),
        replace(DISK, buffers=65536),
        replace(DISK, macs=("x",)),
        replace(DISK, interface="a b"),
        replace(DISK, device="x"),
    ],
)
def test_values_that_cannot_be_are_refused(export: Export) -> None:
    with pytest.raises(ConfigError):
        export.checked()


AND_START = " && systemctl restart vblade.target"


@pytest.mark.parametrize(
    ("removed", "debian", "commands"),
    [
        ([], True, "systemctl daemon-reload && systemctl restart vblade.service"),
        ([CONF, DROP_IN], True, "systemctl daemon-reload && systemctl restart vblade.service"),
        (
            [UNIT],
            False,
            "systemctl stop vblade-e11.0.eth0.service; systemctl daemon-reload" + AND_START,
        ),
        (
            [UNIT.replace("eth0", r"br\x2dlan"), "etc/systemd/system/vblade.target"],
            False,
            r"systemctl stop 'vblade-e11.0.br\x2dlan.service' vblade.target; systemctl daemon-reload",
        ),
    ],
)
def test_a_unit_that_is_gone_is_stopped_by_name(removed: list[str], commands: str, *, debian: bool) -> None:
    assert restart(removed, debian=debian) == commands


@pytest.mark.parametrize(
    ("path", "own"),
    [
        (CONF, True),
        (DROP_IN, True),
        (UNIT, True),
        (CONF.replace(".conf", ":2.conf"), True),
        (CONF.replace("e11", "e111"), False),
        (CONF.replace("eth0", "eth0.5"), False),
        (UNIT.replace("e11.0", "e11.01"), False),
    ],
)
def test_the_files_of_an_export_are_known_by_name(path: str, *, own: bool) -> None:
    assert is_of(DISK, path) is own
