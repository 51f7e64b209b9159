"""What ``aoeinit inspect`` lists, against lsinitrd, lsinitramfs and bsdtar, for images of several tools."""

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from aoeinit.inspect.check_knowledge import knows_aoe
from aoeinit.inspect.listing import listing
from aoeinit.inspect.reading import open_image
from aoeinit.inspect.tree import Tree
from aoeinit.system.unpacking import extract
from tests.lab.generators import COMPRESSIONS, MICROCODE, Generators, early_archive, generators
from tests.lab.image import build_image
from tests.lab.kernels import debian_kernel
from tests.lab.programs import run

# What cpio and bsdtar print, and ours: mode, links, owner, group, size or device, time, path.
LINE = re.compile(
    r"(?P<mode>[-dlcbps][-rwxsStT]{9})\s+\d+\s+\S+\s+\S+\s+(?P<size>\d+(?:,\s*\d+)?)\s+"
    r"(?:\w{3}\s+\d+\s+[\d:]+|\d{4}-\d\d-\d\d \d\d:\d\d) (?P<path>.*)"
)
EARLY = (MICROCODE, "early_cpio")
OURS = ("zstd", "xz", "gzip", "lz4", "none")

Rows = Counter[tuple[str, str, str]]
OTHERS = ["dracut", "tiny-initramfs", *(f"initramfs-tools-{name}" for name in COMPRESSIONS)]
IMAGES = [*OTHERS, *(f"aoeinit-{name}" for name in OURS)]
COMBINED = ["dracut", "initramfs-tools-zstd", "aoeinit-zstd"]


@pytest.fixture(scope="module")
def system() -> Iterator[Generators]:
    kernel = debian_kernel("bookworm")
    with generators(kernel) as system:
        for name in OURS:
            output = system.images / f"aoeinit-{name}"
            build_image(kernel, output, ["--nic", "e1000", "--compress", name, "--microcode", "none"])
        yield system


def rows(text: str) -> Rows:
    """The entries in a listing: mode, size and path, with a link's target.

    What a directory or a link has as its size is not the same for all; a device has its number there.
    """
    found: Rows = Counter()
    for match in map(LINE.fullmatch, text.splitlines()):
        if match:
            sized = match["mode"][0] in "-cb"
            found[match["mode"], match["size"].replace(" ", "") if sized else "", match["path"]] += 1
    return found


def ours(image: Path) -> Rows:
    return rows("\n".join(listing(open_image(str(image)).items)))


def paths(found: Rows) -> list[str]:
    return sorted(path.partition(" -> ")[0] for path in (row[2] for row in found.elements()))


@pytest.mark.parametrize("name", IMAGES)
def test_entries_agree_with_lsinitrd(name: str, system: Generators) -> None:
    listed = ours(system.images / name)
    assert listed == rows(system.run("lsinitrd", f"/images/{name}"))
    assert len(listed) >= (4 if "tiny" in name else 60)


@pytest.mark.parametrize("name", IMAGES)
def test_entries_agree_with_lsinitramfs(name: str, system: Generators) -> None:
    # It wants something packed behind what is not, and ends with 2 when it has listed all and found none.
    command = f"lsinitramfs -l /images/{name}" + (" || [ $? = 2 ]" if name.endswith("-none") else "")
    assert ours(system.images / name) == rows(system.run("sh", "-c", command))


@pytest.mark.parametrize("name", IMAGES)
def test_entries_agree_with_bsdtar(name: str, system: Generators) -> None:
    listed = ours(system.images / name)
    printed = run(["bsdtar", "-tvf", str(system.images / name)])
    assert listed == rows(re.sub(r" link to .*", "", printed))


@pytest.mark.parametrize("name", COMBINED)
def test_microcode_in_front_is_listed_as_lsinitrd_does(name: str, system: Generators, tmp_path: Path) -> None:
    combined = system.images / f"{name}-early"
    combined.write_bytes(early_archive(tmp_path, *EARLY) + (system.images / name).read_bytes())
    listed = ours(combined)
    assert listed == rows(system.run("lsinitrd", f"/images/{combined.name}"))
    assert listed == rows(system.run("lsinitramfs", "-l", f"/images/{combined.name}"))
    assert {*EARLY, "init"} <= set(paths(listed))


@pytest.mark.parametrize("name", COMBINED)
def test_several_archives_in_front_are_listed_as_lsinitramfs_does(
    name: str, system: Generators, tmp_path: Path
) -> None:
    parts = [early_archive(tmp_path / str(number), f"part{number}/file") for number in range(3)]
    combined = system.images / f"{name}-parts"
    combined.write_bytes(b"".join(parts) + (system.images / name).read_bytes())
    listed = ours(combined)
    assert listed == rows(system.run("lsinitramfs", "-l", f"/images/{combined.name}"))
    assert {f"part{number}/file" for number in range(3)} < set(paths(listed))
    assert len(open_image(str(combined)).segments) == 2  # what is not packed, and what is


@pytest.mark.parametrize("name", ["dracut", "initramfs-tools-zstd", "aoeinit-zstd"])
def test_extraction_agrees_with_bsdtar(name: str, system: Generators, tmp_path: Path) -> None:
    image = system.images / name
    theirs, mine = tmp_path / "theirs", tmp_path / "mine"
    theirs.mkdir()
    run(["bsdtar", "-xf", str(image), "--exclude", "dev/?*", "-C", str(theirs)])
    extract(Tree(open_image(str(image)).items), mine)
    for node in (mine / "dev").glob("*"):
        assert node.is_symlink(), f"{node} is there without being asked for"
        node.unlink()
    assert run(["diff", "--recursive", "--no-dereference", str(theirs), str(mine)]) == ""
    shutil.rmtree(theirs)


def test_device_nodes_are_made_on_request(system: Generators, tmp_path: Path) -> None:
    tree = Tree(open_image(str(system.images / "dracut")).items)
    assert extract(tree, tmp_path / "without")[:1] == ("dev/console",)
    assert extract(tree, tmp_path / "with", devices=True) == ()
    assert (tmp_path / "with/dev/console").is_char_device()


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_in_the_images_of_other_tools_knows_aoe(name: str, system: Generators) -> None:
    """They were made without aoetools; most have the driver, and rules and lists that name it."""
    assert not knows_aoe(Tree(open_image(str(system.images / name)).items))


def test_images_of_ours_know_aoe(system: Generators) -> None:
    assert knows_aoe(Tree(open_image(str(system.images / "aoeinit-zstd")).items))
