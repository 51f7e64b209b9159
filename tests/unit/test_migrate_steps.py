"""The steps of a migration: their order, what is left of them, and the devices that they name."""

import itertools
from pathlib import Path

import pytest

from aoeinit.install.migrate.copying import compare_actions, copied_points, copy_actions
from aoeinit.install.migrate.source import Source
from aoeinit.install.migrate.steps import left, mounts, prepare, steps, unmounts
from tests.unit.migrate_samples import debian, fedora_btrfs, fedora_lvm, migration_of, words_of

NOWHERE = Path("/nowhere")


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


def test_subvolumes_are_made_and_mounted_by_their_names_with_their_compression() -> None:
    migration = migration_of(fedora_btrfs())
    made = [words for words in words_of(prepare(migration)) if words[:2] == ("btrfs", "subvolume")]
    assert [words[-1] for words in made] == ["/run/aoeinit/migrate/top/home", "/run/aoeinit/migrate/top/root"]
    (root, *_) = words_of(mounts(migration))
    assert root[:5] == ("mount", "-t", "btrfs", "-o", "subvol=/root,compress=zstd:1")


def test_every_step_can_be_planned_without_a_target() -> None:
    pure = itertools.takewhile(lambda step: step.name != "fstab", steps(migration_of(fedora_lvm())))
    assert all(words_of(step.actions(NOWHERE)) for step in pure)
