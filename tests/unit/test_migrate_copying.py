"""What a migration copies and compares, and what it leaves out."""

import subprocess
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from aoeinit.install.migrate.copying import compare_actions, copied_points, copy_actions
from aoeinit.install.migrate.layout import lay_out
from aoeinit.install.migrate.layout_file import read_layout
from aoeinit.install.migrate.plan import ROOT, Action, Copy, Migration
from aoeinit.install.migrate.source import Source, Swap
from aoeinit.install.migrate.steps import steps, swap_files
from tests.unit.migrate_samples import (
    DISK,
    GIB,
    MIB,
    debian,
    fedora_btrfs,
    fedora_lvm,
    migration_of,
    mounted,
    source_of,
    words_of,
)

ROOT_REST = '[[partition]]\nmount = "/"\nsize = "rest"\n'
ALL = ("--archive", "--hard-links", "--acls", "--xattrs", "--numeric-ids")


def rsync(actions: Iterable[Action]) -> tuple[str, ...]:
    (found,) = [words for words in words_of(actions) if words[0] == "rsync"]
    return found


def with_layout(source: Source, text: str, size: int = 40 * GIB) -> Migration:
    asked = read_layout(text.encode(), source, "layout.toml")
    layout = lay_out(asked.wanted, size, firmware=source.firmware, table=asked.table)
    return migration_of(source, layout, replace(DISK, size=size))


def test_the_source_is_shown_read_only_before_it_is_copied() -> None:
    words = words_of(copy_actions("/boot", migration_of(debian())))
    assert words[:2] == [
        ("mount", "--bind", "/boot", "/run/aoeinit/migrate/from"),
        ("mount", "-o", "remount,bind,ro", "/run/aoeinit/migrate/from"),
    ]
    assert words[3][0] == "rsync"


def test_a_btrfs_is_copied_with_subvolumes_in_it_but_without_snapshots() -> None:
    source = replace(fedora_btrfs(), snapshots=("root/.snapshots/1/snapshot", "home/old", "rootless"))
    migration = migration_of(source)
    words = rsync(copy_actions("/", migration))
    assert "--one-file-system" not in words
    assert "--exclude=/.snapshots/1/snapshot" in words
    assert "--exclude=/old" in rsync(copy_actions("/home", migration))
    assert not any("less" in word for word in words)


def test_a_subvolume_that_is_mounted_is_not_copied_once_more_from_the_top_level() -> None:
    source = source_of(
        [
            mounted("/", "/dev/vda1", "btrfs", fsroot="/@", options="rw,subvol=/@"),
            mounted("/btrfs", "/dev/vda1", "btrfs", options="rw,subvolid=5,subvol=/"),
            mounted("/var/log", "/dev/vda1", "btrfs", fsroot="/@/var/log", options="rw,subvol=/@/var/log"),
            mounted("/srv", "/dev/vdb1", "btrfs", fsroot="/@srv", options="rw,subvol=/@srv"),
        ],
        fstab=["/", "/btrfs", "/var/log", "/srv"],
    )
    migration = replace(migration_of(source), full=True)
    expected = {
        "/": ["--exclude=/var/log/*"],
        "/btrfs": ["--exclude=/@/*", "--exclude=/@/var/log/*"],
        "/var/log": [],
        "/srv": [],
    }
    for point, excluded in expected.items():
        for planner in (copy_actions, compare_actions):
            words = rsync(planner(point, migration))
            assert [
                each for each in words if each.startswith("--exclude=") and each.endswith("*")
            ] == excluded


@pytest.mark.parametrize(
    ("device", "uuid", "left_out"),
    [("/dev/vda3", "", True), ("/dev/mapper/same", "uuid-of-/dev/vda3", True), ("/dev/vdb1", "other", False)],
)
def test_snapshots_of_the_root_are_none_of_another_btrfs(device: str, uuid: str, *, left_out: bool) -> None:
    source = replace(fedora_btrfs(), snapshots=("home/old",))
    (home,) = [each for each in source.mounts if each.point == "/home"]
    moved = replace(home, device=device, uuid=uuid)
    source = replace(source, mounts=tuple(moved if each == home else each for each in source.mounts))
    assert ("--exclude=/old" in rsync(copy_actions("/home", migration_of(source)))) == left_out


@pytest.mark.parametrize(
    ("source", "point", "kept"),
    [
        (debian(), "/", (*ALL, "--one-file-system")),
        (fedora_btrfs(), "/", ALL),
        (fedora_lvm(), "/boot/efi", ("--recursive", "--times", "--modify-window=2", "--one-file-system")),
    ],
)
def test_copies_keep_all_that_their_file_system_can(
    source: Source, point: str, kept: tuple[str, ...]
) -> None:
    words = rsync(copy_actions(point, migration_of(source)))
    assert words[1 : len(kept) + 1] == kept


@pytest.mark.parametrize(
    ("migration", "expected"),
    [
        (migration_of(debian()), {"/": 600 * MIB, "/boot": 60 * MIB}),
        (migration_of(fedora_btrfs()), {"/": 3 * GIB, "/home": 3 * GIB}),
        (with_layout(debian(), ROOT_REST), {"/": 660 * MIB, "/boot": 660 * MIB}),
    ],
    ids=["each", "one for subvolumes", "joined"],
)
def test_a_copy_knows_what_its_partition_will_hold(migration: Migration, expected: dict[str, int]) -> None:
    for point, size in expected.items():
        (copy,) = [each for each in copy_actions(point, migration) if isinstance(each, Copy)]
        assert copy.expected == size


def test_parts_of_a_file_system_fill_up_together() -> None:
    text = '[[partition]]\nmount = "/"\nsize = "3G"\n[[partition]]\nmount = "/home"\nsize = "rest"\n'
    text += '[[partition]]\nmount = "/boot"\nsize = "200M"\n'
    migration = with_layout(debian(), text)
    found = {
        point: next(each for each in copy_actions(point, migration) if isinstance(each, Copy))
        for point in ("/", "/boot", "/home")
    }
    assert {point: each.expected // MIB for point, each in found.items()} == {
        "/": 600,
        "/boot": 60,
        "/home": 600,
    }
    assert found["/"].places == found["/home"].places == (ROOT, ROOT / "home")
    assert found["/boot"].places == (ROOT / "boot",)


def test_what_each_side_has_for_itself_is_neither_copied_nor_removed() -> None:
    words = rsync(copy_actions("/", migration_of(debian())))
    for each in ("--exclude=/lost+found", "--exclude=/etc/aoeinit/migrate.json", "--filter=P /etc/aoeinit/"):
        assert each in words


@pytest.mark.parametrize(
    ("text", "point", "exclude", "joined"),
    [
        (ROOT_REST, "/", "--exclude=/boot/*", True),
        (
            ROOT_REST
            + '[[partition]]\nmount = "/boot"\nsize = "1G"\n[[partition]]\nmount = "/home"\nsize = "5G"',
            "/",
            "--exclude=/home/*",
            False,
        ),
    ],
)
def test_what_is_joined_or_split_is_copied_by_itself(
    text: str, point: str, exclude: str, *, joined: bool
) -> None:
    migration = with_layout(debian(), text)
    assert exclude in rsync(copy_actions(point, migration))
    assert copied_points(migration.source, migration.layout) == (
        ("/", "/boot") if joined else ("/", "/boot", "/home")
    )


@pytest.mark.parametrize(
    ("kind", "first"),
    [("ext4", ["dd"]), ("xfs", ["dd"]), ("btrfs", ["rm", "btrfs"])],
    ids=["ext4", "xfs", "btrfs"],
)
def test_swap_files_are_made_anew_and_not_copied(kind: str, first: list[str]) -> None:
    source = replace(
        source_of([mounted("/", "/dev/sda1", kind)]), swaps=(Swap("/var/swap [1]", GIB - 4096, is_file=True),)
    )
    migration = migration_of(source)
    assert r"--exclude=/var/swap \[1]" in rsync(copy_actions("/", migration))
    made = words_of(swap_files(migration))
    assert [words[0] for words in made[: len(first)]] == first
    assert all("/run/aoeinit/migrate/root/var/swap [1]" in " ".join(words) for words in made)
    assert "1024" in " ".join(made[len(first) - 1])
    assert "swap files" in [step.name for step in steps(migration)]


def test_contents_are_compared_only_if_asked_for() -> None:
    quick = migration_of(debian())
    assert "--checksum" not in rsync(compare_actions("/", quick))
    assert "--checksum" in rsync(compare_actions("/", replace(quick, full=True)))
    assert "--dry-run" in rsync(compare_actions("/", quick))


@pytest.mark.parametrize("full", [False, True])
def test_the_efi_partition_is_compared_like_all_others(*, full: bool) -> None:
    migration = replace(migration_of(fedora_lvm()), full=full)
    assert "compare /boot/efi" in [step.name for step in steps(migration)]
    words = rsync(compare_actions("/boot/efi", migration))
    assert ("--checksum" in words) == full
    assert {"--recursive", "--times", "--delete", "--dry-run"} <= set(words)


def test_what_an_earlier_run_has_copied_is_not_believed_by_its_size_and_time() -> None:
    migration = migration_of(debian())
    assert "--checksum" not in rsync(copy_actions("/", migration))
    assert "--checksum" in rsync(copy_actions("/", replace(migration, resumed=True)))


@pytest.mark.parametrize(
    ("point", "resumed", "found"), [("/", True, 1), ("/", False, 0), ("/boot/efi", True, 0)]
)
def test_hard_links_of_an_earlier_run_are_gone_before_files_are_written_in_place(
    point: str, *, resumed: bool, found: int
) -> None:
    words = words_of(copy_actions(point, replace(migration_of(fedora_lvm()), resumed=resumed)))
    names = [each[0] for each in words]
    assert names == ["mount"] * 3 + ["find"] * found + ["rsync", "umount", "umount"]


def test_no_file_has_several_names_then_and_those_with_one_stay(tmp_path: Path) -> None:
    words = words_of(copy_actions("/", replace(migration_of(debian()), resumed=True)))[3]
    for name in ("one", "two", "folder/record"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "folder/two").hardlink_to(tmp_path / "two")
    subprocess.run([words[0], tmp_path, *words[2:]], check=True)
    files = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert {each.stat().st_nlink for each in files} == {1}
    assert {"one", "record"} <= {each.name for each in files}
