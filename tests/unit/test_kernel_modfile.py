import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from aoeinit.errors import KernelError
from aoeinit.kernel import content
from aoeinit.kernel.modfile import read_module
from aoeinit.kernel.modinfo import ModInfo, check_release, read_modinfo
from tests.unit.kernel_samples import elf_with_section, module_elf

REINSTALL = "install the package that it comes from again"


def zstd_without_size(elf: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=False).compress(elf)


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "aoe.ko": bytes,
    "aoe.ko.gz": gzip.compress,
    "aoe.ko.xz": lambda elf: lzma.compress(elf, check=lzma.CHECK_CRC32),
    "aoe.ko.zst": zstandard.compress,
}


def write(folder: Path, name: str, packed: bytes) -> Path:
    path = folder / name
    path.write_bytes(packed)
    return path


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("big_endian", [False, True])
def test_a_module_is_the_same_however_it_is_packed(tmp_path: Path, name: str, *, big_endian: bool) -> None:
    elf = module_elf("aoe", big_endian=big_endian)
    assert read_module(write(tmp_path, name, PACKERS[name](elf))) == elf


def test_zstd_frames_need_not_tell_their_size(tmp_path: Path) -> None:
    elf = module_elf("aoe")
    assert read_module(write(tmp_path, "aoe.ko.zst", zstd_without_size(elf))) == elf


def test_a_signature_after_the_sections_is_kept(tmp_path: Path) -> None:
    signed = module_elf("aoe") + b"~Module signature appended~\n"
    assert read_module(write(tmp_path, "aoe.ko", signed)) == signed


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.95])
def test_a_truncated_module_is_an_error_that_names_the_file(tmp_path: Path, name: str, kept: float) -> None:
    packed = PACKERS[name](module_elf("aoe"))
    path = write(tmp_path, name, packed[: int(len(packed) * kept)])
    with pytest.raises(KernelError) as caught:
        read_module(path)
    assert str(path) in caught.value.message
    assert caught.value.hint == REINSTALL


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("stuff", [b"", b"#!/bin/sh\n", b"\0" * 100])
def test_what_is_no_elf_object_is_an_error_that_names_the_file(
    tmp_path: Path, name: str, stuff: bytes
) -> None:
    path = write(tmp_path, name, PACKERS[name](stuff))
    with pytest.raises(KernelError, match="it holds no ELF object") as caught:
        read_module(path)
    assert str(path) in caught.value.message


@pytest.mark.parametrize("name", [name for name in PACKERS if name != "aoe.ko"])
def test_what_is_not_packed_as_its_name_says_is_an_error(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, module_elf("aoe"))
    with pytest.raises(KernelError, match="cannot be unpacked") as caught:
        read_module(path)
    assert caught.value.hint == REINSTALL


@pytest.mark.parametrize("name", PACKERS)
def test_no_module_is_read_or_unpacked_beyond_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(content, "MAX_CONTENT", 1 << 16)
    path = write(tmp_path, name, PACKERS[name](bytes(1 << 20)))
    with pytest.raises(KernelError, match=content.TOO_MUCH) as caught:
        read_module(path)
    assert str(path) in caught.value.message


def test_a_zstd_frame_that_hides_its_size_is_stopped_at_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "MAX_CONTENT", 1 << 16)
    path = write(tmp_path, "aoe.ko.zst", zstd_without_size(bytes(1 << 20)))
    with pytest.raises(KernelError, match=r"aoe\.ko\.zst cannot be unpacked"):
        read_module(path)


def test_a_missing_file_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match=r"cannot read .*/aoe\.ko: No such file"):
        read_module(tmp_path / "aoe.ko")


@pytest.mark.parametrize("big_endian", [False, True])
def test_modinfo_tells_firmware_once_and_the_release(*, big_endian: bool) -> None:
    firmware = ("rtl_nic/a.fw", "rtl_nic/b.fw", "rtl_nic/a.fw")
    modinfo = read_modinfo(module_elf("r8169", firmware=firmware, big_endian=big_endian), "r8169")
    assert modinfo == ModInfo(("rtl_nic/a.fw", "rtl_nic/b.fw"), "6.1.0-test SMP mod_unload ")
    assert modinfo.release == "6.1.0-test"


def test_an_object_without_modinfo_is_no_module() -> None:
    with pytest.raises(KernelError, match=r"aoe is no kernel module: it has no section \.modinfo"):
        read_modinfo(elf_with_section(".text", b"\x90"), "aoe")


def test_a_module_of_another_release_is_refused() -> None:
    modinfo = read_modinfo(module_elf("aoe", release="6.1.0-other"), "aoe")
    check_release(modinfo, "aoe", "6.1.0-other")
    with pytest.raises(KernelError, match=r"aoe of kernel 6.1.0 was built for kernel 6.1.0-other") as caught:
        check_release(modinfo, "aoe", "6.1.0")
    assert caught.value.hint == "build it for this kernel, or remove it and run depmod"


SOUND = module_elf("aoe", firmware=("a.fw",))


@given(st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_corrupt_object_is_read_or_refused_but_never_crashes(changes: list[tuple[int, int]]) -> None:
    corrupt = bytearray(SOUND)
    for place, value in changes:
        corrupt[place] = value
    try:
        modinfo = read_modinfo(bytes(corrupt), "aoe")
    except KernelError as error:
        assert "aoe" in error.message  # noqa: PT017 - being refused is one of two good outcomes
    else:
        assert isinstance(modinfo, ModInfo)


@given(st.sampled_from([".gz", ".xz", ".zst"]), st.data())
def test_corrupt_compression_is_read_or_refused_but_never_crashes(suffix: str, data: st.DataObject) -> None:
    packed = bytearray(PACKERS[f"aoe.ko{suffix}"](SOUND))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    unpack = {".gz": content._gunzip, ".xz": content._unxz, ".zst": content._unzstd}[suffix]  # noqa: SLF001
    try:
        assert isinstance(unpack(bytes(packed)), bytes)
    except ValueError as error:
        assert not isinstance(error, zlib.error)  # noqa: PT017
