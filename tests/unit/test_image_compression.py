import lzma
import random
import struct
import subprocess
import sys
import zlib

import pytest
import zstandard

from aoeinit.errors import ConfigError, ImageError
from aoeinit.image.compression import (
    LZ4_BLOCK,
    LZ4_MAGIC,
    METHODS,
    ZSTD_WINDOW_LOG,
    Compressor,
    compressor,
    zstd_compressor,
)
from aoeinit.image.unpacking import detect, unpack_all

UNPACKERS = {"zstd": "zstd", "xz": "xz", "gzip": "gzip", "lz4": "lz4"}
# Words of a small vocabulary: compressible as code is, and more than two blocks of lz4.
CHANCE = random.Random(1)  # noqa: S311 - no secret: the same bytes in every run
WORDS = [CHANCE.randbytes(9) for _ in range(500)]
LARGE = b"".join(CHANCE.choices(WORDS, k=2 * LZ4_BLOCK // 9 + 1000))
SAMPLES = {"empty": b"", "one byte": b"x", "zeros": bytes(70000), "words": LARGE[:1_500_000]}


def pack(stream: Compressor, content: bytes, piece: int = 1 << 20) -> bytes:
    pieces = [stream.compress(content[at : at + piece]) for at in range(0, len(content), piece)]
    return b"".join([*pieces, stream.flush()])


def decompress(packed: bytes, limit: int) -> bytes:
    return b"".join(bytes(piece) for piece in unpack_all(memoryview(packed), limit))


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("name", UNPACKERS)
def test_the_methods_own_program_accepts_our_stream(name: str, sample: str) -> None:
    packed = pack(compressor(name, 1), SAMPLES[sample])
    done = subprocess.run([UNPACKERS[name], "-dc"], input=packed, stdout=subprocess.PIPE, check=True)
    assert done.stdout == SAMPLES[sample]


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("name", METHODS)
def test_we_unpack_our_own_stream(name: str, sample: str) -> None:
    content = (b"070701" if name == "none" else b"") + SAMPLES[sample]
    packed = pack(compressor(name, None if name == "none" else 1), content)
    assert detect(packed) == (None if name == "none" else name)
    assert decompress(packed, len(content)) == content


@pytest.mark.parametrize("name", METHODS)
def test_the_size_of_the_pieces_does_not_show(name: str) -> None:
    content = SAMPLES["words"]
    assert pack(compressor(name), content, 5000) == pack(compressor(name), content, 1 << 20)


def test_the_number_of_processors_does_not_show() -> None:
    content = LARGE + LARGE[::-1]
    packed = {pack(zstd_compressor(level, 1), content) for level in (1, 3)}
    for workers in (2, 3, 8):
        assert {pack(zstd_compressor(level, workers), content) for level in (1, 3)} == packed


@pytest.mark.parametrize("name", METHODS)
def test_the_first_and_the_last_level_work(name: str) -> None:
    for level in (METHODS[name].levels[:1], METHODS[name].levels[-1:]):
        for number in level:
            assert decompress(pack(compressor(name, number), b"x" * 999), 999) == b"x" * 999


@pytest.mark.parametrize(
    ("name", "level", "allowed"),
    [
        ("zstd", 0, "1 to 19"),
        ("zstd", 20, "1 to 19"),
        ("xz", 10, "0 to 9"),
        ("gzip", -1, "1 to 9"),
        ("lz4", 13, "1 to 12"),
        ("none", 1, "no level"),
    ],
)
def test_a_level_out_of_range_is_refused_with_the_range(name: str, level: int, allowed: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} has no level {level}") as raised:
        compressor(name, level)
    assert raised.value.hint == f"it takes {allowed}"


def test_an_unknown_method_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="'brotli'") as raised:
        compressor("brotli")
    assert raised.value.hint == "use one of zstd, xz, gzip, lz4, none"


def test_lz4_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lz4.block", None)
    with pytest.raises(ConfigError, match="needs the Python package lz4") as raised:
        compressor("lz4")
    assert raised.value.hint is not None
    assert "python3-lz4" in raised.value.hint
    with pytest.raises(ImageError, match="the Python package lz4 is not installed"):
        decompress(LZ4_MAGIC, 9)


class TestWhatTheKernelReads:
    @pytest.mark.parametrize("level", METHODS["zstd"].levels)
    def test_the_zstd_window_is_one_that_every_decoder_has(self, level: int) -> None:
        head = compressor("zstd", level)
        packed = head.compress(LARGE[: 1 << 20]) + head.flush()
        assert zstandard.get_frame_parameters(packed).window_size <= 1 << ZSTD_WINDOW_LOG

    def test_xz_has_a_check_that_the_kernel_knows(self) -> None:
        packed = pack(compressor("xz"), b"x")
        assert packed[6:8] == bytes([0, lzma.CHECK_CRC32])

    def test_gzip_has_neither_time_nor_name(self) -> None:
        packed = pack(compressor("gzip"), b"x")
        assert packed[3:8] == bytes(5)

    def test_lz4_is_the_legacy_frame_with_full_blocks(self) -> None:
        packed = pack(compressor("lz4", 1), LARGE)
        magic, first = struct.unpack_from("<II", packed)
        (second,) = struct.unpack_from("<I", packed, 8 + first)
        assert magic == 0x184C2102
        assert len(packed) > 16 + first + second
        unpacked = subprocess.run(["lz4", "-dc"], input=packed, stdout=subprocess.PIPE, check=True).stdout
        assert unpacked == decompress(packed, len(LARGE)) == LARGE

    def test_lz4_that_fills_its_blocks_has_no_empty_one_after_them(self) -> None:
        packed = pack(compressor("lz4", 1), LARGE[:LZ4_BLOCK])
        assert len(packed) == 8 + struct.unpack_from("<I", packed, 4)[0]


@pytest.mark.parametrize("name", UNPACKERS)
class TestDamage:
    def test_a_cut_stream_is_refused(self, name: str) -> None:
        packed = pack(compressor(name), LARGE[:100_000])
        for length in (6, len(packed) // 2, len(packed) - 1):
            with pytest.raises(ImageError, match=name):
                decompress(packed[:length], 200_000)

    def test_what_follows_the_stream_is_refused(self, name: str) -> None:
        with pytest.raises(ImageError, match=name):
            decompress(pack(compressor(name), b"x" * 5000) + b"garbage", 200_000)

    def test_more_than_expected_is_refused(self, name: str) -> None:
        packed = pack(compressor(name), bytes(1_000_000))
        with pytest.raises(ImageError, match="more than the 999999 bytes"):
            decompress(packed, 999_999)
        assert len(decompress(packed, 1_000_000)) == 1_000_000


def test_a_small_stream_cannot_fill_the_memory() -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(200)) + bomb.flush()
    assert len(packed) < 300_000
    with pytest.raises(ImageError, match="more than the 4096 bytes"):
        decompress(packed, 4096)


@pytest.mark.parametrize("head", [b"", b"0707", b"\x7fELF", b"070707", b"\x28\xb5"])
def test_what_is_no_image_is_not_detected(head: bytes) -> None:
    with pytest.raises(ImageError, match="not an image"):
        decompress(head, 9)
