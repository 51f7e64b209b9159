"""How the agent is written: clean for shellcheck as one program, formatted by shfmt, and by our own rules."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.agent.boot_samples import NOW, ROOT, furnish, steps
from tests.agent.machine import PRELUDE, Machine
from tests.agent.syntax import LEFT, SCRIPTS, calls, functions, nodes, variables

ALL = [*SCRIPTS, *LEFT]

HEADER = re.compile(r"# shellcheck shell=dash disable=SC2034,SC2154 # .*\n")
OPTIONAL = "add-default-case,avoid-nullary-conditions,check-extra-masked-returns,quote-safe-variables"


def checked(*arguments: str, text: str = "") -> str:
    done = subprocess.run(arguments, input=text, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout


def test_the_agent_is_clean_as_a_whole() -> None:
    """Variables and functions of one file are used in others: each is set somewhere, and used somewhere."""
    library = "".join(HEADER.sub("", script.read_text(), count=1) for script in SCRIPTS[1:])
    assert (
        checked("shellcheck", "-s", "dash", "-o", OPTIONAL, "-", text=library + SCRIPTS[0].read_text()) == ""
    )


@pytest.mark.parametrize("script", [*ALL, PRELUDE], ids=lambda script: script.name)
def test_each_file_is_clean_by_itself(script: Path) -> None:
    assert checked("shellcheck", str(script)) == ""
    assert checked("shfmt", "-ln", "posix", "-d", str(script)) == ""


@pytest.mark.parametrize("script", ALL, ids=lambda script: script.name)
def test_each_file_is_short_and_says_what_it_is(script: Path) -> None:
    lines = script.read_text().splitlines()
    assert next(line for line in lines[1:] if not line.startswith("# shellcheck")).startswith("# ")
    assert len(lines) < (60 if script.name == "init" else 200)
    assert max(map(len, lines)) <= 120


def test_each_function_says_what_it_promises() -> None:
    text = "".join(script.read_text() for script in ALL)
    undescribed = [
        name
        for name in functions(ALL)
        if not re.search(rf"^# {name}[ :].*\n(#.*\n)*{name}\(\)", text, re.MULTILINE)
    ]
    assert undescribed == []


def test_each_function_fits_on_a_screen() -> None:
    long = {name for name, node in functions(ALL).items() if node["End"]["Line"] - node["Pos"]["Line"] > 25}
    assert long == set()


def test_nothing_is_run_twice_and_nothing_just_sleeps() -> None:
    forbidden = {"eval", "sleep", "usleep", "source", "alias"}
    assert {*forbidden, "trap"} & {call[0] for call in calls()} == set()
    # The guard of a shutdown is told by a signal.
    assert forbidden & {call[0] for call in calls(LEFT)} == set()


def test_every_expansion_is_quoted() -> None:
    """But for lists of the agent's own making: interface indexes, and options that are there or not."""
    bare = [
        word for node in nodes("CallExpr", ALL) for word in node.get("Args", []) for word in bare_names(word)
    ]
    assert sorted(set(bare)) == ["type"]
    loops = [node["Loop"] for node in nodes("ForClause", ALL)]
    assert {name for loop in loops for word in loop.get("Items", []) for name in bare_names(word)} == {
        "bytes",
        "init",
        "interfaces",
        "looked_at",
        "new",
        "serving",
        "targets",
        "unusable",
    }


def bare_names(word: dict[str, list[dict[str, dict[str, str]]]]) -> list[str]:
    """The variables that are expanded outside quotes in a word."""
    return [part["Param"]["Value"] for part in word["Parts"] if str(part.get("Type")) == "ParamExp"]


@pytest.mark.parametrize("value", ["$(reboot) *", "1", ""])
@pytest.mark.parametrize(
    ("cmdline", "target"),
    [(ROOT, "e11.0 aoe0 p1"), (f"root=x {NOW}", ""), (f"{ROOT} {NOW} rd.aoe.timeout=1", "e5.0 aoe0")],
)
def test_the_environment_decides_nothing(tmp_path: Path, cmdline: str, target: str, value: str) -> None:
    """The kernel hands parameters that it does not know to process 1 as environment variables."""
    noise = dict.fromkeys(variables() - {"HOME", "TERM"}, value)
    plain = furnish(Machine(tmp_path / "plain"), target=target).boot(cmdline)
    noisy = furnish(Machine(tmp_path / "noisy"), target=target).boot(cmdline, env=noise)
    assert noisy.output == ""
    assert noisy.kmsg == plain.kmsg
    assert steps(noisy) == steps(plain)
