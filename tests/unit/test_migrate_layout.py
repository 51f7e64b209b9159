import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoeinit.errors import AoeinitError
from aoeinit.install.migrate.layout import (
    MIB,
    Layout,
    Volume,
    Wanted,
    fitting_label,
    inodes_for,
    lay_out,
    least_size,
    share,
    wanted_of,
)
from aoeinit.install.migrate.making import format_commands, partition_table, table_id
from aoeinit.install.migrate.source import Source
from tests.unit.migrate_samples import (
    DISK,
    GIB,
    debian,
    fedora_btrfs,
    fedora_lvm,
    migration_of,
    mounted,
    source_of,
)


def laid_out(source: Source, size: int = 10 * GIB) -> Layout:
    return lay_out(wanted_of(source), size, firmware=source.firmware)


def counted(files: int, filesystem: str = "ext4") -> Source:
    """Give a system with a root of 1 GiB in so many files."""
    source = source_of([mounted("/", "/dev/sda1", filesystem, used=GIB, size=20 * GIB)])
    return replace(source, mounts=(replace(source.root, files=files),))


def formatting(layout: Layout) -> tuple[str, ...]:
    made = migration_of(debian(), layout)
    return next(format_commands(layout, made.disk, made.identity)).words


@pytest.mark.parametrize(
    ("files", "size", "asked"),
    [
        (0, 10 * GIB, None),
        (50_000, 10 * GIB, None),
        (520_000, 10 * GIB, None),
        (530_000, 10 * GIB, "666596"),
        (900_000, 10 * GIB, "1129096"),
        (900_000, 40 * GIB, None),
        (900_000, 5 << 40, None),
    ],
)
def test_more_files_than_mke2fs_expects_get_more_inodes(files: int, size: int, asked: str | None) -> None:
    words = formatting(laid_out(counted(files), size))
    assert words[:3] == ("mkfs.ext4", "-F", "-q")
    assert ("-N" in words) == (asked is not None)
    if asked:
        assert words[words.index("-N") + 1] == asked


def test_only_types_that_make_inodes_beforehand_are_asked_for_some() -> None:
    assert "-N" not in formatting(laid_out(counted(5_000_000, "xfs")))
    assert least_size("xfs", GIB, 5_000_000) == least_size("xfs", GIB)


def test_a_small_file_system_has_more_inodes_than_a_large_one() -> None:
    boot = Wanted("ext4", "boot", (Volume("/"),), 64 * MIB, 64 * MIB, fixed=True, files=400)
    assert "-N" not in formatting(lay_out([boot], GIB, firmware="bios", table="dos"))


def test_room_for_inodes_is_a_part_of_what_a_partition_needs() -> None:
    assert least_size("ext4", GIB, 50_000) == least_size("ext4", GIB)
    assert least_size("ext4", GIB, 4_000_000) - least_size("ext4", GIB) > 4_000_000 * 256
    with pytest.raises(AoeinitError, match="the target is too small"):
        laid_out(counted(4_000_000), 2 * GIB)
    laid_out(counted(50_000), 2 * GIB)


@pytest.mark.parametrize("files", [30_000, 200_000, 1_000_000])
def test_mke2fs_makes_the_inodes_that_files_need_in_the_least_room(files: int, tmp_path: Path) -> None:
    source = source_of([mounted("/", "/dev/sda1", used=64 * MIB)])
    source = replace(source, mounts=(replace(source.root, files=files),))
    least = least_size("ext4", 64 * MIB, files)
    layout = lay_out(wanted_of(source), least + 3 * MIB, firmware="bios")
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(layout.root.size)
    subprocess.run([*formatting(layout)[:-1], image], check=True)
    told = subprocess.run(["dumpe2fs", "-h", image], check=True, capture_output=True, text=True).stdout
    found = {key: int(value) for key, value in re.findall(r"^(.+):\s+(\d+)$", told, re.MULTILINE)}
    # Some are rounded away, as each group has the same number.
    assert found["Inode count"] > inodes_for(files) * 0.99
    assert found["Free blocks"] * found["Block size"] > 64 * MIB


def names(layout: Layout) -> list[tuple[str, str, int]]:
    return [(each.name, each.filesystem, each.size // MIB) for each in layout.partitions]


def test_what_is_apart_stays_apart_and_the_root_gets_the_rest() -> None:
    layout = laid_out(debian())
    assert layout.table == "dos"
    assert names(layout) == [("/boot", "ext4", 170), ("swap", "swap", 64), ("/", "ext4", 10004)]


def test_a_machine_with_efi_gets_a_gpt_with_its_efi_partition_first() -> None:
    layout = laid_out(fedora_lvm(), 80 * GIB)
    assert layout.table == "gpt"
    assert [(each.name, each.filesystem, each.efi) for each in layout.partitions] == [
        ("/boot/efi", "vfat", True),
        ("/boot", "xfs", False),
        ("swap", "swap", False),
        ("/", "xfs", False),
    ]


def test_subvolumes_of_one_btrfs_share_a_partition() -> None:
    layout = laid_out(fedora_btrfs())
    assert layout.root.volumes == (Volume("/", "root"), Volume("/home", "home"))
    assert [volume.point for volume, _ in layout.volumes] == ["/", "/boot", "/home", "/boot/efi"]


def test_partitions_begin_at_a_mebibyte_and_follow_each_other() -> None:
    parts = laid_out(debian()).partitions
    assert [each.start // MIB for each in parts] == [1, 171, 235]
    assert parts[-1].start + parts[-1].size <= DISK.size - MIB


def test_more_than_four_partitions_for_a_bios_take_a_gpt_with_a_place_for_grub() -> None:
    points = ["/", "/boot", "/home", "/srv", "/var"]
    source = source_of([mounted(point, f"/dev/vda{at}") for at, point in enumerate(points)], fstab=points)
    layout = laid_out(source, 40 * GIB)
    assert layout.table == "gpt"
    assert names(layout)[0] == ("bios", "bios", 1)


def test_a_smaller_target_is_shared_by_what_is_used() -> None:
    source = source_of(
        [
            mounted("/", "/dev/vda1", used=4 * GIB, size=50 * GIB),
            mounted("/home", "/dev/vda2", used=8 * GIB, size=100 * GIB),
        ],
        fstab=["/", "/home"],
    )
    sizes = {name: size for name, _, size in names(laid_out(source, 20 * GIB))}
    assert 1.8 < (sizes["/home"] - 64) / (sizes["/"] - 64) < 2.2
    assert sum(sizes.values()) == 20 * 1024 - 2


def test_a_target_that_is_too_small_is_refused_with_what_each_needs() -> None:
    with pytest.raises(AoeinitError, match=r"too small: .*/boot .*swap 64 MiB, / 724 MiB.* it has 500 MiB"):
        laid_out(debian(), 500 * MIB)


@given(
    used=st.lists(st.integers(0, 40 * GIB), min_size=1, max_size=4),
    size=st.integers(1 * MIB, 200 * GIB),
)
def test_every_partition_holds_what_it_has_to_or_the_target_is_too_small(used: list[int], size: int) -> None:
    parts = [
        Wanted("ext4", "", (Volume(f"/{at}"),), each * 3 // MIB * MIB, each // MIB * MIB, each, grows=at == 0)
        for at, each in enumerate(used)
    ]
    room = size // MIB * MIB
    try:
        sizes = share(parts, room)
    except AoeinitError:
        assert sum(each.least for each in parts) > room
        return
    assert sum(sizes) == room
    assert all(got >= each.least for got, each in zip(sizes, parts, strict=True))
    assert all(got % MIB == 0 for got in sizes)


@pytest.mark.parametrize(
    ("filesystem", "label", "fits"),
    [
        ("ext4", "a-label-that-is-long", "a-label-that-is-"),
        ("xfs", "a-label-that-is-long", "a-label-that"),
        ("vfat", "boot löader", "BOOT L_ADER"),
        ("swap", "swap", "swap"),
    ],
)
def test_labels_are_shortened_to_what_a_type_can_keep(filesystem: str, label: str, fits: str) -> None:
    assert fitting_label(filesystem, label) == fits


def test_the_table_is_what_sfdisk_takes() -> None:
    migration = migration_of(debian())
    command = partition_table(migration.layout, migration.disk, migration.identity)
    assert command.words == (
        *("sfdisk", "--quiet", "--wipe", "always", "--wipe-partitions", "always"),
        "/dev/etherd/e11.0",
    )
    assert command.input.decode().splitlines() == [
        "label: dos",
        f"label-id: {table_id(migration.layout, migration.identity)}",
        "unit: sectors",
        "start=2048, size=348160, type=83, bootable",
        "start=350208, size=131072, type=82",
        "start=481280, size=20488192, type=83",
    ]


def test_a_gpt_begins_at_one_mib_whatever_the_disk_prefers() -> None:
    migration = migration_of(fedora_btrfs())
    command = partition_table(migration.layout, migration.disk, migration.identity)
    assert migration.layout.table == "gpt"
    assert "first-lba: 2048" in command.input.decode().splitlines()


@pytest.mark.parametrize("source", [debian(), fedora_btrfs()], ids=["dos", "gpt"])
def test_sfdisk_makes_the_table_that_was_meant(source: Source, tmp_path: Path) -> None:
    if not shutil.which("sfdisk"):
        pytest.fail("sfdisk is not installed")
    migration = migration_of(source)
    command = partition_table(migration.layout, migration.disk, migration.identity)
    image = tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(migration.disk.size)
    subprocess.run([*command.words[:-1], str(image)], input=command.input, check=True)
    dump = subprocess.run(["sfdisk", "--dump", str(image)], check=True, capture_output=True, text=True).stdout
    assert f"label-id: {table_id(migration.layout, migration.identity)}" in dump
    found = re.findall(r"start= *(\d+), size= *(\d+)", dump)
    assert found == [(str(each.start // 512), str(each.size // 512)) for each in migration.layout.partitions]


def test_file_systems_are_made_with_labels_and_uuids_that_a_later_run_knows_again() -> None:
    first, second = (migration_of(fedora_lvm(), disk=DISK) for _ in range(2))
    made, again = (
        [command.words for command in format_commands(each.layout, each.disk, each.identity)]
        for each in (first, second)
    )
    assert made == again
    assert [words[0] for words in made] == ["mkfs.vfat", "mkfs.xfs", "mkswap", "mkfs.xfs"]
    assert [words[-1] for words in made] == [f"/dev/etherd/e11.0p{number}" for number in (1, 2, 3, 4)]
    assert re.fullmatch(r"[0-9A-F]{8}", made[0][made[0].index("-i") + 1])
