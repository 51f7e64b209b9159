"""The part ``migrate``: the copy that it makes against plain rsync, between the same two file systems."""

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.benchmark.bench import Bench
from tests.benchmark.figures import Comparison, Part, summed
from tests.benchmark.measuring import Sample, alternate, measure
from tests.benchmark.peers import PYTHON, SUITE
from tests.lab.system import bare_system

SOURCE, COPY, COPYING = "/mnt/source", "/mnt/copy", "/opt/migrate_copy.py"


def migrate(bench: Bench) -> Part:
    """Copy a Debian system from the cache's file system into memory."""
    tree = bare_system(SUITE.name, SUITE.packages)
    system = bench.system
    system.file(SOURCE).mkdir()
    system.mount("--bind", str(tree), f"{system.folder}{SOURCE}")
    system.mount("-o", "remount,bind,ro", f"{system.folder}{SOURCE}")
    shutil.copy(Path(__file__).with_name("migrate_copy.py"), system.file(COPYING))
    size = content(tree)
    bench.say(f"== migrate: {size / 1e6:.0f} MB")
    contestants = {
        "rsync -aHAXx": copying(bench, size, ["rsync", "-aHAXx", f"{SOURCE}/", f"{COPY}/"]),
        "aoeinit migrate's copy": copying(bench, size, [PYTHON, COPYING, SOURCE, COPY]),
    }
    results = summed(alternate(contestants, bench.rounds, bench.say))
    title = f"copying a system of {size / 1e6:.0f} MB"
    return Part("migrate", (Comparison("migrate", title, results, "rate"),))


def content(tree: Path) -> int:
    """Give the bytes in the files of a tree; hard links count once."""
    found = {}
    for path in tree.rglob("*"):
        if path.is_file() and not path.is_symlink():
            status = path.lstat()
            found[status.st_ino] = status.st_size
    return sum(found.values())


def copying(bench: Bench, size: int, command: list[str]) -> Callable[[], Sample]:
    copy = bench.system.file(COPY)

    def copy_once() -> Sample:
        if copy.exists():
            shutil.rmtree(copy)
        copy.mkdir()
        sample = measure(bench.system, *command)
        return {**sample, "rate": size / sample["wall"]}

    return copy_once
