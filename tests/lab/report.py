"""What a booted root prints of itself, on both sides: the script in it, and reading its lines."""

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from aoeinit.trial.console import Line
from tests.lab.programs import LabError

SCRIPT = Path(__file__).with_name("report.sh")
END = "aoelab-end=ok"


def write_report(tree: Path, token: str) -> None:
    """Put the script that reports, and the token by which it is known, into a root's folder."""
    script = tree / "usr/lib/aoelab/report"
    script.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(SCRIPT, script)
    script.chmod(0o755)
    (tree / "etc/aoelab").mkdir()
    (tree / "etc/aoelab/token").write_text(token + "\n")


@dataclass(frozen=True, slots=True)
class Report:
    """The facts as they were printed; a key comes as often as there is something to say."""

    facts: tuple[tuple[str, str], ...]

    def every(self, key: str) -> list[str]:
        return [value for name, value in self.facts if name == key]

    def one(self, key: str) -> str:
        match self.every(key):
            case [value]:
                return value
            case values:
                raise LabError(f"the root reported {key} {len(values)} times: {values}")

    @property
    def state(self) -> dict[str, str]:
        """The agent's own report: ``KEY=VALUE`` lines."""
        lines = (line.partition("=") for line in self.every("state"))
        return {key: value for key, _, value in lines if key != "parameter"}

    @property
    def used(self) -> list[str]:
        """The parameters that the agent took notice of."""
        prefix = "parameter="
        return [line.removeprefix(prefix) for line in self.every("state") if line.startswith(prefix)]

    @property
    def timeline(self) -> dict[str, float]:
        """Seconds after the kernel's start by step of the agent."""
        return {step: float(at) for at, _, step in (line.partition(" ") for line in self.every("timeline"))}


def read_report(lines: Iterable[Line]) -> Report:
    """Find the facts among a console's lines."""
    found = (re.search(r"aoelab-([a-z]+)=(.*)", line.text) for line in lines)
    return Report(tuple((match[1], match[2]) for match in found if match))
