"""The agent, its contract with the builder and docs/parameters.md say the same."""

import re
import subprocess

import pytest

from aoeinit.boot import contract
from tests.agent.machine import BOOT
from tests.agent.syntax import LEFT, SCRIPTS, calls, functions, literal, nodes, parse, walk

DOCUMENT = BOOT.parents[1] / "docs" / "parameters.md"


def choices(function: str) -> list[str]:
    """The patterns of the ``case`` in a function, but for the last, which is *."""
    (case,) = (node for node in walk(functions()[function]) if node.get("Type") == "CaseClause")
    return [
        literal(pattern) for item in case["Items"] for pattern in item["Patterns"] if literal(pattern) != "*"
    ]


def test_the_agent_knows_the_parameters() -> None:
    # rd.overlay is known with and without a value.
    known = {name.removesuffix("=") for name in choices("set_parameter")}
    assert sorted(known) == sorted(contract.PARAMETERS)


def test_the_document_describes_the_parameters() -> None:
    table = DOCUMENT.read_text().split("## When a boot fails")[0]
    first_cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    described = [name for cell in first_cells for name in re.findall(r"`([a-z.]+)[=`]", cell)]
    assert sorted(set(described)) == sorted(contract.PARAMETERS)


def builtins(names: set[str]) -> set[str]:
    """Those of the names that busybox ash itself carries out."""
    asked = [
        subprocess.run(
            ["busybox", "ash", "-c", 'command -V "$1"', "ash", name],
            capture_output=True,
            text=True,
            check=False,
        )
        for name in sorted(names)
    ]
    return {name for name, done in zip(sorted(names), asked, strict=True) if "builtin" in done.stdout}


def test_the_applets_are_those_that_the_agent_runs() -> None:
    run = {call[0] for call in calls()} | {"sh"}  # what #! names
    run |= {call[1] for call in calls() if call[0] in {"exec", "uevent"} and len(call) > 1}
    run |= {call[1] for call in calls() if call[0] == "end_with"}
    run |= {word for call in calls() if call[0] == "setsid" for word in call[1:]}
    run -= {""} | set(functions())
    programs = {name.removeprefix("/bin/") for name in run - builtins(run)}
    programs |= {"poweroff", "reboot"}  # the guard's, by what was ordered
    # The busybox of another distribution has no echo of its own in uevent: it runs the applet.
    programs |= {call[1] for call in calls() if call[0] == "uevent"}
    assert sorted(programs) == sorted({*contract.APPLETS, *contract.SHELL_APPLETS})
    assert all(script.read_text().startswith("#!/bin/sh\n") for script in SCRIPTS if script.name == "init")


@pytest.mark.parametrize(("script", "programs"), [("guard", {"/run/aoeinit/busybox"}), ("keep-pin", {"nft"})])
def test_what_runs_beside_the_system_asks_for_little_of_it(script: str, programs: set[str]) -> None:
    """The guard is to outlive the root; of the pin only nft is the root's own."""
    (left,) = (each for each in LEFT if each.name == script)
    known = {*functions(), *functions([left])}
    run = {word for call in calls([left]) for word in call[1 if call[0] == "exec" else 0 :][:1]}
    assert {name for name in run - known - builtins(run) if name} == programs


def test_the_applets_are_sorted_and_named_once() -> None:
    assert list(contract.APPLETS) == sorted(set(contract.APPLETS))


def test_each_step_is_marked_in_its_order() -> None:
    assert tuple(call[1] for call in calls() if call[0] == "mark") == contract.STEPS


def test_each_stage_is_loaded_in_its_order() -> None:
    init = [call[1] for call in calls() if call[0] == "load_modules"]
    assert tuple(init) == contract.STAGES


def test_the_needs_are_known() -> None:
    needs = set(contract.NEEDS)
    compared = {word for call in calls() if call[0] == "[" for word in call[1:] if word in needs}
    assert compared == needs


def test_the_state_has_its_keys() -> None:
    text = (BOOT / "lib/root.sh").read_text().split("write_state()")[1].split("\n}\n")[0]
    assert tuple(re.findall(r'"([a-z]+)=', text)) == contract.STATE_KEYS


def test_the_document_names_the_keys_and_steps() -> None:
    text = DOCUMENT.read_text().split("## What a boot leaves behind")[1].split("\n## ")[0]
    files = (contract.STATE_FILE, contract.TIMELINE_FILE, contract.PIN_FILE, contract.FILTER_FILE)
    known = [*contract.STATE_KEYS, *contract.STEPS, *(f"/{file}" for file in files)]
    assert sorted(set(re.findall(r"`([^`]+)`", text))) == sorted(set(known))


def test_the_document_names_what_is_left_to_systemd() -> None:
    text = DOCUMENT.read_text().split("## What it leaves to systemd")[1]
    services = (BOOT / "lib/services.sh").read_text()
    units = re.findall(r'>"\$units/(\S+\.conf)"', services)
    wanted = re.findall(r"aoeinit-guard@[a-z]+\.service", services)
    assert (len(units), len(wanted)) == (2, 2)
    for name in (*(f"/run/systemd/system/{unit}" for unit in units), *wanted, "WatchdogSec=0"):
        assert name in text
    for name in ("/run/aoeinit/busybox", "`guard`", "`silence`"):
        assert name in text


def test_the_image_facts_are_those_of_the_builder() -> None:
    assert sorted(key.removesuffix("=*") for key in choices("read_image_facts")) == sorted(
        contract.IMAGE_KEYS
    )


def test_the_files_are_those_of_the_contract() -> None:
    files = {f"/{file}" for file in (contract.IMAGE_FILE, contract.MODULES_FILE, contract.INTERFACES_FILE)}
    read = {literal(node["Word"]) for node in redirections() if node.get("Word")}
    assert {file for file in read if file.startswith("/etc/aoeinit/")} == files
    written = {file for file in read if file.startswith("/run/aoeinit/")}
    own = {"/run/aoeinit/events", "/run/aoeinit/reading", "/run/aoeinit/silent"}
    left = (contract.STATE_FILE, contract.TIMELINE_FILE, contract.PIN_FILE, contract.FILTER_FILE)
    assert written == {*(f"/{file}" for file in left), *own}


def redirections() -> list[dict[str, dict[str, object]]]:
    """All files that the agent opens."""
    statements = [node for script in SCRIPTS for node in walk(parse(script))]
    return [redirection for node in statements for redirection in node.get("Redirs") or []]


def test_what_init_sources_is_what_the_image_carries() -> None:
    (loop,) = (node for node in nodes("ForClause") if node["Loop"]["Name"]["Value"] == "library")
    assert [literal(word) for word in loop["Loop"]["Items"]] == ["/lib/aoeinit/*.sh"]
