import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aoeinit.cli.grub import grub, is_on
from aoeinit.errors import AoeinitError
from tests.unit.grub_samples import ENTRY_FILE, make_fedora

TARGET = ("--target", "e11.0", "--root", "/dev/etherd/e11.0p2")


@pytest.fixture
def fedora(tmp_path: Path) -> Path:
    """Without the program that makes the menu: it would be run."""
    made = make_fedora(tmp_path)
    (made / "usr/sbin/grub2-mkconfig").unlink()
    return made


def run(*words: str) -> Result:
    return CliRunner().invoke(grub, words, catch_exceptions=False)


def test_a_dry_run_tells_and_changes_nothing(fedora: Path) -> None:
    before = (fedora / ENTRY_FILE).read_text()
    (fedora / "usr/sbin/grub2-mkconfig").touch()
    said = run("config", "--sysroot", str(fedora), *TARGET, "--dry-run").output
    assert f"would change /{ENTRY_FILE}: gives the entry the root on the target\n" in said
    assert "would run grub2-mkconfig -o /boot/grub2/grub.cfg\n" in said
    assert "boot is not on /dev/etherd/e11.0: what names its file system stays\n" in said
    assert (fedora / ENTRY_FILE).read_text() == before
    options = next(line for line in before.splitlines() if line.startswith("options "))
    assert f"the root on the target\n- {options}\n+ options root=/dev/etherd/e11.0p2 " in said
    assert "\n- kernelopts=" in said
    assert "###" not in said


def test_what_was_done_is_undone(fedora: Path) -> None:
    before = (fedora / ENTRY_FILE).read_text()
    sysroot = ("--sysroot", str(fedora))
    done = run("config", *sysroot, *TARGET)
    assert "root=/dev/etherd/e11.0p2 " in (fedora / ENTRY_FILE).read_text()
    assert "nothing to change: the files are right" in run("config", *sysroot, *TARGET).output
    (fedora / "usr/sbin/grub2-mkconfig").touch()
    again = run("config", *sysroot, *TARGET, "--dry-run").stdout
    assert again == "the files are right; would only run grub2-mkconfig -o /boot/grub2/grub.cfg\n"
    (fedora / "usr/sbin/grub2-mkconfig").unlink()
    assert f"change /{ENTRY_FILE}: as it was before" in run("config", *sysroot, "--undo").output
    assert (fedora / ENTRY_FILE).read_text() == before
    assert not (fedora / "var").exists()
    assert done.exit_code == 0


def test_json_tells_changes_commands_and_warnings(fedora: Path) -> None:
    (fedora / "usr/sbin/grub2-mkconfig").touch()
    result = run("config", "--sysroot", str(fedora), *TARGET, "--dry-run", "--json")
    told = json.loads(result.stdout)
    assert told["changed"] is False
    assert f"/{ENTRY_FILE}" in [each["path"] for each in told["changes"]]
    assert [each["command"] for each in told["commands"]] == ["grub2-mkconfig -o /boot/grub2/grub.cfg"]
    assert any(each.startswith("rd.lvm.lv=fedora/root is dropped") for each in told["warnings"])


def test_a_bad_name_of_a_target_is_a_usage_error(fedora: Path) -> None:
    result = run("config", "--sysroot", str(fedora), "--target", "11.0")
    assert result.exit_code == 2
    assert "'11.0' is not an AoE target" in result.output


@pytest.mark.parametrize("words", [("--target", "e11.0"), ("--root", "UUID=1")])
def test_what_is_undone_is_known(fedora: Path, words: tuple[str, ...]) -> None:
    assert run("config", "--sysroot", str(fedora), "--undo", *words).exit_code == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("config",), "which is no target"),
        (("config", "--target", "e11.0"), "not on target e11.0"),
        (("config", "--target", "e11.0", "--root", "/dev/sda2"), "root=/dev/sda2 is not supported"),
        (("install",), "which is no target"),
        (("install", "--target", "e65534.254"), "/dev/etherd/e65534.254: No such file or directory"),
    ],
)
def test_what_cannot_be_is_told(fedora: Path, words: tuple[str, ...], message: str) -> None:
    with pytest.raises(AoeinitError) as refused:
        run(words[0], "--sysroot", str(fedora), *words[1:])
    assert message in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("/dev/etherd/e1.1", True),
        ("/dev/etherd/e1.1p12", True),
        ("/dev/etherd/e1.10", False),
        ("/dev/etherd/e1x1", False),
        ("/dev/sda1", False),
        ("", False),
    ],
)
def test_the_targets_own_devices_are_told_from_others(source: str, *, answer: bool) -> None:
    assert is_on(source, "/dev/etherd/e1.1") is answer
