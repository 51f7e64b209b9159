"""aoeinit migrate: its command line, who has to agree to it, and the kernels that it makes images for."""

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from aoeinit.cli.migrate import Prepared, Wish, begin, migrate, named, planned
from aoeinit.cli.migrate_consent import agree, question
from aoeinit.errors import AoeinitError, ConfigError
from aoeinit.install.migrate.preflight import Facts, TargetFacts
from aoeinit.install.migrate.progress import read_progress, text_of
from tests.unit.migrate_samples import DISK, E11, HELD, debian, migration_of


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
