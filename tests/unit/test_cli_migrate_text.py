"""What a migration shows: its plan, its target, and what is to be done at the end."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from aoeinit.cli.migrate import Prepared, begin
from aoeinit.cli.migrate_text import (
    finding_lines,
    plan_values,
    show_plan,
    show_result,
    step_lines,
    target_line,
    target_values,
)
from aoeinit.errors import AoeinitError
from aoeinit.install.migrate.preflight import error
from aoeinit.install.migrate.steps import PREPARED, Step, steps
from tests.unit.migrate_samples import DISK, HELD, debian, fedora_btrfs, migration_of


def test_a_plan_names_every_step_and_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    prepared = Prepared(migration_of(debian()), HELD, ())
    assert show_plan(prepared, as_json=False, sysroot=tmp_path) == 0
    said = capsys.readouterr().out
    for step in steps(migration_of(debian())):
        assert f"] {step.what}\n" in said
    assert "sfdisk --quiet --wipe always" in said
    assert "rsync --archive" in said
    assert "/dev/etherd/e11.0p2: 64.0 MiB swap 'swap'" in said


def test_a_plan_of_a_run_that_goes_on_shows_nothing_that_was_done(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    migration = migration_of(debian())
    begun = replace(begin(migration), done=("table", PREPARED))
    prepared = Prepared(migration, HELD, (), begun)
    assert show_plan(prepared, as_json=False, sysroot=tmp_path) == 0
    said = capsys.readouterr().out
    assert "] partition table: done by an earlier run\n" in said
    assert "sfdisk" not in said
    assert "mkfs" not in said
    assert "rsync --archive" in said
    assert show_plan(prepared, as_json=True, sysroot=tmp_path) == 0
    table, formatted, mount = json.loads(capsys.readouterr().out)["steps"][:3]
    assert [each["done"] for each in (table, formatted, mount)] == [True, True, False]
    assert table["does"] == formatted["does"] == []


def test_a_plan_is_told_as_data(tmp_path: Path) -> None:
    prepared = Prepared(migration_of(fedora_btrfs()), HELD, (error("a", "b"),))
    assert prepared.migration
    values = json.loads(json.dumps(plan_values(prepared, steps(prepared.migration), tmp_path)))
    assert values["target"]["server"] == "52:54:00:11:ff:01"
    assert values["findings"] == [{"level": "error", "text": "a", "hint": "b"}]
    assert values["layout"]["table"] == "gpt"
    assert "mkfs.btrfs" in " ".join(values["steps"][1]["does"])


def test_the_target_is_shown_with_all_that_it_tells_of_itself() -> None:
    disk = replace(DISK, model="Disk\x1b[2J", serial="S1")
    assert target_line(replace(HELD, disk=disk)) == (
        "/dev/etherd/e11.0: 10.0 GiB, model Disk\\x1b[2J, serial S1, firmware 0x4019, "
        "server 52:54:00:11:ff:01 through enp0s3"
    )
    values = target_values(replace(HELD, disk=disk))
    assert (values["model"], values["serial"], values["firmware"]) == ("Disk\x1b[2J", "S1", "0x4019")
    image = replace(DISK, node="/dev/loop0", given="/srv/e11.img")
    assert target_line(replace(HELD, disk=image, firmware="", server="")) == (
        "/srv/e11.img: 10.0 GiB, attached as /dev/loop0"
    )
    assert target_line(replace(HELD, firmware="", server="")) == "/dev/etherd/e11.0: 10.0 GiB"


def test_a_plan_that_cannot_be_carried_out_ends_with_an_error_code(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    prepared = Prepared(None, AoeinitError("no answer"), (error("no answer", ""),))
    assert show_plan(prepared, as_json=True, sysroot=tmp_path) == 1
    values = json.loads(capsys.readouterr().out)
    assert (values["target"], values["layout"], values["steps"]) == (None, None, [])
    assert list(finding_lines(prepared.findings)) == ["aoeinit: error: no answer"]


def test_a_step_that_cannot_be_told_beforehand_says_why(tmp_path: Path) -> None:
    (fstab,) = [step for step in steps(migration_of(debian())) if step.name == "fstab"]
    (said,) = step_lines(fstab, tmp_path)
    assert said.startswith("cannot be told beforehand: ")
    assert list(step_lines(Step("none", "nothing", lambda _: ()), tmp_path)) == ["nothing to do"]


def test_changed_lines_of_a_file_are_shown(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/fstab").write_text("UUID=a / ext4 defaults 0 1\ntmpfs /tmp tmpfs defaults 0 0\n")
    (fstab,) = [step for step in steps(migration_of(debian())) if step.name == "fstab"]
    lines = list(step_lines(fstab, tmp_path))
    assert "  - UUID=a / ext4 defaults 0 1" in lines
    assert "  + /dev/etherd/e11.0p3 / ext4 defaults 0 1" in lines
    assert not any("tmpfs /tmp" in each for each in lines)


def test_the_end_says_what_the_server_needs(capsys: pytest.CaptureFixture[str]) -> None:
    show_result(migration_of(debian()), ["x"], as_json=False)
    said = capsys.readouterr().out
    assert "The system is on e11.0. Warnings: 1." in said
    assert 'option root-path "aoe:e11.0";' in said
    show_result(migration_of(debian()), ["x"], as_json=True)
    assert json.loads(capsys.readouterr().out)["mac"] == "52:54:00:11:00:01"
