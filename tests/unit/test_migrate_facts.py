from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path as File

import pytest

from aoeinit.aoe.discovery import Discovery, Heads, Path, Place, judge
from aoeinit.aoe.frames import Config
from aoeinit.aoe.identify import Identity as Answer
from aoeinit.aoe.target import Target
from aoeinit.cli import migrate_facts
from aoeinit.errors import AoeinitError, ConfigError
from aoeinit.install.fstab.device import Device
from aoeinit.install.migrate.disk import Identity
from aoeinit.install.migrate.layout import Volume, Wanted
from aoeinit.system import blocks, packets
from tests.unit.migrate_samples import DISK, E11, debian

ONE, OTHER = "52:54:00:11:ff:01", "52:54:00:11:ff:02"


def let_answer(
    monkeypatch: pytest.MonkeyPatch, servers: Iterable[str], identity: Answer | None = None
) -> None:
    """Let each of the servers answer for the target through two interfaces, the second with its disk."""
    paths = [
        Path(Place(E11, mac, name), Config(16, 0x4019, 2, ""), identity if name == "b" else None)
        for mac in servers
        for name in ("a", "b")
    ]

    def answers(_: object, target: Target, *, heads: Heads, seconds: float) -> Discovery:
        assert (target, seconds > 0) == (E11, True)
        return Discovery((), judge(paths, heads), {})

    monkeypatch.setattr(packets, "discover", answers)


def let_driver_know(monkeypatch: pytest.MonkeyPatch, sysroot: File, servers: Iterable[str]) -> None:
    shown = sysroot / "sys/kernel/debug/aoe/e11.0"
    shown.parent.mkdir(parents=True)
    shown.write_text("".join(f"{mac.replace(':', '')}: x\n\tssthresh: 1\n\ta,b\n" for mac in servers))
    monkeypatch.setattr(migrate_facts, "ROOT", sysroot)


@pytest.mark.parametrize(
    ("servers", "heads", "said"),
    [
        ([ONE], {}, None),
        ([ONE, OTHER], {}, f"{ONE} and {OTHER} answer for it"),
        ([ONE, OTHER], {E11: {ONE, OTHER}}, None),
        ([ONE, OTHER], {E11: {ONE}}, f"{OTHER} answers for it, but is not declared"),
    ],
)
def test_two_servers_of_a_target_are_a_conflict_unless_they_are_declared(
    monkeypatch: pytest.MonkeyPatch, servers: list[str], heads: Heads, said: str | None
) -> None:
    let_answer(monkeypatch, servers)
    found = migrate_facts.conflict(migrate_facts.heard(E11, heads), E11, heads)
    assert (found is None) if said is None else (said in f"{found}")


@pytest.mark.parametrize(
    ("known", "heads", "said"),
    [
        ([], {}, None),
        ([ONE], {}, None),
        ([ONE, OTHER], {}, f"the driver knows {ONE} and {OTHER}"),
        ([ONE, OTHER], {E11: {ONE, OTHER}}, None),
    ],
)
def test_where_nothing_is_heard_the_servers_of_the_driver_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: File, known: list[str], heads: Heads, said: str | None
) -> None:
    let_driver_know(monkeypatch, tmp_path, known)
    let_answer(monkeypatch, ())
    assert migrate_facts.heard(E11, heads) is None
    assert migrate_facts.conflict(None, E11, heads) == said

    def fails(*_: object, **_options: object) -> Discovery:
        raise AoeinitError("no interface is up")

    monkeypatch.setattr(packets, "discover", fails)
    assert migrate_facts.heard(E11, heads) is None


def let_driver_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "wait_for_target", lambda *_: None)
    monkeypatch.setattr(blocks, "disk_of", lambda _: "etherd!e11.0")
    monkeypatch.setattr(blocks, "attribute", lambda _, name: {"state": "up", "size": "8"}[name])


def test_a_disk_has_the_model_that_it_tells_and_one_that_tells_nothing_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    let_driver_have_it(monkeypatch)
    let_answer(monkeypatch, [ONE], Answer("Coraid EtherDrive vblade", "11.0:server", "V25", 8))
    told = migrate_facts.find_disk(E11, {})
    assert (told.model, told.serial) == ("Coraid EtherDrive vblade", "11.0:server")
    let_answer(monkeypatch, [ONE])
    silent = migrate_facts.find_disk(E11, {})
    assert (silent.model, silent.serial, silent.size) == ("", "", 8 * 512)


def test_a_target_with_two_servers_is_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    let_answer(monkeypatch, [ONE, OTHER])
    let_driver_have_it(monkeypatch)
    with pytest.raises(AoeinitError, match=r"two servers answer for e11\.0") as found:
        migrate_facts.find_disk(E11, {})
    assert "--heads" in f"{found.value.hint}"
    let_answer(monkeypatch, [ONE])
    assert migrate_facts.find_disk(E11, {}).size == 8 * 512


def test_the_newest_kernel_is_the_last_whatever_its_name_sorts_like(tmp_path: File) -> None:
    (tmp_path / "boot").mkdir()
    for release in ("6.10.3", "6.9.12", "6.1.0-9-amd64", "6.11.0"):
        (tmp_path / "lib/modules" / release / "kernel").mkdir(parents=True)
        if release != "6.11.0":
            (tmp_path / f"boot/vmlinuz-{release}").touch()
    assert migrate_facts.bootable_releases(tmp_path) == ("6.1.0-9-amd64", "6.9.12", "6.10.3")


CARDS = [("eth0", ONE), ("eth1", OTHER)]


@pytest.mark.parametrize(
    ("name", "over", "chosen"),
    [(None, "eth1", "eth1"), ("eth0", "eth1", "eth0"), ("eth0", "br0", "eth0"), ("eth1", "eth0.5", "eth1")],
)
def test_the_card_to_boot_from_is_what_is_named_or_reaches_the_target(
    name: str | None, over: str, chosen: str
) -> None:
    assert migrate_facts.boot_card(CARDS, name, over)[0] == chosen


@pytest.mark.parametrize("over", ["br0", "bond0", "eth0.5"])
def test_what_is_made_of_cards_is_no_card_to_boot_from(over: str) -> None:
    for cards in (CARDS, CARDS[:1]):
        with pytest.raises(ConfigError, match=f"through {over}, which is no card"):
            migrate_facts.boot_card(cards, None, over)


@pytest.mark.parametrize(("text", "mtu"), [("9000\n", 9000), ("", 1500), (None, 1500)])
def test_a_card_has_the_mtu_that_sysfs_tells(tmp_path: File, text: str | None, mtu: int) -> None:
    if text is not None:
        (tmp_path / "class/net/eth0").mkdir(parents=True)
        (tmp_path / "class/net/eth0/mtu").write_text(text)
    assert migrate_facts.mtu_of("eth0", tmp_path) == mtu


def test_on_the_server_the_only_card_is_taken() -> None:
    assert migrate_facts.boot_card(CARDS[:1], None, "") == CARDS[0]


def test_a_layout_mounts_at_folders_only(tmp_path: File) -> None:
    (tmp_path / "srv").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "data").symlink_to("srv")
    migrate_facts.require_folders([wanted_at("/"), wanted_at("/srv")], tmp_path, "layout.toml")
    for point in ("/gone", "/file", "/data"):
        with pytest.raises(ConfigError, match=f"layout.toml: {point} is no folder"):
            migrate_facts.require_folders([wanted_at("/"), wanted_at(point)], tmp_path, "layout.toml")


@pytest.mark.parametrize(("root", "refused"), [("etherd!e11.0", True), ("vda", False)])
def test_a_system_is_not_moved_to_the_target_that_it_is_on(
    monkeypatch: pytest.MonkeyPatch, root: str, *, refused: bool
) -> None:
    monkeypatch.setattr(blocks, "is_block", lambda _: True)
    monkeypatch.setattr(blocks, "disk_of", {"/dev/vda3": root, DISK.node: "etherd!e11.0"}.__getitem__)
    expected = pytest.raises(AoeinitError, match=r"^this system is on e11\.0 already$")
    with expected if refused else nullcontext():
        migrate_facts.require_elsewhere(debian(), DISK)


@pytest.mark.parametrize(("device", "point"), [("/dev/vda3", "/"), ("/dev/vda1", "/boot"), ("tmpfs", "")])
def test_a_file_on_what_is_copied_is_known(monkeypatch: pytest.MonkeyPatch, device: str, point: str) -> None:
    monkeypatch.setattr(migrate_facts, "run", lambda _: f"{device}\n")
    assert migrate_facts.point_with("/srv/e11.img", debian()) == point


def wanted_at(point: str) -> Wanted:
    return Wanted("ext4", "", (Volume(point),), 1, 1)


@pytest.mark.parametrize(
    ("filesystem", "planning", "writing"),
    [
        ("ext2", "ro", ""),
        ("ext4", "ro,noload", ""),
        ("xfs", "ro,norecovery", ""),
        ("btrfs", "subvol=/,ro,rescue=nologreplay", "subvol=/"),
    ],
)
def test_a_plan_does_not_replay_the_journal_of_the_target(
    monkeypatch: pytest.MonkeyPatch, filesystem: str, planning: str, writing: str
) -> None:
    identity = Identity("uuid", E11)
    root = Device("/dev/etherd/e11.0p1", filesystem, uuid=f"{identity.uuid('filesystem /')}")
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(blocks, "table_uuid", lambda _: f"{identity.uuid('table')}")
    monkeypatch.setattr(blocks, "users", lambda _: ())
    monkeypatch.setattr(blocks, "partitions_of", lambda _: (root,))
    monkeypatch.setattr(migrate_facts, "run", lambda command: ran.append(command.words))
    monkeypatch.setattr(migrate_facts, "look", lambda *_: None)
    monkeypatch.setattr(migrate_facts, "has_files", lambda _: False)
    for writes, options in ((False, planning), (True, writing)):
        with pytest.raises(AoeinitError, match="has no record yet") as found:
            migrate_facts.found_progress(debian(), DISK, identity, writes=writes)
        assert "--wipe" in f"{found.value.hint}"
        mount = ran[-2]
        assert mount[:3] == ("mount", "-t", filesystem)
        assert (mount[4] if "-o" in mount else "") == options
