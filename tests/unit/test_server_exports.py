"""Exports: the files that run vblade, what is refused, and that all of it can be taken back."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from aoeinit.aoe.target import Target
from aoeinit.cli.server import server
from aoeinit.errors import ConfigError
from aoeinit.server.existing import Found, existing, refuse_twice, refuse_two_names
from aoeinit.server.exports import Export, Writes, overlap, parse_device
from aoeinit.server.units import escape, escape_path
from aoeinit.server.vblade import MAX_MACS, batches, files, is_of, options, restart

MAC = "52:54:00:11:00:01"
E11_0 = Target(11, 0)
DISK = Export(E11_0, "/dev/vg/hyperion", "eth0", (MAC,))
CONF = "etc/vblade.conf.d/e11.0.eth0.conf"
DROP_IN = "etc/systemd/system/vblade@e11.0.eth0.service.d/aoeinit.conf"
UNIT = "etc/systemd/system/vblade-e11.0.eth0.service"


def text_of(export: Export, *, debian: bool) -> str:
    return "\n".join(file.text for file in files([export], debian=debian))


def many_macs(count: int) -> tuple[str, ...]:
    return tuple(f"52:54:00:11:{number >> 8:02x}:{number & 0xFF:02x}" for number in range(count))


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


def put(sysroot: Path, path: str, text: str = "") -> None:
    (sysroot / path).parent.mkdir(parents=True, exist_ok=True)
    (sysroot / path).write_text(text)


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        (
            "etc/vblade.conf.d/a.conf",
            "# mine\nshelf=11\nslot=\"0\"\nnetif=eth0 # lan\nfilename='/dev/sda'\noptions='-r -m a,b'\n",
            ("e11.0", "eth0", "/dev/sda", True),
        ),
        (
            "etc/vblade.conf.d/a.conf",
            "shelf=1\nslot=2\nnetif=br0\nfilename=/srv/x\noptions='-m r -b 8'\n",
            ("e1.2", "br0", "/srv/x", False),
        ),
        (
            "etc/systemd/system/old.service",
            "[Service]\nExecStart=-/usr/sbin/vblade -dr \\\n -b 4 3 4 eth1 /srv/50%%.img\n",
            ("e3.4", "eth1", "/srv/50%.img", True),
        ),
        (
            "etc/systemd/system/old.service",
            "[Service]\nExecStart=/usr/bin/ionice -c2 /usr/sbin/vblade 3 4 eth1 /dev/sdb -sm aa,bb\n",
            ("e3.4", "eth1", "/dev/sdb", False),
        ),
        (
            "etc/systemd/system/old.service",
            "[Service]\n  ExecStart = /usr/sbin/vblade 3 4 eth1 /dev/sdb\n",
            ("e3.4", "eth1", "/dev/sdb", False),
        ),
    ],
)
def test_exports_of_others_are_read(
    tmp_path: Path, path: str, text: str, found: tuple[str, str, str, bool]
) -> None:
    put(tmp_path, path, text)
    target, interface, device, read_only = found
    assert existing(tmp_path) == (Found(path, Target.parse(target), interface, device, read_only),)


@pytest.mark.parametrize(
    "text",
    ["", "shelf=1\nslot=2\nnetif=br0\n", "shelf=x\nslot=2\nnetif=a\nfilename=/b", "\0='", "shelf='1\n"],
)
def test_files_that_export_nothing_are_passed_over(tmp_path: Path, text: str) -> None:
    put(tmp_path, "etc/vblade.conf.d/a.conf", text)
    put(tmp_path, "etc/systemd/system/a.service", f"[Service]\nExecStart=/bin/true {text!r}\n")
    (tmp_path / "etc/vblade.conf.d/folder.conf").mkdir()
    assert existing(tmp_path) == ()


@pytest.mark.parametrize(
    ("other", "refused"),
    [
        (Found("x", E11_0, "eth0", "/dev/sdz", read_only=False), True),
        (Found("x", E11_0, "eth1", "/dev/sdz", read_only=False), True),
        (Found("x", E11_0, "eth1", DISK.device, read_only=False), False),
        (Found("x", E11_0, "eth0", DISK.device, read_only=False), True),
        (Found("x", Target(12, 0), "eth0", DISK.device, read_only=False), True),
        (Found("x", Target(12, 0), "eth0", DISK.device, read_only=True), True),
        (Found("x", Target(12, 0), "eth0", "/dev/sdz", read_only=False), False),
        (Found("ours", E11_0, "eth0", DISK.device, read_only=False), False),
    ],
)
def test_nothing_is_exported_twice(tmp_path: Path, other: Found, *, refused: bool) -> None:
    if refused:
        with pytest.raises(ConfigError, match=r"^/x exports .* already$"):
            refuse_twice(tmp_path, [DISK], [other], ["ours"])
    else:
        refuse_twice(tmp_path, [DISK], [other], ["ours"])


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    """A system with a volume and a partition that have several names each."""
    for path in ("dev/dm-0", "dev/sda", "dev/sda1"):
        put(tmp_path, path)
    for link, leads in {
        "dev/vg/h": "../dm-0",
        "dev/mapper/vg-h": "/dev/dm-0",
        "dev/disk/by-id/ata-x-part1": "../../sda1",
        "dev/loop-of-links": "loop-of-links",
    }.items():
        (tmp_path / link).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / link).symlink_to(leads)
    return tmp_path


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("/dev/vg/h", "/dev/mapper/vg-h", True),
        ("/dev/vg/h", "/dev/dm-0", True),
        ("/dev/disk/by-id/ata-x-part1", "/dev/sda", True),
        ("/dev/disk/by-id/ata-x-part1", "/dev/vg/h", False),
        ("/dev/vg/h", "/dev/mapper/not-there", False),
        ("/dev/loop-of-links", "/dev/vg/h", False),
    ],
)
@pytest.mark.parametrize("read_only", [True, False])
def test_a_disk_is_known_by_all_its_names(
    devices: Path, one: str, other: str, *, same: bool, read_only: bool
) -> None:
    for first, second in ((one, other), (other, one)):
        found = Found("x", Target(12, 0), "eth0", second, read_only)
        export = Export(E11_0, first, "eth0", read_only=read_only)
        fleet = [export, Export(Target(12, 0), second, "eth0", read_only=read_only)]
        if same and not read_only:
            with pytest.raises(ConfigError, match=r"^/x exports .* already$"):
                refuse_twice(devices, [export], [found], [])
            with pytest.raises(ConfigError, match=rf"{first} .* and {second} .* are one disk"):
                refuse_two_names(devices, fleet)
        else:
            refuse_twice(devices, [export], [found], [])
            refuse_two_names(devices, fleet)


def call(*words: str) -> Result:
    return CliRunner().invoke(server, words, catch_exceptions=False)


def ask(sysroot: Path, *more: str, device: str = "/dev/vg/hyperion", mac: str = MAC) -> Result:
    words = ("--target", "e11.0", "--device", device, "--interface", "eth0", "--mac", mac)
    done = call("export", "--sysroot", str(sysroot), *words, *more)
    assert done.exit_code == 0, done.output
    return done


def tree(sysroot: Path) -> dict[str, str]:
    paths = [path for path in sysroot.rglob("*") if path.is_symlink() or path.is_file()]
    return {
        str(path.relative_to(sysroot)): str(path.readlink()) if path.is_symlink() else path.read_text()
        for path in paths
    }


@pytest.fixture(params=["ours", "debian"])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "debian":
        put(tmp_path, "usr/lib/systemd/system/vblade@.service")
    return tmp_path


def test_an_export_is_printed_and_nothing_written(system: Path) -> None:
    before = tree(system)
    shown = ask(system).stdout
    assert "/dev/vg/hyperion" in shown
    assert shown.startswith("# /etc/")
    assert {each["path"] for each in json.loads(ask(system, "--json").stdout)} <= {
        *(f"/{path}" for path in (CONF, DROP_IN, UNIT)),
        "/etc/systemd/system/vblade.target",
        "/etc/systemd/system/vblade.target.wants/vblade-e11.0.eth0.service",
        "/etc/systemd/system/multi-user.target.wants/vblade.target",
    }
    assert tree(system) == before


def test_an_export_is_put_in_place_once_and_taken_back(system: Path) -> None:
    before = tree(system)
    assert "would write" in ask(system, "--install", "--dry-run").stdout
    assert tree(system) == before
    assert (
        "on that system run: systemctl daemon-reload && systemctl restart vblade."
        in ask(system, "--install").stdout
    )
    installed = tree(system)
    assert ask(system, "--install").stdout == "nothing to change: all is in place\n"
    assert tree(system) == installed
    call("export", "--sysroot", str(system), "--undo")
    assert tree(system) == before


def test_fewer_macs_take_the_further_vblades_away(system: Path) -> None:
    ask(system, "--install", mac=",".join(many_macs(MAX_MACS + 1)))
    assert any(":2" in path for path in tree(system))
    ask(system, "--install")
    assert not any(":2" in path for path in tree(system))


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


def test_what_is_taken_back_or_moved_to_debians_unit_is_stopped(tmp_path: Path) -> None:
    stop = "on that system run: systemctl stop vblade-e11.0.eth0.service"
    ask(tmp_path, "--install")
    undone = call("export", "--sysroot", str(tmp_path), "--undo").stdout
    assert f"{stop} vblade.target; systemctl daemon-reload\n" in undone
    ask(tmp_path, "--install")
    put(tmp_path, "usr/lib/systemd/system/vblade@.service")
    moved = ask(tmp_path, "--install").stdout
    assert f"{stop}; systemctl daemon-reload && systemctl restart vblade.service\n" in moved


def test_a_server_that_gets_debians_package_leaves_our_unit(tmp_path: Path) -> None:
    ask(tmp_path, "--install")
    put(tmp_path, "usr/lib/systemd/system/vblade@.service")
    ask(tmp_path, "--install")
    assert {CONF, DROP_IN} < tree(tmp_path).keys()
    assert UNIT not in tree(tmp_path)


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


def test_what_somebody_else_exports_is_refused(system: Path) -> None:
    put(system, "etc/vblade.conf.d/mine.conf", "shelf=11\nslot=0\nnetif=eth0\nfilename=/dev/sdz\n")
    with pytest.raises(ConfigError, match=r"/etc/vblade.conf.d/mine.conf exports e11.0 on eth0 already"):
        ask(system, "--install")


def test_a_file_of_the_admins_is_not_overwritten(system: Path) -> None:
    path = next(each["path"] for each in json.loads(ask(system, "--json").stdout) if "e11.0" in each["path"])
    put(system, path.lstrip("/"), "# mine\n")
    before = tree(system)
    with pytest.raises(ConfigError, match=rf"^{path} is there already, and aoeinit has not written it$"):
        ask(system, "--install")
    assert tree(system) == before


def test_a_link_of_the_admins_is_not_overwritten(tmp_path: Path) -> None:
    link = tmp_path / "etc/systemd/system/multi-user.target.wants/vblade.target"
    link.parent.mkdir(parents=True)
    link.symlink_to("/srv/vblade.target")
    with pytest.raises(ConfigError, match=r"vblade\.target is there already"):
        ask(tmp_path, "--install")


def test_a_file_of_ours_is_written_again_without_a_record_or_after_a_change(system: Path) -> None:
    ask(system, "--install")
    installed = tree(system)
    (system / "var/lib/aoeinit/server-export.json").unlink()
    ask(system, "--install", device="/dev/vg/rhea")
    changed = next(path for path in installed if "e11.0" in path and not (system / path).is_symlink())
    put(system, changed, "# changed by somebody\n")
    ask(system, "--install")
    assert {path: text for path, text in tree(system).items() if path.startswith("etc")} == {
        path: text for path, text in installed.items() if path.startswith("etc")
    }


@pytest.mark.parametrize(
    "words",
    [
        ["--target", "e11.0"],
        ["--undo", "--target", "e11.0"],
        ["--target", "e11.0", "--device", "/x", "--interface", "a", "--mac", MAC, "--dry-run"],
    ],
)
def test_half_a_command_is_refused(words: list[str]) -> None:
    assert call("export", *words).exit_code == 2


def test_the_word_any_lets_everybody_in(system: Path) -> None:
    assert " -m " not in ask(system, mac="any").stdout
