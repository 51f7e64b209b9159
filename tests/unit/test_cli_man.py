import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from aoeinit.cli.main import COMMANDS, aoeinit
from aoeinit.cli.man import pages, paragraphs


def commands(command: click.Command, name: str = "aoeinit") -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for each in command.list_commands(ctx):
            found = command.get_command(ctx, each)
            assert found is not None
            yield from commands(found, f"{name}-{each}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("man1")
    assert CliRunner().invoke(aoeinit, ["man", str(path)]).exit_code == 0
    return path


def test_there_is_a_page_for_every_command(folder: Path) -> None:
    names = {name for name, _ in commands(aoeinit)}
    assert names > {"aoeinit", *(f"aoeinit-{name}" for name in COMMANDS)}
    assert {path.name for path in folder.iterdir()} == {f"{name}.1" for name in names}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}


@pytest.mark.parametrize(
    ("name", "command"), list(commands(aoeinit)), ids=lambda each: each if isinstance(each, str) else ""
)
def test_a_page_tells_what_help_tells(name: str, command: click.Command, folder: Path) -> None:
    shown = subprocess.run(
        ["mandoc", "-T", "utf8", "-O", "width=200", str(folder / f"{name}.1")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    plain = subprocess.run(["col", "-bx"], input=shown, capture_output=True, text=True, check=True).stdout
    words = " ".join(plain.split())
    for parameter in command.get_params(click.Context(command)):
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert " ".join((parameter.help or "").split()) in words
            assert all(option in words for option in parameter.opts)
    for paragraph in (command.help or "").split("\n\n"):
        assert " ".join(paragraph.split()) in words


def test_mandoc_and_groff_have_nothing_to_say_against_them(folder: Path) -> None:
    files = sorted(str(path) for path in folder.iterdir())
    lint = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", *files], capture_output=True, text=True, check=False
    )
    # They are to be the same whenever they are made.
    assert [line for line in lint.stdout.splitlines() if "missing date" not in line] == []
    groff = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", *files], capture_output=True, text=True, check=True
    )
    assert groff.stderr == ""


def test_what_roff_would_take_for_its_own_is_printed_as_it_is() -> None:
    @click.command(help=".first\n\n'second --x a\\b\n\n\b\n.kept\n  lines")
    @click.option("--dot", help=".meaning")
    def command(dot: str) -> None:
        raise AssertionError(dot)

    (page,) = pages(command).values()
    assert "\n\\&.first\n.PP\n\\&'second \\-\\-x a\\eb\n.PP\n.nf\n\\&.kept\n  lines\n.fi\n" in page
    assert "\n.TP\n\\fB\\-\\-dot TEXT\\fR\n\\&.meaning\n" in page


def test_a_paragraph_is_one_line() -> None:
    assert list(paragraphs("a\nb\n\nc")) == ["a b", ".PP", "c"]


@pytest.mark.parametrize("arguments", [[], ["/nowhere"], ["/etc/passwd"]])
def test_wrong_calls_of_man_are_usage_errors(arguments: list[str]) -> None:
    assert CliRunner().invoke(aoeinit, ["man", *arguments]).exit_code == 2


def test_the_version_imports_no_command_and_nothing_that_only_commands_need() -> None:
    code = (
        "import sys\n"
        "from aoeinit.cli.main import run\n"
        "sys.argv = ['aoeinit', '--version']\n"
        "run()\n"
        "print(*sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[1].split())
    ours = {name for name in loaded if name.split(".")[0] == "aoeinit"}
    assert ours == {"aoeinit", "aoeinit.cli", "aoeinit.cli.main", "aoeinit.errors"}
    assert loaded.isdisjoint({"elftools", "libarchive", "zstandard", "lzma", "tomllib", "json", "tempfile"})
