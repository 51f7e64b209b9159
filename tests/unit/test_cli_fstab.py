import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aoeinit.aoe.target import Target
from aoeinit.cli.fstab import fstab
from aoeinit.errors import AoeinitError, ConfigError
from aoeinit.install.fstab.change import BACKUP
from aoeinit.install.fstab.device import Device
from aoeinit.install.network.udev import PATH as RULE
from aoeinit.system import partitions
from tests.unit.fstab_samples import part

THERE = (part(1, uuid="b-1"), part(2, uuid="r-1"), part(3, "swap", "s-1"), Device("/dev/etherd/e11.0p4"))
TEXT = b"# mine\nUUID=r-1\t/ ext4 defaults 0 1\r\nUUID=b-1 /boot ext4 defaults 0 2\nUUID=s-1 none swap sw 0 0"
MOVED = TEXT.replace(b"UUID=r-1", b"/dev/etherd/e11.0p2").replace(b"UUID=b-1", b"/dev/etherd/e11.0p1")
MOVED = MOVED.replace(b"UUID=s-1", b"/dev/etherd/e11.0p3")


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system whose fstab is a copied disk's, on a machine that sees the copy."""
    monkeypatch.setattr(
        partitions, "partitions_of", lambda target: THERE if target == Target(11, 0) else None
    )
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/fstab").write_bytes(TEXT)
    (tmp_path / "etc/fstab").chmod(0o640)
    return tmp_path


def run(system: Path, *arguments: str, target: str = "e11.0") -> Result:
    words = ["--target", target, "--sysroot", str(system), *arguments]
    return CliRunner().invoke(fstab, words, catch_exceptions=False)


def content(system: Path) -> bytes:
    return (system / "etc/fstab").read_bytes()


def test_a_copied_disk_needs_no_map_and_the_old_file_is_kept(system: Path) -> None:
    result = run(system)
    assert (result.exit_code, content(system)) == (0, MOVED)
    assert (system / BACKUP).read_bytes() == TEXT
    for name in ("etc/fstab", BACKUP):
        assert (system / name).stat().st_mode & 0o7777 == 0o640
    assert "line 2:\n- UUID=r-1        / ext4 defaults 0 1\n+ /dev/etherd/e11.0p2     / ext4" in result.output
    assert "to undo it there: cp -p /etc/fstab.before-aoeinit /etc/fstab" in result.output


def test_a_second_run_changes_nothing(system: Path) -> None:
    run(system)
    before = (system / "etc/fstab").stat()
    result = run(system)
    assert "nothing to change" in result.output
    assert (system / "etc/fstab").stat() == before
    assert json.loads(run(system, "--json").stdout)["changed"] is False


def test_the_first_original_is_kept_for_good(system: Path) -> None:
    run(system)
    (system / "etc/fstab").write_bytes(b"UUID=r-1 / ext4\n")
    run(system)
    assert content(system) == b"/dev/etherd/e11.0p2 / ext4\n"
    assert (system / BACKUP).read_bytes() == TEXT


def test_a_dry_run_changes_nothing_and_says_what_it_would(system: Path) -> None:
    result = run(system, "--dry-run")
    assert "would change /etc/fstab" in result.output
    assert content(system) == TEXT
    assert os.listdir(system / "etc") == ["fstab"]


def test_json_tells_lines_and_warnings(system: Path) -> None:
    (system / "etc/fstab").write_bytes(TEXT + b"\nUUID=r-1 /x\xff ext4\n")
    result = CliRunner().invoke(
        fstab, ["--target", "e11.0", "--sysroot", str(system), "--json", "--dry-run"], catch_exceptions=False
    )
    told = json.loads(result.stdout)
    assert told["changed"] is False
    assert [change["path"] for change in told["changes"]] == [f"/{BACKUP}", "/etc/fstab"]
    assert told["lines"][0]["number"] == 2
    assert told["lines"][-1]["after"] == "/dev/etherd/e11.0p2 /x\udcff ext4"
    assert any("zram" in warning for warning in told["warnings"])


def test_partitions_can_be_named(system: Path) -> None:
    run(system, "--map", "/=p1", "--map", "/boot/=/dev/etherd/e11.0p2", "--map", "swap=p3")
    lines = content(system).splitlines()
    assert [line.split()[0] for line in lines[1:]] == [f"/dev/etherd/e11.0p{n}".encode() for n in (1, 2, 3)]


def test_a_target_that_is_not_seen_can_be_written_for(system: Path) -> None:
    result = run(system, "--map", "/=p5", "--map", "/boot=p6", target="e11.1")
    assert content(system).startswith(
        b"# mine\n/dev/etherd/e11.1p5\t/ ext4 defaults 0 1\r\n/dev/etherd/e11.1p6 /boot"
    )
    assert "does not see e11.1: types of file systems were not compared" in result.output
    assert "line 4: swap is on UUID=s-1, not on e11.1" in result.output


def test_uuids_need_the_rule_of_the_network_command(system: Path) -> None:
    result = run(system, "--by", "uuid")
    assert content(system) == TEXT
    assert f"/{RULE} is missing" in result.output
    (system / RULE).parent.mkdir(parents=True)
    (system / RULE).touch()
    assert RULE not in run(system, "--by", "uuid").output


def test_a_masked_rule_is_none(system: Path) -> None:
    (system / RULE).parent.mkdir(parents=True)
    (system / RULE).symlink_to("/dev/null")
    assert "is missing" in run(system, "--by", "uuid").output


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (["/=p9"], "e11.0 has no e11.0p9"),
        (["/=p3"], "/dev/etherd/e11.0p3 holds no file system, but swap"),
        (["/=p4"], "holds no file system, but nothing known"),
        (["swap=p2"], "holds no swap area, but ext4"),
        (["/=p1", "/boot=p1"], "--map gives /dev/etherd/e11.0p1 to line 2 (/) and to line 3 (/boot)"),
        (["/=/dev/nothing-there"], "cannot read /dev/nothing-there"),
    ],
)
def test_a_wrong_map_is_refused_and_changes_nothing(system: Path, maps: list[str], message: str) -> None:
    with pytest.raises(AoeinitError) as caught:
        run(system, *(word for each in maps for word in ("--map", each)))
    assert message in caught.value.message
    assert content(system) == TEXT
    assert not (system / BACKUP).exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--map", "/home"], "--map /home is not understood; write it as in --map /home=p3"),
        (["--map", "/home=3"], "--map /home=3 is not understood"),
        (["--map", "/home=p0"], "not understood"),
        (["--map", "home=p1"], "not understood"),
        (["--map", "=p1"], "not understood"),
        (["--map", "/=p1", "--map", "/=p2"], "--map names / twice"),
        (["--map", "/srv=p1", "--map", "/srv/=p2"], "--map names /srv twice"),
        (["--map", "swap=p3", "--map", "swap=p3"], "--map names /dev/etherd/e11.0p3 for swap twice"),
        (["--target", "sda"], "'sda' is not an AoE target; a target is written"),
    ],
)
def test_what_cannot_be_read_is_a_usage_error(system: Path, words: list[str], message: str) -> None:
    result = run(system, *words)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert content(system) == TEXT


def test_subvolumes_may_share_a_partition(system: Path) -> None:
    (system / "etc/fstab").write_text("UUID=1 / btrfs subvol=root\nUUID=2 /home btrfs subvol=home\n")
    run(system, "--map", "/=p1", "--map", "/home=p1", target="e11.1")
    assert content(system).count(b"/dev/etherd/e11.1p1 ") == 2
    (system / "etc/fstab").write_text("UUID=1 / btrfs subvol=root\nUUID=2 /boot ext4 defaults\n")
    with pytest.raises(ConfigError, match=r"gives /dev/etherd/e11\.1p1 to line 1 \(/\) and to line 2"):
        run(system, "--map", "/=p1", "--map", "/boot=p1", target="e11.1")


def test_a_target_that_is_not_seen_needs_a_map(system: Path) -> None:
    with pytest.raises(AoeinitError, match=r"this machine does not see e11\.1") as caught:
        run(system, target="e11.1")
    assert "--map" in str(caught.value.hint)


def break_by_removing(file: Path) -> None:
    file.unlink()


def break_by_linking(file: Path) -> None:
    file.rename(file.with_name("other"))
    file.symlink_to("other")


def break_by_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (break_by_removing, "etc/fstab is not there"),
        (break_by_linking, "etc/fstab is a link to other"),
        (break_by_a_folder, "is neither a file nor a link"),
    ],
)
def test_what_is_no_file_is_refused(system: Path, spoil: Callable[[Path], None], message: str) -> None:
    spoil(system / "etc/fstab")
    with pytest.raises(AoeinitError, match=message):
        run(system)


@pytest.mark.parametrize("text", [b"", b"\0" * 99, b"\xff\xfe/\x00", b"\n\n\n", b"UUID="])
def test_rubbish_is_left_as_it_is(system: Path, text: bytes) -> None:
    (system / "etc/fstab").write_bytes(text)
    result = run(system)
    assert (result.exit_code, content(system)) == (0, text)
    assert "no line mounts /" in result.output
