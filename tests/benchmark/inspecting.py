"""The part ``inspect``: listing the same images with each tool that can."""

from tests.benchmark.bench import Bench
from tests.benchmark.building import ONE
from tests.benchmark.figures import Comparison, Goal, Part, summed
from tests.benchmark.measuring import SAID, Sample, alternate, measure
from tests.benchmark.peers import IMAGES, aoeinit_build, initramfs_tools
from tests.lab.installation import COMMAND

TOOLS = {
    "aoeinit inspect --list": (COMMAND, "inspect", "--list"),
    "lsinitrd": ("lsinitrd",),
    "lsinitramfs": ("lsinitramfs",),
    "bsdtar -tf": ("bsdtar", "-tf"),
}
OURS = "aoeinit inspect --list"
LARGE = 20e6
"""An image of so many bytes is a large one."""


def inspect(bench: Bench) -> Part:
    """Measure a listing of our largest image and of a large and a small one of initramfs-tools."""
    system = bench.system
    images = {
        "inspect-ours": aoeinit_build(system.release, "inspect-ours", "--nic", "all"),
        "inspect-large": initramfs_tools(system, "inspect-large", ()),
        "inspect-small": initramfs_tools(system, "inspect-small", [each for each in ONE if each != "aoe"]),
    }
    comparisons, reached = [], []
    for image, command in images.items():
        system.run(*command)
        size = system.file(f"{IMAGES}/{image}").stat().st_size
        builder = "aoeinit" if command[0] == COMMAND else "initramfs-tools"
        bench.say(f"== inspect: an image of {size / 1e6:.1f} MB")
        title = f"listing an image of {size / 1e6:.1f} MB by {builder}"
        comparison = listed(bench, image, title)
        comparisons.append(comparison)
        reached += goals(comparison, size)
    return Part("inspect", tuple(comparisons), tuple(reached))


def listed(bench: Bench, image: str, title: str) -> Comparison:
    def once(command: tuple[str, ...]) -> Sample:
        sample = measure(bench.system, *command, f"{IMAGES}/{image}")
        said = bench.system.file(SAID).read_bytes()
        return {**sample, "lines": float(said.count(b"\n"))}

    contestants = {name: lambda command=command: once(command) for name, command in TOOLS.items()}
    return Comparison(image, title, summed(alternate(contestants, bench.rounds, bench.say)), "wall")


def goals(comparison: Comparison, size: float) -> list[Goal]:
    """Give what was to be reached for an image of ``size`` bytes."""
    ours, lsinitrd, lsinitramfs = (
        comparison.median(name, "wall") for name in (OURS, "lsinitrd", "lsinitramfs")
    )
    fastest = Goal(f"{size / 1e6:.0f} MB: faster than both", min(lsinitrd, lsinitramfs), ours, "s")
    fifth = Goal(f"{size / 1e6:.0f} MB: a fifth of lsinitrd", lsinitrd / 5, ours, "s")
    return [fastest, fifth] if size >= LARGE else [fastest]
