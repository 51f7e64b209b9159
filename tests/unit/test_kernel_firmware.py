import lzma
from pathlib import Path

import pytest
import zstandard

from aoeinit.errors import KernelError
from aoeinit.kernel.firmware import Firmware, MissingFirmware, find_firmware, read_firmware

RELEASE = "6.1.0-test"
ORDER = [
    f"updates/{RELEASE}/nic.fw",
    "updates/nic.fw",
    f"{RELEASE}/nic.fw",
    "nic.fw",
    f"updates/{RELEASE}/nic.fw.zst",
    "updates/nic.fw.zst",
    f"{RELEASE}/nic.fw.zst",
    "nic.fw.zst",
    f"updates/{RELEASE}/nic.fw.xz",
    "updates/nic.fw.xz",
    f"{RELEASE}/nic.fw.xz",
    "nic.fw.xz",
]


def install(sysroot: Path, *names: str, base: str = "lib/firmware") -> None:
    for name in names:
        path = sysroot / base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"firmware")


def found(sysroot: Path, *patterns: str) -> list[tuple[str, str]]:
    """Names and sources of what is found for a module ``nic``."""
    result = find_firmware(sysroot, RELEASE, [("nic", pattern) for pattern in patterns])
    return [(file.name, file.source) for file in result.files]


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_files_are_looked_for_in_the_kernels_order(tmp_path: Path, first: int) -> None:
    install(tmp_path, *ORDER[first:])
    assert found(tmp_path, "nic.fw") == [("nic.fw", f"lib/firmware/{ORDER[first]}")]


def test_what_is_missing_is_told_with_its_module(tmp_path: Path) -> None:
    install(tmp_path, "rtl/a.fw")
    result = find_firmware(tmp_path, RELEASE, [("r8169", "rtl/a.fw"), ("r8169", "rtl/b.fw"), ("qed", "q*")])
    assert result.files == (Firmware("rtl/a.fw", "lib/firmware/rtl/a.fw"),)
    assert result.missing == (MissingFirmware("r8169", "rtl/b.fw"), MissingFirmware("qed", "q*"))


def test_a_folder_is_no_firmware(tmp_path: Path) -> None:
    install(tmp_path, "nic.fw/x")
    assert found(tmp_path, "nic.fw") == []


def test_chains_of_links_are_followed_inside_the_sysroot(tmp_path: Path) -> None:
    install(tmp_path, "real/v2.fw.xz", base="usr/lib/firmware")
    (tmp_path / "lib").symlink_to("usr/lib")
    folder = tmp_path / "usr/lib/firmware"
    (folder / "a.fw.xz").symlink_to("current/v2.fw.xz")
    (folder / "current").symlink_to("/lib/firmware/real")
    (folder / "b.fw.xz").symlink_to("a.fw.xz")
    source = "usr/lib/firmware/real/v2.fw.xz"
    assert found(tmp_path, "a.fw", "b.fw") == [("a.fw", source), ("b.fw", source)]


def test_a_sysroot_without_lib_has_its_firmware_in_usr(tmp_path: Path) -> None:
    install(tmp_path, "nic.fw", base="usr/lib/firmware")
    assert found(tmp_path, "nic.fw") == [("nic.fw", "usr/lib/firmware/nic.fw")]


def test_patterns_stand_for_all_that_match_in_any_folder_and_form(tmp_path: Path) -> None:
    install(
        tmp_path, "nic/a-1.bin", "nic/a-2.bin.zst", "updates/nic/a-3.bin.xz", "nic/b-1.bin", "nix/a-1.bin"
    )
    install(tmp_path, "updates/nic/a-1.bin")
    assert found(tmp_path, "nic/a-*.bin", "ni?/b*", "n*/a-1.bin") == [
        ("nic/a-1.bin", "lib/firmware/updates/nic/a-1.bin"),
        ("nic/a-2.bin", "lib/firmware/nic/a-2.bin.zst"),
        ("nic/a-3.bin", "lib/firmware/updates/nic/a-3.bin.xz"),
        ("nic/b-1.bin", "lib/firmware/nic/b-1.bin"),
        ("nix/a-1.bin", "lib/firmware/nix/a-1.bin"),
    ]


@pytest.mark.parametrize("name", ["../../etc/shadow", "a/../../../etc/shadow", "../../etc/*"])
def test_names_that_leave_the_folder_find_nothing(tmp_path: Path, name: str) -> None:
    install(tmp_path, "a/x")
    install(tmp_path, "shadow", base="etc")
    assert found(tmp_path, name) == []


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("nic.fw", b"content"),
        ("nic.fw.zst", zstandard.compress(b"content")),
        ("nic.fw.xz", lzma.compress(b"content", check=lzma.CHECK_CRC32)),
    ],
)
def test_firmware_is_read_unpacked(tmp_path: Path, name: str, packed: bytes) -> None:
    install(tmp_path, name)
    (tmp_path / "lib/firmware" / name).write_bytes(packed)
    (file,) = find_firmware(tmp_path, RELEASE, [("nic", "nic.fw")]).files
    assert read_firmware(tmp_path, file) == b"content"


def test_corrupt_firmware_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    install(tmp_path, "nic.fw.zst")
    (file,) = find_firmware(tmp_path, RELEASE, [("nic", "nic.fw")]).files
    with pytest.raises(KernelError, match=r"lib/firmware/nic\.fw\.zst cannot be unpacked"):
        read_firmware(tmp_path, file)
