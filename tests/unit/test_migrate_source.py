import json
from pathlib import Path

import pytest

from aoeinit.errors import AoeinitError
from aoeinit.install.migrate.source import (
    fstab_points,
    read_devices,
    read_mounts,
    read_snapshots,
    read_source,
    read_swaps,
)
from aoeinit.system.blocks import named_swaps
from tests.unit.migrate_samples import (
    GIB,
    debian,
    device,
    fedora_btrfs,
    fedora_lvm,
    mounted,
    source_of,
    swaps,
)


def test_what_is_in_fstab_or_boots_the_machine_belongs_to_the_system() -> None:
    source = source_of(
        [
            mounted("/", "/dev/sda2"),
            mounted("/efi", "/dev/sda1", "vfat"),
            mounted("/home", "/dev/sdb1"),
            mounted("/srv/disk", "/dev/sdc1"),
            mounted("/mnt/nfs", "server:/export", "nfs4"),
        ],
        fstab=["/", "/home", "/mnt/nfs"],
    )
    assert [each.point for each in source.mounts] == ["/", "/efi", "/home"]
    assert [each.point for each in source.others] == ["/srv/disk"]


def test_bind_mounts_of_folders_are_no_file_systems() -> None:
    source = source_of(
        [
            mounted("/", "/dev/vda3", "btrfs", fsroot="/root", options="rw,subvol=/root"),
            mounted("/srv", "/dev/vda3", "btrfs", fsroot="/root/data", options="rw,subvol=/root"),
            mounted("/opt", "/dev/vda2", fsroot="/opt"),
        ],
        fstab=["/", "/srv", "/opt"],
    )
    assert [each.point for each in source.mounts] == ["/"]
    assert source.others == ()


def test_only_a_btrfs_has_subvolumes() -> None:
    assert [each.subvolume for each in fedora_btrfs().mounts] == ["root", None, "home", None]
    assert {each.subvolume for each in debian().mounts} == {None}


def test_of_several_mounts_on_one_place_the_last_counts() -> None:
    text = json.dumps({"filesystems": [mounted("/efi", "systemd-1", "autofs"), mounted("/efi", "/dev/sda1")]})
    assert [each.device for each in read_mounts(text)] == ["/dev/sda1"]


def test_sizes_may_be_strings_as_older_programs_write_them() -> None:
    plain = mounted("/", "/dev/sda1") | {"size": "1024", "used": None}
    (found,) = read_mounts(json.dumps({"filesystems": [plain]}))
    assert (found.size, found.used) == (1024, 0)


def test_a_device_tells_all_that_it_is_made_of() -> None:
    home = device("/dev/mapper/home", "lvm")
    disks = [
        device("/dev/sda", "disk", device("/dev/sda1", "part", device("/dev/mapper/luks", "crypt", home))),
        device("/dev/sdb", "disk", device("/dev/sdb1", "part", device("/dev/md0", "raid1", home))),
    ]
    found = read_devices(json.dumps({"blockdevices": disks}))
    assert found["/dev/mapper/home"].below == {"disk", "part", "crypt", "lvm", "raid1"}


def test_compressed_memory_is_no_swap_to_be_moved() -> None:
    text = swaps(
        ("/dev/dm-1", "partition", 1024), ("/dev/zram0", "partition", 4096), (r"/my\040swap", "file", 2048)
    )
    assert [(each.path, each.size, each.is_file) for each in read_swaps(text)] == [
        ("/dev/dm-1", 1 << 20, False),
        ("/my swap", 2 << 20, True),
    ]


def test_mount_points_of_fstab_are_read_without_escapes() -> None:
    lines = (
        "# comment /no x",
        "LABEL=a /my\\040files ext4",
        "UUID=b none swap sw 0 0",
        "/dev/c /srv/ xfs ro",
        "bad",
    )
    text = "\n".join(lines)
    assert fstab_points(text) == {"/my files", "/srv"}


@pytest.mark.parametrize(
    ("kind", "source"), [("overlay", "overlay"), ("nfs4", "server:/root"), ("tmpfs", "tmpfs")]
)
def test_a_root_on_no_disk_is_refused(kind: str, source: str) -> None:
    with pytest.raises(AoeinitError, match=f"on no disk: {kind} is mounted there"):
        source_of([mounted("/", source, kind)], fstab=["/"])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"filesystems": [{}]}', '{"filesystems": 3}', "\x00"])
def test_an_answer_that_makes_no_sense_is_told_as_such(text: str) -> None:
    with pytest.raises(AoeinitError, match="findmnt does not answer as expected"):
        read_source(text, '{"blockdevices": []}', "", "", firmware="bios")
    if text != "[]":
        with pytest.raises(AoeinitError, match="lsblk does not answer as expected"):
            read_devices(text)


def test_snapshots_are_read_by_their_path() -> None:
    text = (
        "ID 262 gen 70 cgen 70 top level 258 otime 2024-01-01 10:00:00 path @/.snapshots/1/a snapshot\n"
        "ID 263 gen 71 cgen 71 top level 258 otime 2024-01-02 10:00:00 path @/.snapshots/2/snapshot\n"
    )
    assert read_snapshots(text) == ("@/.snapshots/1/a snapshot", "@/.snapshots/2/snapshot")


def test_a_snapshot_that_is_mounted_is_a_part_of_the_system() -> None:
    text = "ID 256 gen 7 cgen 6 top level 5 otime 2026-01-02 03:04:05 path @\n"
    root = mounted("/", "/dev/vda3[/@]", "btrfs", fsroot="/@", options="rw,subvol=/@")
    assert read_snapshots(text) == ("@",)
    assert read_snapshots(text, source_of([root]).mounts) == ()


def test_logical_volumes_and_their_swap_are_found() -> None:
    source = fedora_lvm()
    assert source.root.device == "/dev/mapper/fedora-root"
    assert source.below(source.root.device) == {"disk", "part", "lvm"}
    assert [(each.path, each.size) for each in source.swaps] == [("/dev/dm-1", 2 * GIB)]


def test_swap_has_the_name_that_its_device_has_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "dm-1").touch()
    (tmp_path / "mapper").mkdir()
    named = tmp_path / "mapper/swap"
    named.symlink_to("../dm-1")
    source = source_of(
        [mounted("/", "/dev/sda1")],
        [device("/dev/sda", "disk", device(f"{named}", "crypt"))],
        swap=swaps((f"{tmp_path}/dm-1", "partition", 65532), ("/swapfile", "file", 1024)),
    )
    assert [each.path for each in named_swaps(source)] == [f"{named}", "/swapfile"]
