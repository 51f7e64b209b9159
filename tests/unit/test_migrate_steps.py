import itertools
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from aoeinit.errors import AoeinitError
from aoeinit.install.command import Command
from aoeinit.install.migrate.copying import compare_actions, copied_points, copy_actions
from aoeinit.install.migrate.layout import lay_out
from aoeinit.install.migrate.layout_file import read_layout
from aoeinit.install.migrate.outcome import compared, copied
from aoeinit.install.migrate.plan import ROOT, Action, Comparison, Copy, Migration, Mount
from aoeinit.install.migrate.progress import Progress, read_progress, text_of
from aoeinit.install.migrate.source import Source, Swap
from aoeinit.install.migrate.steps import left, mounts, prepare, steps, swap_files, unmounts
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
)

NOWHERE = Path("/nowhere")
ROOT_REST = '[[partition]]\nmount = "/"\nsize = "rest"\n'
ALL = ("--archive", "--hard-links", "--acls", "--xattrs", "--numeric-ids")


def words_of(actions: Iterable[Action]) -> list[tuple[str, ...]]:
    found = []
    for action in actions:
        match action:
            case Command(words):
                found.append(words)
            case Mount(command) | Copy(command) | Comparison(command):
                found.append(command.words)
    return found


def rsync(actions: Iterable[Action]) -> tuple[str, ...]:
    (found,) = [words for words in words_of(actions) if words[0] == "rsync"]
    return found


def with_layout(source: Source, text: str, size: int = 40 * GIB) -> Migration:
    asked = read_layout(text.encode(), source, "layout.toml")
    layout = lay_out(asked.wanted, size, firmware=source.firmware, table=asked.table)
    return migration_of(source, layout, replace(DISK, size=size))


def test_steps_come_in_an_order_that_a_later_one_can_build_on() -> None:
    names = [step.name for step in steps(migration_of(debian()))]
    assert names == [
        *("table", "filesystems", "mount", "copy /", "copy /boot", "remount", "compare /", "compare /boot"),
        *("fstab", "network", "target", "hooks", "image 6.1.0-42-amd64", "grub", "relabel", "check"),
        "unmount",
    ]


def test_what_is_done_is_left_out_but_for_mounts() -> None:
    todo = steps(migration_of(debian()))
    done = ["table", "filesystems", "copy /", "copy /boot", "remount", "compare /", "compare /boot", "fstab"]
    assert [step.name for step in left(todo, done)][:3] == ["mount", "network", "target"]
    assert [step.name for step in left(todo, [step.name for step in todo])] == ["mount", "unmount"]


def test_a_copy_that_was_not_compared_is_brought_up_to_date_first() -> None:
    todo = steps(migration_of(debian()))
    done = ["table", "filesystems", "copy /", "copy /boot", "remount", "compare /"]
    names = [step.name for step in left(todo, done)]
    assert names[:4] == ["mount", "copy /boot", "remount", "compare /boot"]


@pytest.mark.parametrize("source", [debian(), fedora_lvm(), fedora_btrfs()], ids=["debian", "lvm", "btrfs"])
def test_no_command_names_a_device_of_the_source(source: Source) -> None:
    migration = migration_of(source)
    own = {each.device for each in source.mounts} | {each.path for each in source.swaps}
    planned = [
        *(prepare(migration)),
        *mounts(migration),
        *(each for point in ("/", "/boot") for each in copy_actions(point, migration)),
        *(each for point in ("/", "/boot") for each in compare_actions(point, migration)),
        *unmounts(migration.layout),
    ]
    used = {word for words in words_of(planned) for word in words if word.startswith("/dev/")}
    assert used
    assert not used & own
    assert all(name.startswith("/dev/etherd/e11.0p") for name in used)


def test_what_is_mounted_is_unmounted_again_in_turn() -> None:
    migration = migration_of(fedora_btrfs())
    places = [words[-1] for words in words_of(mounts(migration))]
    assert [words[-1] for words in words_of(unmounts(migration.layout))] == places[::-1]
    for point in copied_points(migration.source, migration.layout):
        words = words_of(copy_actions(point, migration))
        opened = [each[-1] for each in words if each[:2] == ("mount", "--bind")]
        assert [each[-1] for each in words if each[0] == "umount"] == opened[::-1]


def test_the_source_is_shown_read_only_before_it_is_copied() -> None:
    words = words_of(copy_actions("/boot", migration_of(debian())))
    assert words[:2] == [
        ("mount", "--bind", "/boot", "/run/aoeinit/migrate/from"),
        ("mount", "-o", "remount,bind,ro", "/run/aoeinit/migrate/from"),
    ]
    assert words[3][0] == "rsync"


def test_subvolumes_are_made_and_mounted_by_their_names_with_their_compression() -> None:
    migration = migration_of(fedora_btrfs())
    made = [words for words in words_of(prepare(migration)) if words[:2] == ("btrfs", "subvolume")]
    assert [words[-1] for words in made] == ["/run/aoeinit/migrate/top/home", "/run/aoeinit/migrate/top/root"]
    (root, *_) = words_of(mounts(migration))
    assert root[:5] == ("mount", "-t", "btrfs", "-o", "subvol=/root,compress=zstd:1")


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


def progress(**changes: object) -> bytes:
    migration = migration_of(debian())
    made = Progress(migration.identity, migration.disk.size, migration.layout, 1000.5, ("table", "copy /"))
    return text_of(replace(made, **changes))  # type: ignore[arg-type] # any field


def test_a_record_is_read_as_it_was_written() -> None:
    migration = migration_of(debian())
    found = read_progress(progress(), migration.identity, DISK, ["/", "/boot", "/new"])
    assert found.layout == migration.layout
    assert (found.started, found.done) == (1000.5, ("table", "copy /"))
    assert found.after("copy /boot").done == ("table", "copy /", "copy /boot")


@pytest.mark.parametrize(
    ("changes", "points", "text"),
    [
        ({"size": 5 * GIB}, ["/", "/boot"], "size of the target 5368709120, now 10737418240"),
        (
            {"identity": replace(migration_of(debian()).identity, origin="other")},
            ["/", "/boot"],
            "source other, now",
        ),
        ({}, ["/"], "/boot was mounted, and is not now"),
    ],
)
def test_the_record_of_another_migration_is_refused_with_what_differs(
    changes: dict[str, object], points: list[str], text: str
) -> None:
    with pytest.raises(AoeinitError, match=text):
        read_progress(progress(**changes), migration_of(debian()).identity, DISK, points)


def damaged() -> list[bytes]:
    whole = progress()
    return [
        b"",
        b"[]",
        b"{}",
        b"\xff\xfe",
        whole[: len(whole) // 2],
        whole.replace(b'"partitions"', b'"parts"'),
    ]


@pytest.mark.parametrize("content", damaged())
def test_a_damaged_record_is_told_as_such(content: bytes) -> None:
    with pytest.raises(AoeinitError, match="is damaged"):
        read_progress(content, migration_of(debian()).identity, DISK, ["/", "/boot"])


COPY = Copy(Command(("rsync",), "copies /home"), "/home", "/dev/etherd/e11.0p1", 5 * MIB, ())


def test_files_that_vanish_while_they_are_copied_are_told() -> None:
    said = (
        'file has vanished: "/from/a"\nrsync warning: some files vanished before they could be transferred\n'
    )
    assert copied(0, "", COPY, 0) == ()
    assert copied(24, said, COPY, 0) == ('1 file was gone before the copy: file has vanished: "/from/a"',)


@pytest.mark.parametrize(
    ("code", "said", "text"),
    [
        (
            11,
            "rsync: write failed on x: No space left on device (28)\n",
            "for /home is full: 7 bytes are free",
        ),
        (23, "rsync: read errors mapping x: Input/output error (5)\n", "exit code 23: rsync: read errors"),
        (-9, "", "ended by signal 9"),
    ],
)
def test_a_copy_that_is_not_whole_is_an_error(code: int, said: str, text: str) -> None:
    with pytest.raises(AoeinitError, match=text):
        copied(code, said, COPY, 7)


@pytest.mark.parametrize(
    ("inodes", "text"),
    [(0, "no inodes are left on the target's file system for /home"), (None, "is full"), (9, "is full")],
)
def test_a_file_system_without_inodes_is_not_told_to_be_full(inodes: int | None, text: str) -> None:
    with pytest.raises(AoeinitError, match=text):
        copied(11, "rsync: mkstemp: No space left on device (28)\n", COPY, 3 * GIB, inodes)


LISTED = ">f.st...... var/log/syslog\n*deleting   tmp/gone\n"


def test_what_has_changed_on_the_source_meanwhile_is_a_warning() -> None:
    (warning,) = compared(0, LISTED, "", "/", {"var/log/syslog", "tmp/gone"})
    assert warning == (
        "2 files of / changed on the source after the copy: "
        "var/log/syslog (different); tmp/gone (only on the target)"
    )
    (warning,) = compared(0, ">f+++++++++ new name\n", "", "/", {"new name"})
    assert warning == "1 file of / changed on the source after the copy: new name (only on the source)"
    assert list(compared(0, "", "", "/", set())) == []


@pytest.mark.parametrize(
    ("changed", "said"), [({"tmp/gone"}, "1 file of / is not"), (set(), "2 files of / are not")]
)
def test_what_differs_without_a_reason_is_an_error(changed: set[str], said: str) -> None:
    with pytest.raises(AoeinitError, match=f"^{said} the same on the target"):
        list(compared(0, LISTED, "", "/", changed))


def test_a_comparison_that_did_not_end_well_is_an_error() -> None:
    with pytest.raises(AoeinitError, match="/ cannot be compared: rsync, exit code 23: rsync: opendir"):
        list(compared(23, "", "rsync: opendir failed\n", "/", set()))


def test_every_step_can_be_planned_without_a_target() -> None:
    pure = itertools.takewhile(lambda step: step.name != "fstab", steps(migration_of(fedora_lvm())))
    assert all(words_of(step.actions(NOWHERE)) for step in pure)
