import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aoeinit.errors import ImageError
from aoeinit.image.archive import read_archive, write_archive, write_image
from aoeinit.image.check import verify_image
from aoeinit.image.compression import METHODS
from aoeinit.image.entries import PATH_MAX, Device, Directory, Entry, File, Symlink, arrange
from aoeinit.image.unpacking import unpack_all

IMAGE = arrange(
    [
        File("init", b"#!/bin/sh\n", 0o755),
        Directory("tmp", 0o1777),
        File("etc/shadow", b"secret", 0o600),
        Symlink("bin/sh", "/usr/bin/busybox"),
        Device("dev/console", "c", 5, 1, 0o600),
        Device("dev/etherd/e1.0", "b", 152, 300, 0o660),
        File("usr/share/größe", b"\0" * 5),
        File("empty", b""),
        File("with space", b"x"),
    ]
)


def archive_of(entries: tuple[Entry, ...], mtime: int = 0) -> bytes:
    pieces: list[bytes] = []
    write_archive(entries, pieces.append, mtime=mtime)
    return b"".join(pieces)


def image_of(entries: tuple[Entry, ...], compression: str = "zstd") -> bytes:
    stream = io.BytesIO()
    write_image(entries, stream, compression=compression)
    return stream.getvalue()


names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12)
paths = st.lists(names.filter(lambda name: name not in {".", ".."}), min_size=1, max_size=4).map("/".join)
permissions = st.integers(0, 0o7777)
random_entries: st.SearchStrategy[Entry] = st.one_of(
    st.builds(File, paths, st.binary(max_size=5000), permissions),
    st.builds(Directory, paths, permissions),
    st.builds(Symlink, paths, paths),
    st.builds(
        Device, paths, st.sampled_from("bc"), st.integers(0, 4095), st.integers(0, 0xFFFFF), permissions
    ),
)


@pytest.mark.parametrize("compression", METHODS)
@settings(max_examples=40)
@given(entries=st.lists(random_entries, max_size=8))
def test_what_was_written_is_read_back(compression: str, entries: list[Entry]) -> None:
    try:
        image = arrange(entries)
    except ImageError:
        return
    assert tuple(read_archive(unpack_all(memoryview(image_of(image, compression)), 1 << 20))) == image


def test_paths_that_are_no_text_are_kept() -> None:
    name = os.fsdecode(b"caf\xe9")
    image = arrange([File(name, b"x"), Symlink("link", name)])
    assert tuple(read_archive([archive_of(image)])) == image
    assert b"caf\xe9\0" in archive_of(image)


class TestOtherPrograms:
    """The archive as cpio(1) and bsdtar(1) see it."""

    def test_cpio_lists_kinds_modes_owners_and_targets(self) -> None:
        listed = run(["cpio", "-itvn", "--quiet"], archive_of(IMAGE)).splitlines()
        assert [" ".join(line.split()) for line in listed] == [
            "drwxr-xr-x 2 0 0 0 Jan 1 1970 bin",
            "lrwxrwxrwx 1 0 0 16 Jan 1 1970 bin/sh -> /usr/bin/busybox",
            "drwxr-xr-x 2 0 0 0 Jan 1 1970 dev",
            "crw------- 1 0 0 5, 1 Jan 1 1970 dev/console",
            "drwxr-xr-x 2 0 0 0 Jan 1 1970 dev/etherd",
            "brw-rw---- 1 0 0 152, 300 Jan 1 1970 dev/etherd/e1.0",
            "-rw-r--r-- 1 0 0 0 Jan 1 1970 empty",
            "drwxr-xr-x 2 0 0 0 Jan 1 1970 etc",
            "-rw------- 1 0 0 6 Jan 1 1970 etc/shadow",
            "-rwxr-xr-x 1 0 0 10 Jan 1 1970 init",
            "drwxrwxrwt 2 0 0 0 Jan 1 1970 tmp",
            "drwxr-xr-x 2 0 0 0 Jan 1 1970 usr",
            "drwxr-xr-x 2 0 0 0 Jan 1 1970 usr/share",
            "-rw-r--r-- 1 0 0 5 Jan 1 1970 usr/share/größe",
            "-rw-r--r-- 1 0 0 1 Jan 1 1970 with space",
        ]

    @pytest.mark.parametrize("compression", METHODS)
    def test_bsdtar_lists_every_path_of_every_compression(self, compression: str, tmp_path: Path) -> None:
        image = tmp_path / "image"
        plain = arrange([entry for entry in IMAGE if entry.path.isascii()])
        image.write_bytes(image_of(plain, compression))
        # Its reader knows only the newer frame of lz4.
        source = [] if compression == "lz4" else ["-f", str(image)]
        content = run_bytes(["lz4", "-dc", str(image)]) if compression == "lz4" else b""
        listed = run(["bsdtar", "-t", *source], content).splitlines()
        assert [line.rstrip("/") for line in listed] == [entry.path for entry in plain]

    def test_cpio_unpacks_what_we_wrote(self, tmp_path: Path) -> None:
        image = tuple(entry for entry in IMAGE if not isinstance(entry, Device))
        subprocess.run(["cpio", "-id", "--quiet"], input=archive_of(image), cwd=tmp_path, check=True)
        for entry in image:
            file = tmp_path / entry.path
            match entry:
                case Directory():
                    assert file.is_dir()
                case File():
                    assert (file.read_bytes(), file.stat().st_mode & 0o7777) == (entry.content, entry.mode)
                case Symlink():
                    assert os.readlink(file) == entry.target


class TestSameBytes:
    def test_twice_in_a_row(self) -> None:
        assert archive_of(IMAGE) == archive_of(IMAGE)

    @pytest.mark.parametrize("compression", METHODS)
    def test_from_another_process_folder_and_locale(self, compression: str, tmp_path: Path) -> None:
        script = (
            "import sys, io; sys.path.insert(0, sys.argv[1])\n"
            "from tests.unit.test_image_archive import *\n"
            "sys.stdout.buffer.write(image_of(IMAGE, sys.argv[2]))\n"
        )
        environment = {**os.environ, "LC_ALL": "C", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"}
        other = run_bytes(
            [sys.executable, "-c", script, str(Path(__file__).parents[2]), compression],
            cwd=tmp_path,
            env=environment,
        )
        assert digest(other) == digest(image_of(IMAGE, compression))

    def test_the_time_given_is_in_every_header(self) -> None:
        listed = run(["cpio", "-itvn", "--quiet"], archive_of(IMAGE, mtime=86400 * 365)).splitlines()
        assert len(listed) == len(IMAGE)
        assert all("Jan 1 1971" in " ".join(line.split()) for line in listed)

    @pytest.mark.parametrize("mtime", [-1, 1 << 32])
    def test_a_time_that_does_not_fit_is_refused(self, mtime: int) -> None:
        with pytest.raises(ImageError, match="does not fit"):
            archive_of(IMAGE, mtime)


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_of_the_sink_passes_through(failure: BaseException) -> None:
    def sink(_block: bytes) -> None:
        raise failure

    with pytest.raises(type(failure)) as raised:
        write_archive(IMAGE, sink, mtime=0)
    assert raised.value is failure


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not an archive",
        b"070701" + b"zz" * 60,
        b"070701" + b"f" * 104,
        archive_of(IMAGE)[:200],
        archive_of(IMAGE)[:-160],
        archive_of(IMAGE)[110:],
    ],
)
def test_what_is_no_whole_archive_is_refused(content: bytes) -> None:
    with pytest.raises(ImageError, match="cannot read the archive"):
        list(read_archive([content]))


def test_an_entry_that_is_no_part_of_an_image_is_refused() -> None:
    header = archive_of((File("pipe", b""),))
    pipe = header.replace(b"000081a4", b"000011a4", 1)
    assert pipe != header
    with pytest.raises(ImageError, match="pipe in the archive is neither"):
        list(read_archive([pipe]))


class TestVerify:
    @pytest.mark.parametrize("compression", METHODS)
    def test_an_image_as_planned_passes(self, tmp_path: Path, compression: str) -> None:
        file = tmp_path / "image"
        file.write_bytes(image_of(IMAGE, compression))
        verify_image(file, IMAGE)

    @pytest.mark.parametrize(
        ("written", "message"),
        [
            (IMAGE[:-1], "nothing stands where file with space"),
            (arrange([*IMAGE, File("zz", b"")]), "file zz .* stands where nothing should"),
            (arrange([*IMAGE[:-1], File(IMAGE[-1].path, b"y")]), "file with space"),
            (IMAGE[::-1], "stands where"),
        ],
    )
    def test_any_difference_is_told(self, tmp_path: Path, written: tuple[Entry, ...], message: str) -> None:
        file = tmp_path / "image"
        file.write_bytes(image_of(written))
        with pytest.raises(ImageError, match=message) as raised:
            verify_image(file, IMAGE)
        assert str(file) in raised.value.message

    def test_a_flipped_bit_is_found_wherever_it_is(self, tmp_path: Path) -> None:
        file = tmp_path / "image"
        image = image_of(IMAGE)
        for at in range(0, len(image), 7):
            file.write_bytes(image[:at] + bytes([image[at] ^ 1]) + image[at + 1 :])
            with pytest.raises(ImageError):
                verify_image(file, IMAGE)

    def test_every_truncation_is_found(self, tmp_path: Path) -> None:
        file = tmp_path / "image"
        image = image_of(IMAGE)
        for length in range(0, len(image), 5):
            file.write_bytes(image[:length])
            with pytest.raises(ImageError):
                verify_image(file, IMAGE)

    def test_a_missing_file_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(ImageError, match="cannot read the image"):
            verify_image(tmp_path / "gone", IMAGE)

    def test_the_largest_plan_is_still_read_whole(self, tmp_path: Path) -> None:
        entries: list[Entry] = [
            File("/".join([f"{number:03}" * 60] * 20), bytes(number), 0o644) for number in range(30)
        ]
        image = arrange([*entries, Symlink("link", "x" * (PATH_MAX - 1))])
        file = tmp_path / "image"
        file.write_bytes(image_of(image))
        verify_image(file, image)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def run(command: list[str], content: bytes) -> str:
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    return run_bytes(command, content, env=environment).decode()


def run_bytes(
    command: list[str], content: bytes = b"", cwd: Path | None = None, env: dict[str, str] | None = None
) -> bytes:
    done = subprocess.run(command, input=content, stdout=subprocess.PIPE, cwd=cwd, env=env, check=True)
    return done.stdout
