import json
import struct
import tracemalloc

import pytest

from aoeinit.cli.views import as_values
from aoeinit.errors import ImageError
from aoeinit.image.unpacking import detect
from aoeinit.inspect.cpio import ENTRY_COST, Item, byte_sum
from aoeinit.inspect.reading import Image, keep_none, read_image
from aoeinit.inspect.tree import Tree, content_of
from tests.unit.inspect_samples import (
    DIRECTORY,
    PACKERS,
    Made,
    archive,
    directories,
    small_entries,
    uki,
    zstd,
)

SMALL = archive(small_entries())
PATHS = [entry.path for entry in small_entries()]


def paths(image: Image) -> list[str]:
    return [item.path for item in image.items]


def by_path(image: Image) -> dict[str, Item]:
    return {item.path: item for item in image.items}


@pytest.mark.parametrize("method", PACKERS)
def test_every_compression_is_found_by_its_content(method: str) -> None:
    packed = PACKERS[method](SMALL)
    image = read_image(packed)
    assert paths(image) == PATHS
    (segment,) = image.segments
    assert (segment.offset, segment.compression, segment.packed) == (0, method, len(packed))
    assert segment.size == len(SMALL)


@pytest.mark.parametrize("method", PACKERS)
def test_an_early_archive_and_padding_stand_before_the_main_one(method: str) -> None:
    early = archive([*directories("kernel"), Made("kernel/microcode", content=b"new")])
    packed = early + bytes(512 - len(early) % 512) + PACKERS[method](SMALL)
    image = read_image(packed)
    assert paths(image) == ["kernel", "kernel/microcode", *PATHS]
    assert [segment.compression for segment in image.segments] == (
        ["none", method] if method != "none" else ["none"]
    )


@pytest.mark.parametrize("method", PACKERS)
def test_every_cut_is_an_error_that_tells_the_offset(method: str) -> None:
    packed = PACKERS[method](SMALL)
    for end in range(8, len(packed) - 4, 7):
        with pytest.raises(ImageError, match=r"offset \d+|its byte \d+"):
            read_image(packed[:end])


def test_streams_of_several_kinds_follow_one_another() -> None:
    packed = b"".join(
        pack(archive([Made(name)])) + bytes(4) for name, pack in PACKERS.items() if name != "lz4"
    )
    packed += bytes(-len(packed) % 4)
    image = read_image(packed)
    assert paths(image) == [name for name in PACKERS if name != "lz4"]


@pytest.mark.parametrize("method", ["gzip", "xz", "zstd", "bzip2", "lz4"])
def test_an_archive_may_go_on_in_the_next_stream_of_its_kind(method: str) -> None:
    pack = PACKERS[method]
    assert paths(read_image(pack(SMALL[:300]) + pack(SMALL[300:]))) == PATHS


def test_skippable_frames_of_zstd_are_passed_over() -> None:
    skippable = struct.pack("<II", 0x184D2A53, 5) + b"notes"
    assert paths(read_image(skippable + zstd(SMALL))) == PATHS
    with pytest.raises(ImageError, match="cut short"):
        read_image(struct.pack("<II", 0x184D2A53, 500))


def test_contents_links_and_devices_are_read() -> None:
    found = by_path(read_image(SMALL))
    assert found["bin/busybox"].content == bytes(range(256)) * 2
    assert found["bin/sh"].link == "busybox"
    assert found["dev/console"].rdevice == (5, 1)
    assert found["etc"].is_directory


def test_hard_links_share_the_content_of_the_last() -> None:
    found = by_path(read_image(SMALL))
    assert content_of(found["etc/one"]) == b"shared"
    assert content_of(found["etc/two"]) == b"shared"


def test_contents_that_nobody_wants_are_not_kept() -> None:
    found = by_path(read_image(SMALL, keep=keep_none))
    assert found["bin/busybox"].content is None
    assert found["bin/sh"].link == "busybox"


def test_checksums_of_the_format_crc_are_verified() -> None:
    content = bytes(range(256)) * 9
    good = Made("good", content=content, magic=b"070702")
    assert paths(read_image(archive([good]))) == ["good"]
    assert byte_sum(content) == sum(content)
    bad = Made("bad", content=content, magic=b"070702", checksum=1)
    with pytest.raises(ImageError, match=r"'bad' does not match its checksum at offset 116"):
        read_image(archive([Made("xxx"), bad])[:100000])


LIES = {
    "a name of 0 bytes": SMALL[:94] + b"00000000" + SMALL[102:],
    "a name of 4294967295 bytes": SMALL[:94] + b"FFFFFFFF" + SMALL[102:],
    "damaged header": SMALL[:14] + b"0000_1ED" + SMALL[22:],
    "cut short": archive([Made("big", size=0xFFFFFFF0)]),
    "target of 5000 bytes": archive([Made("link", 0o120777, b"x" * 5000)]),
    "unknown format": b"070707" + SMALL[6:],
    "neither an archive": SMALL + b"rubbish",
    "neither an entry nor padding": zstd(SMALL + b"rubbish"),
    "name without its end": SMALL[:113] + b"x" + SMALL[114:],
}


@pytest.mark.parametrize("message", LIES)
def test_lies_are_found_out_with_their_offset(message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        read_image(LIES[message])
    assert "offset" in caught.value.message


@pytest.mark.parametrize("method", PACKERS)
def test_unpacking_ends_at_the_limit(method: str) -> None:
    packed = PACKERS[method](archive([Made("zeros", content=bytes(9 << 20))]))
    assert paths(read_image(packed, limit=10 << 20)) == ["zeros"]
    for keep in (keep_none, lambda _item: True):
        with pytest.raises(ImageError, match="more than 8 MiB unpacked") as caught:
            read_image(packed, limit=8 << 20, keep=keep)
        assert "--limit" in str(caught.value.hint)


def test_many_empty_entries_count_too() -> None:
    with pytest.raises(ImageError, match="more than 1 MiB"):
        read_image(zstd(archive(Made(str(number)) for number in range(2000))), limit=1 << 20)


@pytest.mark.parametrize(("content", "message"), [(b"", "it is empty"), (bytes(5000), "nothing but zeros")])
def test_what_holds_no_archive_is_no_image(content: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        read_image(content)


def test_a_unified_kernel_image_is_read_through_its_sections() -> None:
    microcode = archive([Made("kernel", DIRECTORY)])
    image = read_image(uki({".uname": b"6.1.0-test", ".initrd": zstd(SMALL), ".ucode": microcode}))
    assert paths(image) == ["kernel", *PATHS]
    assert image.texts[".uname"] == "6.1.0-test"


def test_of_two_sections_of_one_name_the_first_counts() -> None:
    raw = uki({".uname": b"6.1.0-test", ".initrd": zstd(SMALL), ".unam2": b"6.99"})
    assert read_image(raw.replace(b".unam2", b".uname")).texts[".uname"] == "6.1.0-test"


def test_a_large_content_is_in_memory_once() -> None:
    size = 48 << 20
    packed = zstd(archive([Made("zeros", content=bytes(size))]))
    tracemalloc.start()
    try:
        image = read_image(packed)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(image.items[0].content or b"") == size
    assert peak < size * 1.5


def test_the_limit_counts_what_entries_take_in_memory() -> None:
    count = 3000
    large = range(1 << 31, (1 << 31) + count)
    made = (Made(f"{each}", 0o20600, inode=each, mtime=each, device=(each, each)) for each in large)
    packed = zstd(archive(made))
    tracemalloc.start()
    try:
        tree = Tree(read_image(packed, limit=1 << 30).items)
        text = json.dumps([as_values(item) for item in tree.files.values()], indent=2)
        _, used = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert text.count("mtime") == len(tree.files) == count
    assert used / count < ENTRY_COST


def test_a_kernel_without_an_image_and_a_cut_one_say_so() -> None:
    with pytest.raises(ImageError, match=r"no section \.initrd"):
        read_image(uki({".linux": b"kernel"}))
    whole = uki({".initrd": zstd(SMALL)})
    for end in (0x44, 0x50, 0x60, len(whole) - 600):
        with pytest.raises(ImageError, match="cut short"):
            read_image(whole[:end])


def test_what_is_nothing_known_has_no_method() -> None:
    assert detect(b"MZ\0\0\0\0") is None
    assert detect(b"") is None


@pytest.mark.parametrize("method", PACKERS)
def test_the_padding_of_the_last_trailer_may_be_missing(method: str) -> None:
    assert SMALL.endswith(b"TRAILER!!!\0\0\0\0")
    assert paths(read_image(PACKERS[method](SMALL[:-3]))) == PATHS
