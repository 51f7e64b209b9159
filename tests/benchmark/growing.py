"""The part ``growth``: what more kernels, more drivers and a smaller image cost."""

import shlex
from collections.abc import Callable

from aoeinit.kernel.index import ModuleIndex
from tests.benchmark.bench import Bench
from tests.benchmark.building import building
from tests.benchmark.figures import Comparison, Goal, Part, summed
from tests.benchmark.measuring import Sample, alternate, measure
from tests.benchmark.peers import aoeinit_build

KERNELS = (1, 2, 5, 10)
DRIVERS = (1, 10)
ETHERNET_FOLDER = "kernel/drivers/net/ethernet/"
LEVELS = (1, 3, 6, 9, 12, 15, 19)


def growth(bench: Bench) -> Part:
    """Measure builds one after the other, builds for more drivers, and each with another level."""
    bench.say("== growth: kernels")
    kernels = Comparison(
        "growth-kernels",
        "images one after the other: time for each",
        summed(alternate({kernels_label(n): many(bench, n) for n in KERNELS}, bench.rounds, bench.say)),
        "wall",
    )
    bench.say("== growth: drivers")
    drivers = _builds(bench, "drivers", "drivers in an image", driver_options(bench))
    bench.say("== growth: levels")
    options = {f"aoeinit --level {n}": ["--nic", "all", "--level", f"{n}"] for n in LEVELS}
    levels = _builds(bench, "levels", "every Ethernet card: level of zstd", options)
    first, last = (kernels.median(kernels_label(n), "memory") for n in (KERNELS[0], KERNELS[-1]))
    # What a page more or less makes is no growth.
    goal = Goal(f"memory of {KERNELS[-1]} kernels, as of one, and 5 %", 1.05 * first / 1e6, last / 1e6, "MB")
    return Part("growth", (kernels, drivers, levels), (goal,))


def kernels_label(number: int) -> str:
    return f"aoeinit, {number} kernel{'s' if number > 1 else ''}"


def many(bench: Bench, number: int) -> Callable[[], Sample]:
    """Make what builds ``number`` images and tells the time for each."""
    command = shlex.join(aoeinit_build(bench.system.release, "kernel", "--nic", "e1000"))
    script = f"for n in $(seq {number}); do {command} || exit; done"

    def build_all() -> Sample:
        sample = measure(bench.system, "sh", "-c", script)
        return {key: value if key == "memory" else value / number for key, value in sample.items()}

    return build_all


def driver_options(bench: Bench) -> dict[str, list[str]]:
    """Give options for some drivers by name, and for all."""
    index = ModuleIndex.read(bench.system.root, bench.system.release)
    names = sorted(
        module.name for module in index.modules.values() if module.path.startswith(ETHERNET_FOLDER)
    )
    return {
        f"aoeinit, {number} by name": [word for name in names[:number] for word in ("--nic", name)]
        for number in (*DRIVERS, len(names))
    } | {"aoeinit, --nic all": ["--nic", "all"]}


def _builds(bench: Bench, name: str, title: str, options: dict[str, list[str]]) -> Comparison:
    contestants = {
        key: building(
            bench,
            f"growth-{number}",
            name,
            aoeinit_build(bench.system.release, f"growth-{number}-{name}", *words),
        )
        for number, (key, words) in enumerate(options.items())
    }
    return Comparison(
        f"growth-{name}", title, summed(alternate(contestants, bench.rounds, bench.say)), "wall"
    )
