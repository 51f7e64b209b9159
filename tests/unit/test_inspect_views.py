"""Views of an image: the listing, differences, the tree of modules and the treemap."""

import stat
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoeinit.inspect.diff import compare, diff_lines
from aoeinit.inspect.facts import ModuleFact
from aoeinit.inspect.listing import listing, shown
from aoeinit.inspect.reading import read_image
from aoeinit.inspect.summary import human, module_tree
from aoeinit.inspect.tree import Tree
from aoeinit.inspect.treemap import Box, squarify, treemap
from tests.unit.inspect_samples import LINK, Made, archive, small_entries, tree_of


def test_a_listing_reads_like_that_of_ls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.localtime", __import__("time").gmtime)
    lines = list(listing(read_image(archive(small_entries())).items))
    assert lines[3] == "-rwxr-xr-x   1    0    0        28 2023-11-14 22:13 init"
    assert lines[5] == "lrwxrwxrwx   1    0    0         7 2023-11-14 22:13 bin/sh -> busybox"
    assert lines[8] == "crw-------   1    0    0      5, 1 2023-11-14 22:13 dev/console"


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("plain ö", "plain ö"),
        ("\x1b[2Jx", r"\x1b[2Jx"),
        ("a\nb", r"a\nb"),
        ("\udcff", r"\udcff"),
        ("\u202ex", r"\u202ex"),
    ],
)
def test_names_cannot_change_the_terminal(name: str, seen: str) -> None:
    assert shown(name) == seen


def test_differences_are_told_with_their_sizes() -> None:
    before = tree_of(
        Made("same"), Made("gone", content=b"123"), Made("grown", content=b"1"), Made("l", LINK, b"a")
    )
    after = tree_of(
        Made("same"), Made("new"), Made("grown", stat.S_IFREG | 0o600, b"12"), Made("l", LINK, b"b")
    )
    assert list(diff_lines(compare(before, after))) == [
        "-                    3  gone",
        "~               1 -> 2  grown  (content, mode 644, now 600)",
        "~                    0  l  (link to a, now to b)",
        "+                    0  new",
        "1 added, 1 removed, 2 changed, -2 bytes unpacked",
    ]


def test_modules_of_two_kernels_are_compared_by_name() -> None:
    def kernel(release: str, suffix: str, content: bytes) -> Tree:
        module = Made(f"lib/modules/{release}/kernel/net/dummy-nic.ko{suffix}", content=content)
        index = Made(f"lib/modules/{release}/modules.dep", content=b"same")
        return tree_of(module, index, parents=True)

    changes = compare(kernel("6.1", "", b"old"), kernel("6.12", ".xz", b"newer"))
    assert [(change.name, change.before, change.after) for change in changes] == [("module dummy_nic", 3, 5)]
    assert compare(kernel("6.1", "", b"old"), kernel("6.12", ".xz", b"old")) == ()


def test_modules_are_drawn_below_what_needs_them() -> None:
    modules = [
        ModuleFact("ext4", "", 2000, ("jbd2", "crc16")),
        ModuleFact("jbd2", "", 10, ("base",)),
        ModuleFact("crc16", "", 10, ()),
        ModuleFact("base", "", 10, ()),
        ModuleFact("xfs", "", 10, ("jbd2", "gone")),
    ]
    drawn = list(module_tree(modules, lambda text, _role: text))
    assert [line[13:] for line in drawn] == [
        "ext4",
        "├─ jbd2",
        "│  └─ base",
        "└─ crc16",
        "xfs",
        "├─ jbd2 (see above)",
        "└─ gone",
    ]


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (99_950, "100 kB"),
        (999_500, "1.0 MB"),
    ],
)
def test_sizes_have_a_unit(size: int, text: str) -> None:
    assert human(size) == text


@given(st.lists(st.integers(1, 1 << 30), min_size=1, max_size=60))
def test_areas_of_a_treemap_are_in_proportion(sizes: list[int]) -> None:
    sizes.sort(reverse=True)
    boxes = list(squarify(sizes, Box(0, 0, 300, 200)))
    for size, box in zip(sizes, boxes, strict=True):
        assert box.width * box.height == pytest.approx(60_000 * size / sum(sizes), rel=1e-3, abs=1e-3)
        assert box.x + box.width <= 300.001
        assert box.y + box.height <= 200.001


def test_a_treemap_is_xml_and_names_every_large_file() -> None:
    tree = tree_of(Made("a<&>", content=bytes(5000)), Made("d/e/f", content=bytes(9000)), parents=True)
    root = ET.fromstring(treemap(tree, "x"))  # noqa: S314 - our own
    titles = {element.text for element in root.iter("{http://www.w3.org/2000/svg}title")}
    assert titles == {"a<&>: 5.0 kB", "d/e/f: 9.0 kB"}


def test_a_treemap_of_very_deep_folders_ends() -> None:
    assert treemap(tree_of(Made("/".join("d" * 120), content=b"x"), parents=True), "x").startswith("<svg")
