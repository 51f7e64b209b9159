from pathlib import Path

import pytest

from aoeinit.aoe.target import Target
from aoeinit.errors import AoeinitError
from aoeinit.install.fstab.device import Device
from aoeinit.system import partitions
from aoeinit.system.partitions import described, partitions_of, probed

TOLD = b"""\
ID_FS_LABEL=my_root_
ID_FS_LABEL_ENC=my\\x20root\\xc3\\xa9
ID_FS_UUID=12AB-34CD
ID_FS_UUID_ENC=12AB-34CD
ID_FS_TYPE=vfat
ID_PART_ENTRY_NAME=EFI\\x20System
ID_PART_ENTRY_UUID=c0ffee-01
"""


def make(sysfs: Path, folder: str, **files: str) -> None:
    place = sysfs / "block" / folder
    place.mkdir(parents=True)
    for name, text in files.items():
        (place / name).write_text(text)


@pytest.fixture
def sysfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A target with eleven partitions; what is on them is their name."""

    def told(path: str, *, size: int | None = None) -> Device:
        return Device(path, None if path.endswith("e11.0") else "ext4", size=size)

    make(tmp_path, "etherd!e11.0", size="8388608\n")
    make(tmp_path, "etherd!e11.0/queue")
    for number in range(1, 12):
        make(tmp_path, f"etherd!e11.0/etherd!e11.0p{number}", partition=f"{number}\n", size=f"{number * 2}\n")
    make(tmp_path, "etherd!e12.0", size="2\n")
    monkeypatch.setattr(partitions, "probed", told)
    return tmp_path


def test_partitions_come_in_the_order_of_their_numbers(sysfs: Path) -> None:
    found = partitions_of(Target(11, 0), sysfs)
    assert found is not None
    assert [device.path for device in found] == [f"/dev/etherd/e11.0p{number}" for number in range(1, 12)]
    assert [device.size for device in found[:2]] == [1024, 2048]


def test_a_file_system_on_the_whole_disk_counts(sysfs: Path) -> None:
    assert partitions_of(Target(12, 0), sysfs) == (Device("/dev/etherd/e12.0", "ext4", size=1024),)


def test_a_target_that_is_not_there_is_not_one_without_partitions(sysfs: Path) -> None:
    assert partitions_of(Target(11, 1), sysfs) is None


def test_what_blkid_tells_is_read() -> None:
    assert described("/dev/x", TOLD, 7) == Device(
        "/dev/x", "vfat", "12AB-34CD", "my rooté", "c0ffee-01", "EFI System", 7
    )


def test_nothing_told_is_nothing_known() -> None:
    assert described("/dev/x", b"") == Device("/dev/x")


def test_a_device_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AoeinitError, match=r"cannot read .*/nothing"):
        probed(str(tmp_path / "nothing"))


def test_an_empty_device_holds_nothing(tmp_path: Path) -> None:
    file = tmp_path / "disk"
    file.write_bytes(bytes(1 << 20))
    assert probed(str(file)) == Device(str(file))


def test_a_swap_area_is_seen_by_the_real_blkid(tmp_path: Path) -> None:
    file = tmp_path / "disk"
    # The header of mm/swapfile.c: version 1, last page, label, and the magic at the end of the page.
    page = bytearray(4096)
    page[1024:1032] = (1).to_bytes(4, "little") + (15).to_bytes(4, "little")
    page[1036:1052] = bytes(range(16))
    page[1052:1056] = b"a b\0"
    page[4086:] = b"SWAPSPACE2"
    file.write_bytes(page + bytes(15 * 4096))
    assert probed(str(file)) == Device(str(file), "swap", "00010203-0405-0607-0809-0a0b0c0d0e0f", "a b")
