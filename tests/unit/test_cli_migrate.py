import ctypes
import errno
import json
import os
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from aoeinit.cli import migrating
from aoeinit.cli.bar import Bar, amount, clock, line
from aoeinit.cli.migrate import Prepared, Wish, begin, migrate, named, planned
from aoeinit.cli.migrate_actions import DEVICE, Run, changed_since
from aoeinit.cli.migrate_consent import agree, question
from aoeinit.cli.migrate_text import (
    finding_lines,
    plan_values,
    show_plan,
    show_result,
    step_lines,
    target_line,
    target_values,
)
from aoeinit.cli.migrating import again, finish
from aoeinit.errors import AoeinitError, ConfigError
from aoeinit.install.migrate.outcome import compared, listed_lines, name_in
from aoeinit.install.migrate.preflight import Facts, TargetFacts, error
from aoeinit.install.migrate.progress import RECORD, read_progress, text_of
from aoeinit.install.migrate.steps import PREPARED, Step, steps
from aoeinit.system import mounts as system_mounts
from tests.unit.migrate_samples import DISK, E11, MIB, debian, fedora_btrfs, migration_of

HELD = TargetFacts(DISK, "0x4019", "52:54:00:11:ff:01", "enp0s3", ("dos at 0x1fe",), (), ours=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name the target with --target"),
        (["--target", "e11.0", "--device", "/dev/null", "--as", "e11.0"], "not both"),
        (["--device", "/dev/null"], "--device needs --as eX.Y"),
        (["--as", "e11.0"], "--as needs --device DEV"),
        (["--target", "e11.0", "--as", "e12.0"], "not both"),
        (["--target", "foo"], "--target: 'foo' is not an AoE target"),
        (["--device", "/dev/null", "--as", "foo"], "--as: 'foo' is not an AoE target"),
        (["--target", "e11.0", "--wipe", "--resume"], "--wipe starts anew"),
        (["--target", "e11.0", "--resume", "--layout", __file__], "--resume keeps the layout"),
        (["--target", "e11.0", "--layout", "/nowhere"], "does not exist"),
        (["--target", "e11.0", "--verify", "twice"], "is not one of"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_a_usage_error(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(migrate, arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_a_target_is_named_in_one_of_two_ways() -> None:
    assert named("e11.0", None, None) == named(None, Path("/dev/vg/hyperion"), "e11.0") == E11
    with pytest.raises(click.UsageError, match="'sda' is not an AoE target"):
        named("sda", None, None)


def test_nothing_is_written_without_a_yes_where_nobody_can_be_asked() -> None:
    prepared = Prepared(migration_of(debian()), HELD, ())
    with pytest.raises(ConfigError, match=r"this would write to /dev/etherd/e11\.0"):
        agree(prepared, yes=False)
    agree(prepared, yes=True)


@pytest.mark.parametrize(
    ("target", "asked"),
    [
        (
            HELD,
            "All of e11.0 (10.0 GiB) will be destroyed. It holds dos at 0x1fe. Type e11.0 to go on",
        ),
        (
            replace(HELD, holds=(), data=5, disk=replace(DISK, model="Disk", given="/srv/e11.img")),
            (
                "All of e11.0, which is /srv/e11.img (10.0 GiB, model Disk) will be destroyed. "
                "It holds data of no known kind. Type e11.0 to go on"
            ),
        ),
        (replace(HELD, holds=()), "All of e11.0 (10.0 GiB) will be written to. Type e11.0 to go on"),
    ],
)
def test_who_is_asked_is_told_what_would_be_lost(target: TargetFacts, asked: str) -> None:
    assert question(target) == asked


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("e11.0", None),
        ("e11.1", "not agreed; nothing was written"),
        (click.Abort(), "interrupted; nothing was written"),
    ],
)
def test_only_the_name_of_the_target_is_a_yes(
    monkeypatch: pytest.MonkeyPatch, typed: str | click.Abort, message: str | None
) -> None:
    def answer(*_: object, **__: object) -> str:
        if isinstance(typed, click.Abort):
            raise typed
        return typed

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(click, "prompt", answer)
    prepared = Prepared(migration_of(debian()), HELD, ())
    with pytest.raises(AoeinitError, match=message) if message else nullcontext():
        agree(prepared, yes=False)


@pytest.mark.parametrize(
    ("done", "recorded", "releases"),
    [
        (("table", "copy /"), ("6.1",), ("6.9",)),
        (("table", "copy /", "compare /"), ("6.1",), ("6.1",)),
        (("table", "copy /", "compare /"), (), ("6.9",)),
    ],
)
def test_images_are_made_for_the_kernels_that_were_copied(
    done: tuple[str, ...], recorded: tuple[str, ...], releases: tuple[str, ...]
) -> None:
    made = migration_of(debian())
    begun = replace(begin(replace(made, releases=recorded)), done=done)
    kernels = {"6.9": None, "6.10": AoeinitError("no aoe")}
    facts = Facts(
        *(made.source, HELD, made.layout, frozenset(), kernels, frozenset(), "enp0s3", made.mac, made.command)
    )
    wish = Wish(None, None, wipe=False, resume=True, full=False)
    migration = planned(wish, facts, made.identity, begun)
    assert migration
    assert migration.releases == releases


def test_the_record_keeps_the_kernels_and_older_ones_have_none() -> None:
    made = migration_of(debian())
    text = text_of(begin(made))
    old = {key: value for key, value in json.loads(text).items() if key != "releases"}
    read = [
        read_progress(each, made.identity, DISK, ["/", "/boot"]).releases
        for each in (text, json.dumps(old).encode())
    ]
    assert read == [made.releases, ()]


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


@pytest.mark.parametrize(
    ("word", "devices"),
    [
        ("/dev/sda", ["/dev/sda"]),
        ("if=/dev/zero", ["/dev/zero"]),
        ("--device=/dev/etherd/e11.0p1", ["/dev/etherd/e11.0p1"]),
        ("a:/dev/mapper/vg-root,b", ["/dev/mapper/vg-root"]),
        ("/run/aoeinit/migrate/root/dev/shm", []),
        ("/srv/dev/x", []),
    ],
)
def test_devices_are_found_in_the_words_of_commands(word: str, devices: list[str]) -> None:
    assert DEVICE.findall(word) == devices


def test_what_a_comparison_lists_is_looked_up_on_the_source(tmp_path: Path) -> None:
    (tmp_path / "with blank").write_text("")
    names = [
        name_in(line)
        for line in listed_lines(">f.st...... with blank\n*deleting   gone/deep/file\n.d..t...... folder/\n")
    ]
    assert names == ["with blank", "gone/deep/file", "folder/"]
    now = (tmp_path / "with blank").stat().st_ctime
    assert changed_since(tmp_path / names[0], now - 1)
    assert not changed_since(tmp_path / names[0], now + 1)
    assert changed_since(tmp_path / names[1], tmp_path.stat().st_ctime - 1)


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        (r">f.st...... caf\#351", b"caf\xe9"),
        (r">f.st...... two\#012lines\#134#12", b"two\nlines\\#12"),
        (">f.st......  blanks ", b" blanks "),
        ("*deleting   \u00fc\u2028x", "\u00fc\u2028x".encode()),
        (r">f.st...... back\slash\#9", rb"back\slash\#9"),
    ],
)
def test_names_are_read_as_rsync_writes_them(shown: str, name: bytes, tmp_path: Path) -> None:
    (line,) = listed_lines(f"{shown}\n")
    found = name_in(line)
    assert os.fsencode(found) == name
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    assert changed_since(tmp_path / found, (tmp_path / found).stat().st_ctime - 1)
    assert list(compared(0, f"{shown}\n", "", "/", {found}))


def test_progress_knows_bytes_and_the_time_left() -> None:
    assert line(50 * MIB, 100 * MIB, 0, 10) == " 50% 50.0 MiB of 100.0 MiB, 5.0 MiB/s, 0:10 left"
    assert line(0, 100 * MIB, 0, 0) == "  0% 0 B of 100.0 MiB, 0 B/s"
    assert line(130 * MIB, 100 * MIB, 0, 10) == "100% 130.0 MiB of 100.0 MiB, 13.0 MiB/s"
    assert line(3 * MIB, 0, 0, 3) == "3.0 MiB, 1.0 MiB/s"


def test_what_an_earlier_run_has_copied_counts_but_not_as_speed() -> None:
    assert line(60 * MIB, 100 * MIB, 50 * MIB, 10) == " 60% 60.0 MiB of 100.0 MiB, 1.0 MiB/s, 0:40 left"


@pytest.mark.parametrize(("done", "seconds"), [(30, 5), (2, 30)])
def test_no_time_is_told_before_the_pace_is_known(done: int, seconds: float) -> None:
    assert "left" not in line(done * MIB, 100 * MIB, 0, seconds)


def test_sizes_and_times_are_written_for_people() -> None:
    assert [amount(size) for size in (0, 1023, 1 << 20, 3 << 40)] == ["0 B", "1023 B", "1.0 MiB", "3.0 TiB"]
    assert [clock(seconds) for seconds in (5, 65, 3725)] == ["0:05", "1:05", "1:02:05"]


def test_without_a_terminal_progress_is_a_line_a_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    bar = Bar(100)
    for done in (5, 12, 15, 31, 100, 120):
        bar.show(done)
    bar.close()
    assert len(capsys.readouterr().err.splitlines()) == 3
    quiet = Bar(100, quiet=True)
    quiet.show(50)
    assert capsys.readouterr().err == ""


def test_a_disk_of_the_server_has_other_names_there_than_for_its_client() -> None:
    attached = replace(DISK, node="/dev/loop0")
    assert (attached.part(2), attached.future_part(2)) == ("/dev/loop0p2", "/dev/etherd/e11.0p2")


class Disconnected:
    """A C library on a machine whose disk has taken less than was written to it."""

    @staticmethod
    def syncfs(_folder: int) -> int:
        ctypes.set_errno(errno.EIO)
        return -1


def test_what_the_target_has_not_taken_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    system_mounts.settle(tmp_path)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_arguments, **_options: Disconnected)
    with pytest.raises(AoeinitError, match=r"has arrived: Input/output error"):
        system_mounts.settle(tmp_path)
    with pytest.raises(AoeinitError, match=r"has arrived: No such file"):
        system_mounts.settle(tmp_path / "missing")


def test_a_step_is_done_when_all_file_systems_have_taken_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    migration = migration_of(debian())
    run = Run(migration, replace(begin(migration), done=("table", PREPARED)), "--target e11.0", quiet=True)
    monkeypatch.setattr(migrating, "ROOT", tmp_path)
    monkeypatch.setattr(migrating, "is_root_mounted", lambda _run: True)
    step, settled = Step("copy /", "copy /", lambda _: ()), list[str]()

    def fail(place: Path) -> None:
        settled.append(f"{place}")
        if place.name == "boot":
            raise AoeinitError("it has not arrived")

    monkeypatch.setattr(system_mounts, "settle", fail)
    with pytest.raises(AoeinitError, match="not arrived"):
        finish(step, run)
    assert settled == ["/run/aoeinit/migrate/root", "/run/aoeinit/migrate/root/boot"]
    assert step.name not in run.progress.done
    assert not run.recorded
    assert not (tmp_path / RECORD).exists()
    monkeypatch.setattr(system_mounts, "settle", lambda _place: None)
    finish(step, run)
    assert step.name in run.progress.done
    assert run.recorded
    assert (tmp_path / RECORD).is_file()


@pytest.mark.parametrize("named", ["--target e11.0", "--device /srv/e11.0.img --as e11.0"])
def test_a_migration_that_was_cut_short_says_how_it_goes_on(named: str) -> None:
    migration = migration_of(debian())
    run = Run(migration, begin(migration), named, recorded=True)
    expected = f"go on with: aoeinit migrate {named} --resume --interface enp0s3"
    assert again(run) == expected
    assert again(replace(run, migration=replace(migration, full=True))) == f"{expected} --verify full"


def test_one_that_was_cut_short_before_its_record_says_how_it_begins_anew() -> None:
    run = Run(migration_of(debian()), begin(migration_of(debian())), "--target e11.0")
    expected = "begin anew with: aoeinit migrate --target e11.0 --wipe"
    assert again(run) == f"{expected} --interface enp0s3"
    assert again(replace(run, laid_out=" --layout my.toml")) == (
        f"{expected} --layout my.toml --interface enp0s3"
    )
