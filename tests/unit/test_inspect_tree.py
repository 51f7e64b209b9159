"""The file system that the kernel makes of an image's entries."""

import pytest

from aoeinit.errors import AoeinitError
from tests.unit.inspect_samples import LINK, Made, directories, tree_of


def test_paths_run_through_links_that_are_there_already() -> None:
    tree = tree_of(*directories("usr", "usr/lib"), Made("lib", LINK, b"usr/lib"), Made("lib/x", content=b"1"))
    assert sorted(tree.files) == ["lib", "usr", "usr/lib", "usr/lib/x"]


def test_what_has_no_folder_is_lost_or_gets_one() -> None:
    assert [item.path for item in tree_of(Made("a/b/c")).lost] == ["a/b/c"]
    assert sorted(tree_of(Made("a/b/c"), parents=True).files) == ["a", "a/b", "a/b/c"]


def test_later_entries_replace_earlier_ones_but_no_filled_folder() -> None:
    tree = tree_of(
        Made("x", content=b"1"), Made("x", content=b"2"), *directories("d"), Made("d/y"), Made("d")
    )
    assert tree.text("x") == "2"
    assert tree.files["d"].is_directory
    assert [item.path for item in tree.lost] == ["d"]


def test_links_are_followed_inside_the_image_and_loops_end() -> None:
    tree = tree_of(
        *directories("etc"),
        Made("etc/a", content=b"found"),
        Made("up", LINK, b"../../etc/a"),
        Made("abs", LINK, b"/etc/a"),
        Made("loop", LINK, b"loop"),
        Made("gone", LINK, b"nowhere"),
    )
    assert tree.text("up") == tree.text("abs") == tree.text("/etc/./a") == "found"
    assert tree.text("loop") is tree.text("gone") is tree.text("etc/a/b") is None
    with pytest.raises(AoeinitError, match="too many levels"):
        tree.resolve("loop")


def test_paths_made_to_take_hours_are_refused() -> None:
    with pytest.raises(AoeinitError, match="nested more than 128 deep"):
        tree_of(Made("/".join("d" * 1900)), parents=True)
    branches = (Made(f"{number}/" + "/".join(["d" * 30] * 120)) for number in range(100))
    with pytest.raises(AoeinitError, match="more folders are missing"):
        tree_of(*branches, parents=True)
    links = [Made(f"l{number}", LINK, b"./" * 2000 + b"d") for number in range(5000)]
    files = [Made(f"l{number}/x") for number in range(5000)]
    with pytest.raises(AoeinitError, match="too many steps"):
        tree_of(*directories("d"), *links, *files)
