import json
import subprocess
import sys
from pathlib import Path

import pytest

from aoeinit.cli import main
from tests.unit.kernel_samples import FOLDER, RELEASE
from tests.unit.system_sample import make_system


@pytest.fixture
def sysroot(tmp_path: Path) -> Path:
    return make_system(tmp_path / "system")


class Aoeinit:
    """The command, run in this interpreter."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch = monkeypatch
        self.capsys = capsys
        self.out = ""
        self.err = ""

    def __call__(self, *arguments: object) -> int:
        self.monkeypatch.setattr(sys, "argv", ["aoeinit", *map(str, arguments)])
        code = main.run()
        self.out, self.err = self.capsys.readouterr()
        return code


@pytest.fixture
def aoeinit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Aoeinit:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    return Aoeinit(monkeypatch, capsys)


def usual(sysroot: Path, output: Path) -> list[object]:
    return [
        "build",
        "--kernel",
        RELEASE,
        "--sysroot",
        sysroot,
        "--output",
        output,
        "--nic",
        "nic",
        "--filesystem",
        "ext4",
    ]


def test_the_last_line_says_what_was_made(aoeinit: Aoeinit, sysroot: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    assert aoeinit(*usual(sysroot, image)) == 0
    assert aoeinit.out.startswith(f"{image}: {image.stat().st_size} bytes, 8 modules, ")
    assert image.stat().st_mode & 0o7777 == 0o600
    assert "warning: module nic names firmware that is not installed: nic/gone.bin" in aoeinit.err


def test_quiet_prints_nothing_but_warnings_and_verbose_what_is_in_it(
    aoeinit: Aoeinit, sysroot: Path, tmp_path: Path
) -> None:
    assert aoeinit(*usual(sysroot, tmp_path / "image"), "-q") == 0
    assert aoeinit.out == ""
    assert aoeinit(*usual(sysroot, tmp_path / "image"), "-v") == 0
    assert "module network    optional kernel/phy.ko\n" in aoeinit.out
    assert "firmware nic/one.bin\n" in aoeinit.out


@pytest.mark.parametrize("extra", [[], ["--json"]])
def test_a_dry_run_changes_nothing(aoeinit: Aoeinit, sysroot: Path, tmp_path: Path, extra: list[str]) -> None:
    assert aoeinit(*usual(sysroot, tmp_path / "image"), "--dry-run", *extra) == 0
    assert "kernel/ext4.ko" in aoeinit.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["system"]


@pytest.mark.parametrize(("options", "said"), [([], "shell none"), (["--emergency-shell"], "shell open")])
def test_a_plan_says_what_emergency_shell_the_image_will_have(
    aoeinit: Aoeinit, sysroot: Path, tmp_path: Path, options: list[str], said: str
) -> None:
    assert aoeinit(*usual(sysroot, tmp_path / "image"), "--dry-run", *options) == 0
    assert said in aoeinit.out.splitlines()


def test_json_is_the_same_for_a_plan_and_a_result_but_for_the_size(
    aoeinit: Aoeinit, sysroot: Path, tmp_path: Path
) -> None:
    assert aoeinit(*usual(sysroot, tmp_path / "image"), "--json", "--dry-run") == 0
    planned = json.loads(aoeinit.out)
    assert aoeinit(*usual(sysroot, tmp_path / "image"), "--json") == 0
    made = json.loads(aoeinit.out)
    assert made["size"] == (tmp_path / "image").stat().st_size
    assert planned == made | {"size": None}
    assert made["modules"][-1] == {"name": "aoe", "path": "kernel/aoe.ko", "stage": "aoe", "required": True}
    assert made["kernel"] == RELEASE
    assert made["warnings"]


@pytest.mark.parametrize("compress", ["zstd", "xz", "gzip", "lz4", "none"])
def test_the_same_inputs_give_the_same_bytes_from_anywhere(
    aoeinit: Aoeinit, sysroot: Path, tmp_path: Path, compress: str
) -> None:
    images = []
    for name, system in (("one", sysroot), ("two", sysroot), ("three", make_system(tmp_path / "elsewhere"))):
        assert aoeinit(*usual(system, tmp_path / name), "--compress", compress) == 0
        images.append((tmp_path / name).read_bytes())
    assert images[0] == images[1] == images[2]


def test_source_date_epoch_is_the_time_of_every_entry(
    aoeinit: Aoeinit, sysroot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert aoeinit(*usual(sysroot, tmp_path / "image"), "--compress", "none") == 0
    content = (tmp_path / "image").read_bytes()
    headers = content.split(b"070701")[1:]
    assert len(headers) > 40
    assert {header[40:48] for header in headers} - {b"00000000"} == {b"6553f100"}


def test_a_failing_build_leaves_the_old_image(aoeinit: Aoeinit, sysroot: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(b"old")
    (sysroot / FOLDER / "kernel/aoe.ko").write_bytes(b"\x7fELF")
    assert aoeinit(*usual(sysroot, image)) == 1
    assert "aoe.ko" in aoeinit.err
    assert image.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image", "system"]


def test_the_image_has_the_name_of_the_distribution(aoeinit: Aoeinit, sysroot: Path) -> None:
    (sysroot / "etc").mkdir()
    (sysroot / "etc/os-release").write_text("ID=debian\n")
    (sysroot / "etc/fstab").write_text("/dev/etherd/e11.0p1 / ext4 defaults 0 1\n")
    (sysroot / "boot").mkdir()
    assert aoeinit("build", "--kernel", RELEASE, "--sysroot", sysroot, "--nic", "nic") == 0
    assert (sysroot / f"boot/initrd.img-{RELEASE}").is_file()


def test_a_compression_that_the_kernel_cannot_unpack_is_refused(
    aoeinit: Aoeinit, sysroot: Path, tmp_path: Path
) -> None:
    (sysroot / "boot").mkdir()
    (sysroot / f"boot/config-{RELEASE}").write_text(
        "CONFIG_RD_GZIP=y\n# CONFIG_RD_ZSTD is not set\nCONFIG_RD_XZ=y\n"
    )
    assert aoeinit(*usual(sysroot, tmp_path / "image")) == 1
    assert "CONFIG_RD_ZSTD" in aoeinit.err
    assert "--compress gzip or xz or none" in aoeinit.err
    assert aoeinit(*usual(sysroot, tmp_path / "image"), "--compress", "gzip") == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--kernel", "9.9.9"], f"hint: there are: {RELEASE}"),
        (["--filesystem", "ext5"], "no file system ext5"),
        (["--nic", "e1000"], "no module or alias e1000"),
        (["--file", "/nowhere/at/all"], "/nowhere/at/all"),
        (["--program", "/nowhere/at/all"], "/nowhere/at/all"),
        (["--level", "99"], "no level 99"),
        (["--nic", "host", "--sysfs", "/"], "cannot list the network interfaces in /class/net"),
        (["--output", "/nowhere/at/all/image"], "/nowhere/at/all"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_what_to_do(
    aoeinit: Aoeinit, sysroot: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    assert aoeinit(*usual(sysroot, tmp_path / "image"), *arguments) == 1
    assert words in aoeinit.err
    assert aoeinit.err.splitlines()[-1].startswith("  hint: ")
    assert not (tmp_path / "image").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--target", "11.0"],
        ["--compress", "rar"],
        ["--level", "high"],
        ["-q", "-v"],
        ["--output", ""],
        ["--sysroot", "/nowhere/at/all"],
        ["--sysfs", "/nowhere/at/all"],
        ["--file", "a:b"],
        ["--file", ""],
        ["extra"],
        ["--what"],
    ],
)
def test_a_wrong_command_line_exits_with_2(
    aoeinit: Aoeinit, sysroot: Path, tmp_path: Path, arguments: list[str]
) -> None:
    assert aoeinit(*usual(sysroot, tmp_path / "image"), *arguments) == 2
    assert "Usage: aoeinit build" in aoeinit.err


def test_a_hash_that_the_shell_has_eaten_is_told_with_the_quotes_to_use(
    aoeinit: Aoeinit, sysroot: Path, tmp_path: Path
) -> None:
    eaten = "/abcdefghijklmnopqrstuvwxyz0123456789"
    shell = ("--emergency-shell", "--emergency-password", eaten)
    assert aoeinit(*usual(sysroot, tmp_path / "image"), *shell) == 2
    assert "no crypt hash" in aoeinit.err
    assert "single quotes" in aoeinit.err


def test_the_version_pays_for_click_alone() -> None:
    code = (
        "import sys\n"
        "from aoeinit.cli import main\n"
        "sys.argv = ['aoeinit', '--version']\n"
        "assert main.run() == 0\n"
        "print(*(name for name in ('elftools', 'libarchive', 'zstandard', 'lzma') if name in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("aoeinit, version 0")
    assert done.stdout.splitlines()[1:] == [""]


def test_a_reader_that_has_seen_enough_is_no_error_worth_a_traceback(sysroot: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "aoeinit", *map(str, usual(sysroot, tmp_path / "image")), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_output_that_cannot_be_printed_is_told(sysroot: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "aoeinit", *map(str, usual(sysroot, tmp_path / "image")), "--json"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "aoeinit: cannot write to standard output: No space left on device\n" in done.stderr
    assert "Traceback" not in done.stderr


def test_output_that_is_closed_is_nobodys_error() -> None:
    command = ["sh", "-c", 'exec "$0" -m aoeinit --version >&-', sys.executable]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
