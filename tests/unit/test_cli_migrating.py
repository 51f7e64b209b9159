"""A migration under way: what it compares, when a step is done, and how one that was cut short goes on."""

import ctypes
import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from aoeinit.cli import migrating
from aoeinit.cli.migrate import begin
from aoeinit.cli.migrate_actions import DEVICE, Run, changed_since
from aoeinit.cli.migrating import again, finish
from aoeinit.errors import AoeinitError
from aoeinit.install.migrate.outcome import compared, listed_lines, name_in
from aoeinit.install.migrate.progress import RECORD
from aoeinit.install.migrate.steps import PREPARED, Step
from aoeinit.system import mounts as system_mounts
from tests.unit.migrate_samples import DISK, debian, migration_of


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
