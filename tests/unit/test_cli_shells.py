import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from aoeinit.cli.main import aoeinit

TOP = Path(__file__).parents[2]
SHELLS = ("bash", "zsh", "fish")

CHECK = {"bash": ["bash", "-n"], "zsh": ["zsh", "-f", "-n"], "fish": ["fish", "--no-config", "--no-execute"]}
ASK = {
    "bash": """
        source "$1"; shift
        complete -p aoeinit >/dev/null || exit 1
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        _aoeinit_completion aoeinit
        printf '%s\\n' "${COMPREPLY[@]}"
    """,
    "zsh": """
        compdef() { [[ $2 == aoeinit ]] || exit 1 }
        source "$1"; shift
        words=("$@"); CURRENT=$#
        # What zsh's own completion functions would show: names, and names with what they mean.
        _describe() { print -rl -- "${(@P)3}" }
        compadd() { print -rl -- "${(@P)@[-1]}" }
        _files() { print -r -- files }
        _aoeinit_completion
    """,
    "fish": """
        source $argv[1]
        complete --do-complete (string join ' ' -- $argv[2..])
    """,
}
"""How to ask each shell for the completions of a command line whose last word is being typed."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment with the command in PATH."""
    command = tmp_path / "bin/aoeinit"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{TOP}" exec "{sys.executable}" -m aoeinit "$@"\n')
    command.chmod(0o755)
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    return {**os.environ, **home, "PATH": f"{command.parent}:{os.environ['PATH']}"}


@pytest.fixture
def script(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "script"
    result = CliRunner().invoke(aoeinit, ["completion", request.param], prog_name="aoeinit")
    assert result.exit_code == 0, result.output
    path.write_text(result.output)
    return path


@pytest.mark.parametrize(("shell", "script"), [(each, each) for each in SHELLS], indirect=["script"])
def test_the_script_is_one_of_its_shell(shell: str, script: Path) -> None:
    subprocess.run([*CHECK[shell], str(script)], check=True)


@pytest.mark.parametrize(("shell", "script"), [(each, each) for each in SHELLS], indirect=["script"])
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["bu"], ["build"]),
        (["config", ""], ["show"]),
        (["build", "--micro"], ["--microcode"]),
        (["build", "--compress", ""], ["zstd", "xz", "gzip", "lz4", "none"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
    ],
)
def test_the_shell_completes(
    shell: str, script: Path, words: list[str], expected: list[str], environment: dict[str, str]
) -> None:
    command = [
        shell,
        "-c",
        ASK[shell],
        *(["shell"] if shell != "fish" else []),
        str(script),
        "aoeinit",
        *words,
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    # fish and zsh show what a name means, too, behind a tab or a colon.
    names = [line.replace("\t", ":").split(":")[0] for line in done.stdout.splitlines()]
    assert sorted(names) == sorted(expected), done


@pytest.mark.parametrize("arguments", [[], ["csh"], ["bash", "zsh"]])
def test_wrong_calls_of_completion_are_usage_errors(arguments: list[str]) -> None:
    assert CliRunner().invoke(aoeinit, ["completion", *arguments]).exit_code == 2
