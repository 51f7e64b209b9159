import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aoeinit.errors import AoeinitError, ImageError
from aoeinit.system.files import replace_file

PROJECT = Path(__file__).parents[2]


@pytest.fixture(params=["an old file", "no old file"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "image"
    if request.param == "an old file":
        path.write_bytes(b"old")
    return path


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def state(path: Path) -> tuple[bytes | None, list[str]]:
    """What the target holds, and the names of all else in its folder."""
    names = sorted(name for name in os.listdir(path.parent) if name != path.name)
    return (path.read_bytes() if path.exists() else None), names


def write(path: Path, content: bytes = b"new", mode: int = 0o600) -> None:
    with replace_file(path, mode=mode) as stream:
        stream.write(content)


def test_the_new_file_takes_the_place_of_the_old_at_the_end_only(target: Path) -> None:
    before = state(target)[0]
    with replace_file(target, mode=0o600) as stream:
        stream.write(b"new")
        stream.flush()
        assert state(target)[0] == before
    assert state(target) == (b"new", [])


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_the_mode_is_exact_whatever_the_umask_and_the_old_file(tmp_path: Path, mode: int) -> None:
    target = tmp_path / "image"
    target.write_bytes(b"old")
    target.chmod(0o777)
    modes = []
    with replace_file(target, mode=mode) as stream:
        (temporary,) = state(target)[1]
        modes.append(stat.S_IMODE((tmp_path / temporary).stat().st_mode))
        stream.write(b"new")
    modes.append(stat.S_IMODE(target.stat().st_mode))
    assert modes == [mode, mode]


def test_the_check_sees_the_whole_file_before_anybody_else(target: Path) -> None:
    before = state(target)[0]
    seen = []

    def check(file: Path) -> None:
        seen.append((file.read_bytes(), state(target)[0]))

    with replace_file(target, mode=0o600, check=check) as stream:
        stream.write(b"new")
    assert seen == [(b"new", before)]


@pytest.mark.parametrize("error", [ImageError("broken"), KeyboardInterrupt(), OSError(5, "of a source", "x")])
class TestFailure:
    def test_in_the_block_leaves_all_as_it_was(self, target: Path, error: BaseException) -> None:
        before = state(target)
        with pytest.raises(type(error)) as raised:
            write_and_raise(target, error)
        assert raised.value is error
        assert state(target) == before

    def test_of_the_check_leaves_all_as_it_was(self, target: Path, error: BaseException) -> None:
        def check(_file: Path) -> None:
            raise error

        before = state(target)
        with pytest.raises(type(error)), replace_file(target, mode=0o600, check=check) as stream:
            stream.write(b"new")
        assert state(target) == before


def write_and_raise(target: Path, error: BaseException) -> None:
    with replace_file(target, mode=0o600) as stream:
        stream.write(b"new")
        raise error


class TestRefusal:
    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        assert refusal(tmp_path / "gone/image") == (
            f"cannot write {tmp_path}/gone/image: No such file or directory",
            "make the folder first",
        )

    def test_a_file_as_folder(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        assert "Not a directory" in refusal(tmp_path / "file/image")[0]

    def test_a_folder_in_its_place(self, tmp_path: Path) -> None:
        assert refusal(tmp_path) == (f"{tmp_path} is a folder", "give the name of a file")

    def test_a_pipe_in_its_place(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "image")
        assert "not a regular file" in refusal(tmp_path / "image")[0]

    @pytest.mark.parametrize("there", [True, False])
    def test_a_link_is_neither_followed_nor_replaced(self, tmp_path: Path, there: bool) -> None:  # noqa: FBT001
        other = tmp_path / "other"
        if there:
            other.write_bytes(b"of somebody else")
        (tmp_path / "image").symlink_to("other")
        message, hint = refusal(tmp_path / "image")
        assert message == f"{tmp_path}/image is a symbolic link to other"
        assert "name of the file itself" in str(hint)
        assert os.readlink(tmp_path / "image") == "other"
        assert other.exists() == there

    def test_a_link_on_the_way_is_followed(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to("real")
        write(tmp_path / "link/image")
        assert (tmp_path / "real/image").read_bytes() == b"new"

    def test_a_name_that_is_too_long(self, tmp_path: Path) -> None:
        assert "name too long" in refusal(tmp_path / ("x" * 255))[0]


def refusal(path: Path) -> tuple[str, str | None]:
    with pytest.raises(AoeinitError) as raised:
        write(path)
    return raised.value.message, raised.value.hint


class TestOtherRuns:
    def test_what_a_killed_run_left_is_removed_by_the_next(self, target: Path) -> None:
        before = state(target)[0]
        writer = start(
            "stream.write(b'x' * 100000); stream.flush(); print(flush=True); signal.pause()", target
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        writer.kill()
        writer.communicate()
        assert writer.returncode == -signal.SIGKILL
        content, left = state(target)
        assert (content, left) == (before, [".image.aoeinit"])
        write(target)
        assert state(target) == (b"new", [])

    def test_a_run_that_is_alive_is_left_alone(self, target: Path) -> None:
        with replace_file(target, mode=0o600) as stream:
            message, hint = refusal(target)
            stream.write(b"first")
        assert message == f"another run is writing {target} now"
        assert hint == "wait until it has ended"
        assert state(target) == (b"first", [])

    def test_a_leftover_with_wider_permissions_is_not_written_into(self, target: Path) -> None:
        leftover = target.with_name(".image.aoeinit")
        leftover.write_bytes(b"left")
        leftover.chmod(0o666)
        with leftover.open("rb") as eavesdropper:
            write(target, b"secret")
            assert eavesdropper.read() == b"left"
        assert stat.S_IMODE(target.stat().st_mode) == 0o600

    def test_many_runs_at_once_leave_one_whole_file(self, target: Path) -> None:
        block = "stream.write(sys.argv[2].encode() * 1000000)"
        writers = [start(block, target, letter) for letter in "abcdef"]
        for writer in writers:
            writer.communicate()
        content, left = state(target)
        assert {writer.returncode for writer in writers} <= {0, 3}
        assert content is not None
        assert len(content) == 1_000_000
        assert len(set(content)) == 1
        assert left == []

    def test_a_lock_on_another_target_is_no_hindrance(self, tmp_path: Path) -> None:
        with (tmp_path / ".other.aoeinit").open("w") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            write(tmp_path / "image")
        assert (tmp_path / "image").read_bytes() == b"new"


class TestFullDisk:
    def test_a_limit_on_the_size_leaves_the_old_file_whole(self, target: Path) -> None:
        before = state(target)
        limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000))"
        writer = start(f"{limit}; stream.write(b'x' * 100000)", target)
        _, errors = writer.communicate()
        assert writer.returncode == 3
        assert f"cannot write {target}: {os.strerror(errno.EFBIG)}" in errors
        assert state(target) == before

    @pytest.mark.parametrize("size", [30_000, 10_000_000])
    def test_a_full_file_system_leaves_the_old_file_whole(self, tmp_path: Path, size: int) -> None:
        # 16 KiB of memory as a disk, in a mount namespace of its own: a small write fails at the flush at the
        # end, a large one on the way.
        block = f"stream.write(b'x' * {size})"
        script = (
            'mount -t tmpfs -o size=16k tmpfs "$1" && printf old >"$1/image" || exit 4\n'
            '"$2" -c "$3" "$1/image"; echo $?; cat "$1/image"; ls -A "$1"'
        )
        arguments = [str(tmp_path), sys.executable, program(block)]
        done = subprocess.run(
            ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", *arguments],
            capture_output=True,
            text=True,
            cwd=PROJECT,
            check=True,
        )
        assert done.stdout == "3\noldimage\n"
        assert f"cannot write {tmp_path}/image: No space left on device" in done.stderr
        assert "free some space" in done.stderr


def program(block: str) -> str:
    """A Python program that replaces its first argument by what ``block`` writes; 3 is a refusal."""
    return (
        "import signal, sys\n"
        "from pathlib import Path\n"
        "from aoeinit.errors import AoeinitError\n"
        "from aoeinit.system.files import replace_file\n"
        "try:\n"
        "    with replace_file(Path(sys.argv[1]), mode=0o600) as stream:\n"
        f"        {block}\n"
        "except AoeinitError as error:\n"
        "    print(error, error.hint, file=sys.stderr)\n"
        "    sys.exit(3)\n"
    )


def start(block: str, target: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program(block), str(target), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    )


@pytest.mark.parametrize("path", ["", ".", "/"])
def test_a_folder_without_a_name_is_refused(path: str) -> None:
    with pytest.raises(AoeinitError, match="is a folder"), replace_file(Path(path), mode=0o600):
        pass
