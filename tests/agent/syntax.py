"""The agent's shell, read as shfmt parses it: which commands, functions, variables and choices are in it."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from aoeinit.boot.files import LASTING
from tests.agent.machine import BOOT

SCRIPTS = [BOOT / "init", *sorted((BOOT / "lib").glob("*.sh"))]
LEFT = [BOOT / name for name in LASTING]
"""What runs beside the new system, by itself: each script is a program of its own."""

Node = dict[str, Any]


@cache
def parse(script: Path) -> Node:
    command = ["shfmt", "-ln", "posix", "--to-json"]
    done = subprocess.run(command, input=script.read_text(), capture_output=True, text=True, check=True)
    tree: Node = json.loads(done.stdout)
    return tree


def walk(node: object) -> Iterator[Node]:
    """A node and all below it."""
    if isinstance(node, dict):
        yield node
        for child in node.values():
            yield from walk(child)
    elif isinstance(node, list):
        for child in node:
            yield from walk(child)


def nodes(kind: str, scripts: Sequence[Path] = SCRIPTS) -> Iterator[Node]:
    """All nodes of a kind in the agent, or in other scripts."""
    for script in scripts:
        yield from (node for node in walk(parse(script)) if node.get("Type") == kind)


def literal(word: Node) -> str:
    """A word's text; an expansion in it counts as nothing."""
    return "".join(part.get("Value", "") for part in word["Parts"])


def calls(scripts: Sequence[Path] = SCRIPTS) -> list[list[str]]:
    """Each simple command, word by word."""
    found = nodes("CallExpr", scripts)
    return [[literal(word) for word in node["Args"]] for node in found if node.get("Args")]


def functions(scripts: Sequence[Path] = SCRIPTS) -> dict[str, Node]:
    return {node["Name"]["Value"]: node for node in nodes("FuncDecl", scripts)}


def variables() -> set[str]:
    """Every name that the agent reads or sets."""
    named = {node["Param"]["Value"] for node in nodes("ParamExp")}
    named |= {name for call in calls() if call[0] in {"local", "read"} for name in call[1:]}
    for node in nodes("CallExpr"):
        named |= {assignment["Name"]["Value"] for assignment in node.get("Assigns", [])}
    names = {name.partition("=")[0] for name in named}
    return {name for name in names if name.isidentifier() and name != "_"}
