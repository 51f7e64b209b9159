"""aoeinit inspect: what each view writes, and the ones that do not go together."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from aoeinit.cli.inspect import inspect
from aoeinit.cli.listing import run as run_listing
from aoeinit.errors import AoeinitError
from tests.unit.inspect_samples import LINK, Made, archive, small_entries


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image"
    path.write_bytes(archive(small_entries()))
    return path


def test_the_default_view_is_plain_outside_terminals(image: Path) -> None:
    result = CliRunner().invoke(inspect, [str(image)])
    assert result.exit_code == 0
    assert "built by      unknown" in result.output
    assert "\x1b" not in result.output


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ("version=0.1.0\n", ["shell         none"]),
        ("version=0.1.0\nshell=open\n", ["shell         open"]),
        ("version=0.1.0\nshell=password\n", ["shell         with a password"]),
        ("", []),  # another tool's
    ],
)
def test_the_default_view_says_what_emergency_shell_an_image_of_ours_has(
    tmp_path: Path, about: str, said: list[str]
) -> None:
    path = tmp_path / "image"
    path.write_bytes(archive([*small_entries(), Made("etc/aoeinit/image", content=about.encode())]))
    lines = CliRunner().invoke(inspect, [str(path)]).output.splitlines()
    assert [line for line in lines if line.startswith("shell")] == said


def test_cat_gives_the_very_bytes_and_follows_links(image: Path) -> None:
    result = CliRunner().invoke(inspect, [str(image), "--cat", "/bin/sh"])
    assert result.stdout_bytes == bytes(range(256)) * 2


def test_json_tells_everything(image: Path) -> None:
    found = json.loads(CliRunner().invoke(inspect, [str(image), "--json"]).output)
    assert [entry["path"] for entry in found["entries"]] == [entry.path for entry in small_entries()]
    assert found["segments"] == [
        {
            "offset": 0,
            "packed": image.stat().st_size,
            "size": image.stat().st_size,
            "compression": "none",
            "entries": 9,
        }
    ]
    assert found["programs"] == [["bin/busybox", 512], ["init", 28]]


def test_both_ways_to_list_agree(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_listing(str(image)) == 0
    short = capsys.readouterr().out
    assert len(short.splitlines()) == 9
    assert CliRunner().invoke(inspect, [str(image), "--list", "--limit", "1"]).output == short


def test_a_listing_of_nothing_is_an_error_with_a_hint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_listing(str(tmp_path / "gone")) == 1
    assert "hint: images are in /boot" in capsys.readouterr().err
    os.mkfifo(tmp_path / "pipe")
    assert run_listing(str(tmp_path / "pipe")) == 1
    assert "no regular file" in capsys.readouterr().err


def test_entries_and_differences_can_be_had_as_data(image: Path, tmp_path: Path) -> None:
    listed = json.loads(CliRunner().invoke(inspect, [str(image), "--list", "--json"]).output)
    assert [entry["path"] for entry in listed["entries"]] == [entry.path for entry in small_entries()]
    other = tmp_path / "other"
    other.write_bytes(archive([*small_entries(), Made("new", content=b"123")]))
    found = json.loads(CliRunner().invoke(inspect, [str(image), "--json", "--diff", str(other)]).output)
    assert found["differences"] == [{"name": "new", "before": None, "after": 3, "what": ""}]


def test_cat_of_a_loop_of_links_says_so(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(archive([Made("loop", LINK, b"loop")]))
    result = CliRunner().invoke(inspect, [str(path), "--cat", "loop"])
    assert isinstance(result.exception, AoeinitError)
    assert "circle of links" in result.exception.message


@pytest.mark.parametrize("output", ["", ".", "/"])
def test_a_treemap_needs_the_name_of_a_file(output: str, image: Path) -> None:
    result = CliRunner().invoke(inspect, [str(image), "--treemap", output])
    assert isinstance(result.exception, AoeinitError)
    assert "is a folder" in result.exception.message


@pytest.mark.parametrize(
    "views", [("--list", "--check"), ("--json", "--cat", "x"), ("--treemap", "", "--json")]
)
def test_views_that_do_not_go_together_are_refused(views: tuple[str, ...], image: Path) -> None:
    assert CliRunner().invoke(inspect, [str(image), *views]).exit_code == 2


def test_two_views_at_a_time_are_refused(image: Path) -> None:
    result = CliRunner().invoke(inspect, [str(image), "--list", "--check"])
    assert result.exit_code == 2
    assert "--list or --check" in result.output
