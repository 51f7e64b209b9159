"""Measure aoeinit beside others of its kind. Run by contrib/benchmark.sh, as root."""

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from aoeinit.errors import AoeinitError
from tests.benchmark.bench import Bench
from tests.benchmark.booting import boot
from tests.benchmark.building import build
from tests.benchmark.chart import chart
from tests.benchmark.facts import facts, load
from tests.benchmark.figures import Part
from tests.benchmark.growing import growth
from tests.benchmark.inspecting import inspect
from tests.benchmark.migrating import migrate
from tests.benchmark.page import replaced, section
from tests.benchmark.peers import peers
from tests.lab.installation import TOP

PARTS = {"build": build, "inspect": inspect, "boot": boot, "growth": growth, "migrate": migrate}
PAGE = "benchmark.md"
ROUNDS = 5


def main() -> int:
    """Measure what is asked for and give the exit code; each part is written as soon as it is done."""
    wanted = arguments(sys.argv[1:])
    if os.geteuid() != 0:
        sys.stderr.write("The benchmark needs root, for namespaces of its own\n")
        return 1
    try:
        with TemporaryDirectory(prefix="aoeinit-benchmark-") as folder, peers() as system:
            bench = Bench(system, Path(folder), wanted.rounds, say, dict(wanted.peer_command))
            done = [measured(name, bench, wanted) for name in wanted.parts or PARTS]
    except AoeinitError as error:
        sys.stderr.write(f"The benchmark cannot begin: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted; nothing is left running.\n")
        return 1
    return 0 if all(done) else 1


def measured(name: str, bench: Bench, wanted: argparse.Namespace) -> bool:
    """Measure and write one part; one that fails keeps no other from being measured."""
    before, began = load(), time.monotonic()
    try:
        part = PARTS[name](bench)
    except AoeinitError as error:
        sys.stderr.write(f"The part {name} failed: {error}\n")
        return False
    known = {
        **facts(bench.system, wanted.rounds),
        "load of the machine": f"{before} before, {load()} after",
        "it took": f"{(time.monotonic() - began) / 60:.0f} min",
        "to repeat it": f"`{shlex.join(['contrib/benchmark.sh', name, *options(wanted)])}`",
    }
    write(part, known, wanted.output)
    return True


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="contrib/benchmark.sh", description=__doc__)
    # With choices argparse refuses to be given none at all.
    parser.add_argument("parts", nargs="*", type=part_name, metavar="PART", help=f"{', '.join(PARTS)}; all")
    parser.add_argument("--rounds", type=rounds, default=ROUNDS, metavar="N", help=f"{ROUNDS} if not said")
    parser.add_argument(
        "--peer-command",
        type=named,
        action="append",
        default=[],
        metavar="NAME=CMD",
        help="one more builder: a shell's command that makes the image $OUTPUT for one network card, "
        "of kernel $KVER in the system $SYSTEM",
    )
    parser.add_argument(
        "--output", type=Path, default=TOP / "docs", metavar="DIR", help="where the page and charts are"
    )
    return parser.parse_args(words)


def part_name(word: str) -> str:
    if word not in PARTS:
        raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(PARTS)}")
    return word


def rounds(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word!r} is no number of rounds, of which there is one at least")
    return int(word)


def named(word: str) -> tuple[str, str]:
    name, _, command = word.partition("=")
    if not name.replace("-", "").replace("_", "").isalnum() or not command:
        raise argparse.ArgumentTypeError(f"{word!r} is not NAME=CMD")
    return name, command


def options(wanted: argparse.Namespace) -> list[str]:
    """Give the options that made the figures what they are."""
    more = [f"--peer-command={name}={command}" for name, command in wanted.peer_command]
    return [*(["--rounds", f"{wanted.rounds}"] if wanted.rounds != ROUNDS else []), *more]


def write(part: Part, known: dict[str, str], output: Path) -> None:
    """Write a part's charts, its figures as JSON, and its section of the page."""
    folder = output / "benchmark"
    folder.mkdir(parents=True, exist_ok=True)
    subtitle = f"{known['date']}, {known['machine']}"
    page = output / PAGE
    text = page.read_text() if page.exists() else (TOP / "docs" / PAGE).read_text()
    written = {
        **{folder / f"{each.name}.svg": chart(each, subtitle) for each in part.comparisons},
        folder / f"{part.name}.json": as_json(part, known),
        page: replaced(text, part.name, section(part, known, folder.name)),
    }
    for path, content in written.items():
        path.write_text(content)
    # Root's files would be in the way of whose folder it is.
    owner = output.stat()
    for path in (folder, *written):
        os.chown(path, owner.st_uid, owner.st_gid)
    say(f"== {part.name}: written to {page}")


def as_json(part: Part, known: dict[str, str]) -> str:
    figures = asdict(part)
    for goal, values in zip(part.goals, figures["goals"], strict=True):
        values["reached"] = goal.reached
    return json.dumps({"facts": known, **figures}, indent=1) + "\n"


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
