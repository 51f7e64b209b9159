"""The part ``build``: one image by each generator, and the least that it could take."""

import os
from collections.abc import Callable, Mapping

from tests.benchmark.bench import Bench
from tests.benchmark.figures import Comparison, Goal, Part, Result, spread, summed
from tests.benchmark.measuring import Sample, alternate, measure, measure_here
from tests.benchmark.peers import (
    IMAGES,
    PYTHON,
    aoeinit_build,
    dracut,
    initramfs_tools,
    modules_in,
    tiny_initramfs,
)
from tests.lab.installation import COMMAND
from tests.lab.programs import LabError

ONE = ("aoe", "e1000", "ext4")
IMPORTS = "import click, elftools, libarchive, zstandard"
FLOOR_IMPORTS, FLOOR_PACKING = "floor: four imports", "floor: read and compress"
LEVEL = 6
"""What aoeinit compresses with unless it is told else."""


def build(bench: Bench) -> Part:
    """Measure one network card, then all of them with their firmware."""
    system = bench.system
    system.run(*aoeinit_build(system.release, "all", "--nic", "all"))
    every = modules_in(system, f"{IMAGES}/all")
    bench.say("== build: one network card")
    one = compared(bench, "build-one", "building for one network card", ONE, ("--nic", "e1000"), bench.more)
    bench.say(f"== build: every network card, {len(every)} modules")
    title = "building for every Ethernet card, with firmware"
    whole = compared(bench, "build-all", title, every, ("--nic", "all"), {})
    return Part("build", (one, whole), goals(one, whole))


def compared(
    bench: Bench,
    name: str,
    title: str,
    modules: tuple[str, ...] | list[str],
    options: tuple[str, ...],
    more: Mapping[str, str],
) -> Comparison:
    """Let each generator build an image with those modules."""
    system = bench.system
    # The driver comes by the hook of Debian's aoetools, not as one that is loaded before all else.
    listed = [module for module in modules if module != "aoe"]
    commands = {
        "aoeinit": aoeinit_build(system.release, f"aoeinit-{name}", *options),
        "initramfs-tools": initramfs_tools(system, f"initramfs-tools-{name}", listed),
        "tiny-initramfs": tiny_initramfs(system.release, f"tiny-initramfs-{name}", modules),
        "dracut": dracut(system.release, f"dracut-{name}", modules),
    }
    contestants = {key: building(bench, key, name, command) for key, command in commands.items()}
    contestants |= {key: other(bench, key, name, command) for key, command in more.items()}
    floors = floor(bench, name, commands["aoeinit"])
    results = summed(alternate({**contestants, **floors}, bench.rounds, bench.say))
    counted = [
        with_modules(bench, each, f"{IMAGES}/{each.name}-{name}") if each.name in contestants else each
        for each in results
    ]
    return Comparison(name, title, tuple(counted), "wall")


def building(bench: Bench, key: str, name: str, command: list[str]) -> Callable[[], Sample]:
    """Make what runs a generator once and looks at its image."""
    image = bench.system.file(f"{IMAGES}/{key}-{name}")

    def build_once() -> Sample:
        image.unlink(missing_ok=True)
        sample = measure(bench.system, *command)
        return {**sample, "size": float(image.stat().st_size)}

    return build_once


def other(bench: Bench, key: str, name: str, command: str) -> Callable[[], Sample]:
    """Make the same of a command of the user's, which runs on this machine itself."""
    image = bench.system.file(f"{IMAGES}/{key}-{name}")

    def build_once() -> Sample:
        image.unlink(missing_ok=True)
        said = bench.folder / "said"
        settings = {"OUTPUT": f"{image}", "KVER": bench.system.release, "SYSTEM": f"{bench.system.root}"}
        sample = measure_here(command, said, **settings)
        if not image.is_file():
            raise LabError(f"{key}: {command!r} wrote no image to $OUTPUT")
        return {**sample, "size": float(image.stat().st_size)}

    return build_once


def floor(bench: Bench, name: str, command: list[str]) -> dict[str, Callable[[], Sample]]:
    """Make the contestants that do only what cannot be left out, with the files of aoeinit's own image."""
    system, folder = bench.system, f"/opt/floor-{name}"
    system.run(*command)
    system.run(COMMAND, "inspect", "--extract", folder, f"{IMAGES}/aoeinit-{name}")
    threads = len(os.sched_getaffinity(0))
    packing = (
        f"cd {folder} && find . | cpio --quiet -o -H newc | zstd -q -c -{LEVEL} -T{threads} >/opt/packed"
    )
    return {
        FLOOR_IMPORTS: lambda: measure(system, PYTHON, "-c", IMPORTS),
        FLOOR_PACKING: lambda: measure(system, "sh", "-c", packing),
    }


def with_modules(bench: Bench, result: Result, image: str) -> Result:
    count = float(len(modules_in(bench.system, image)))
    return Result(result.name, {**result.figures, "modules": spread([count])})


def goals(one: Comparison, whole: Comparison) -> tuple[Goal, ...]:
    """Give what was to be reached."""
    wall, size = one.median("aoeinit", "wall"), one.median("aoeinit", "size")
    least = sum(one.median(name, "wall") for name in (FLOOR_IMPORTS, FLOOR_PACKING))
    return (
        Goal("one card: wall time", 0.3, wall, "s"),
        Goal("one card: 1.5 times the floor", 1.5 * least, wall, "s"),
        Goal("one card: image with a shell", 1.8, size / 1e6, "MB"),
        Goal("every card: wall time", 1.0, whole.median("aoeinit", "wall"), "s"),
        Goal("every card: memory", 150, whole.median("aoeinit", "memory") / 1e6, "MB"),
    )
