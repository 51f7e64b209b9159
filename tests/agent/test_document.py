"""docs/parameters.md says what the agent does: its defaults, its ranges and its messages."""

import re

import pytest

from tests.agent.machine import BOOT, Machine
from tests.agent.syntax import Node, functions, literal, nodes, walk

DOCUMENT = BOOT.parents[1] / "docs" / "parameters.md"
PARAMETERS, FAILURES, *_ = DOCUMENT.read_text().split("\n## ")


def rows(section: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def cells(parameter: str) -> tuple[str, str]:
    """The default and the meaning of a parameter."""
    ((_, default, meaning),) = (row for row in rows(PARAMETERS) if row[0].startswith(f"`{parameter}"))
    return default, meaning.strip("| ")


UNSET = {
    "any",
    "every Ethernet interface",
    "every type that the kernel knows",
    "none",
    "off",
    "the interface's own, 1500",
}


@pytest.mark.parametrize(
    ("parameter", "variable"),
    [
        ("rootfstype=", "rootfstype"),
        ("rootflags=", "rootflags"),
        ("ro`", "root_access"),
        ("rd.aoe.server=", "rd_aoe_server"),
        ("rd.aoe.nic=", "rd_aoe_nic"),
        ("rd.aoe.mtu=", "mtu"),
        ("rd.aoe.vlan=", "vlan"),
        ("rd.aoe.timeout=", "timeout"),
        ("panic=", "panic"),
        ("rd.aoe.onfail=", "onfail"),
        ("rd.break=", "break_at"),
        ("quiet", "quiet"),
        ("rd.overlay", "overlay"),
        ("rd.debug", "debug"),
    ],
)
def test_a_default_is_what_the_parser_leaves_where_nothing_is_given(
    machine: Machine, parameter: str, variable: str
) -> None:
    default, _ = cells(parameter)
    machine.put("proc/cmdline", "other=1\n")
    left = machine.run(f'read_parameters; printf "%s" "${variable}"').output
    assert (left or "unset") == ("unset" if default in UNSET else default.strip("`"))


def test_the_places_of_an_init_are_those_that_are_looked_at(machine: Machine) -> None:
    default, _ = cells("init=")
    seen = machine.run('resolve_in_root() { echo "$1"; false; }; look_for_init').output.split()
    assert re.findall(r"`(/[^`]+)`", default) == seen


@pytest.mark.parametrize(
    ("parameter", "written", "value"),
    [
        ("rd.aoe=", r"shelf (\d+)-(\d+)", "rd.aoe=e{}.0"),
        ("rd.aoe=", r"slot (\d+)-(\d+)", "rd.aoe=e0.{}"),
        ("root=/dev", r"\((\d+)-(\d+)\)", "root=/dev/etherd/e1.1p{}"),
        ("rd.aoe.mtu=", r"(\d+)-(\d+)", "rd.aoe.mtu={}"),
        ("rd.aoe.vlan=", r"(\d+)-(\d+)", "rd.aoe.vlan={}"),
        ("rd.aoe.timeout=", r"(\d+)-(\d+)", "rd.aoe.timeout={}"),
        ("panic=", r"(-\d+)-(\d+)", "panic={}"),
    ],
)
def test_a_range_is_what_the_parser_takes(machine: Machine, parameter: str, written: str, value: str) -> None:
    _, meaning = cells(parameter)
    found = re.search(written, meaning)
    assert found
    low, high = map(int, found.groups())
    assert {number: is_taken(machine, value.format(number)) for number in (low - 1, low, high, high + 1)} == {
        low - 1: False,
        low: True,
        high: True,
        high + 1: False,
    }


def is_taken(machine: Machine, given: str) -> bool:
    """Nothing is said against a command line."""
    machine.put("proc/cmdline", f"{given}\n")
    machine.put("dev/kmsg", "")
    return machine.run("panic=-1; read_parameters; choose_root; :").kmsg == []


@pytest.mark.parametrize(
    ("parameter", "function"), [("rd.aoe.onfail=", "set_onfail"), ("rd.break=", "set_break")]
)
def test_the_words_that_a_parameter_takes(machine: Machine, parameter: str, function: str) -> None:
    default, meaning = cells(parameter)
    words = set(re.findall(r"`([a-z]+)`", meaning))
    assert {word for word in words if is_taken(machine, f"{parameter}{word}")} == words
    if function == "set_onfail":
        assert default.strip("`") in words
    else:
        assert words == {call for node in nodes("CallExpr") for call in marks(node)}


def marks(node: Node) -> list[str]:
    call = [literal(word) for word in node.get("Args") or []]
    return call[1:] if call[:1] == ["mark"] else []


def wording(part: Node) -> str:
    """What a word of shell says, with … for what differs from time to time."""
    match part.get("Type"):
        case "Lit" | "SglQuoted":
            return str(part["Value"]).replace("\\\n", "").replace('\\"', '"')
        case "ParamExp" | "CmdSubst" | "ArithmExp":
            return "…"
        case _:
            return "".join(wording(each) for each in part["Parts"])


def failures() -> set[str]:
    """All texts with which a boot ends."""
    said = [
        wording(node["Args"][1])
        for node in nodes("CallExpr")
        if node.get("Args") and literal(node["Args"][0]) == "fail" and len(node["Args"]) > 1
    ]
    assigned = [
        wording(assignment["Value"])
        for node in nodes("CallExpr")
        for assignment in node.get("Assigns") or []
        if assignment["Name"]["Value"] == "failure" and "Value" in assignment
    ]
    return {text for text in (*said, *assigned) if text != "…"}


def documented() -> list[str]:
    """The beginnings of messages in the document's table."""
    return [words for cell, *_ in rows(FAILURES) for words in re.findall(r"`([^`]+)`", cell)]


def begins(text: str, beginning: str) -> bool:
    """Where the document has …, anything may stand."""
    return bool(re.match(".*?".join(map(re.escape, beginning.split("…"))), text))


def test_each_message_is_documented() -> None:
    assert len(failures()) > 20
    unknown = {text for text in failures() if not any(begins(text, known) for known in documented())}
    assert unknown == set()


def test_each_documented_message_is_one_of_the_agents() -> None:
    gone = [known for known in documented() if not any(begins(text, known) for text in failures())]
    assert gone == []


def test_nothing_but_fail_ends_a_boot() -> None:
    """So that each end has a message."""
    ending = {
        name
        for name, node in functions().items()
        for call in walk(node)
        if call.get("Type") == "CallExpr"
        and call.get("Args")
        and literal(call["Args"][0]) in {"end_with", "exit"}
    }
    assert ending == {"fail"}
