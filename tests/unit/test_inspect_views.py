import json
import os
import stat
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from aoeinit.cli.inspect import inspect
from aoeinit.cli.listing import run as run_listing
from aoeinit.errors import AoeinitError
from aoeinit.inspect.diff import compare, diff_lines
from aoeinit.inspect.facts import ModuleFact
from aoeinit.inspect.listing import listing, shown
from aoeinit.inspect.reading import read_image
from aoeinit.inspect.summary import human, module_tree
from aoeinit.inspect.tree import Tree
from aoeinit.inspect.treemap import Box, squarify, treemap
from aoeinit.system.unpacking import extract
from tests.unit.inspect_samples import LINK, Made, archive, directories, small_entries

ESCAPING = [
    "../above",
    "/../above",
    "a/../../above",
    "out/above",
    "../../../../../../../../etc/above",
]


def tree_of(*entries: Made, parents: bool = False) -> Tree:
    return Tree(read_image(archive(entries)).items, parents=parents)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image"
    path.write_bytes(archive(small_entries()))
    return path


# The file system that the kernel makes of the entries.


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


# Extraction.


def test_files_folders_and_links_are_extracted(tmp_path: Path) -> None:
    tree = tree_of(*small_entries(), Made("su", stat.S_IFREG | 0o4755, b"root"), *directories("closed"))
    tree.files["closed"].mode = stat.S_IFDIR | 0o500
    left_out = extract(tree, tmp_path / "new")
    assert left_out == ("dev/console",)
    assert (tmp_path / "new/bin/sh").readlink() == Path("busybox")
    assert (tmp_path / "new/etc/one").read_bytes() == b"shared"
    assert stat.S_IMODE((tmp_path / "new/su").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "new/closed").stat().st_mode) == 0o500
    assert (tmp_path / "new/init").stat().st_mtime == 1_700_000_000


def test_hard_links_take_their_room_once(tmp_path: Path) -> None:
    names = ["one", "d/two", "three"]
    linked = [Made(name, links=3, inode=5, content=b"x" * 5000 * (name == "three")) for name in names]
    alone = [Made(name, links=1, inode=5) for name in ("empty", "other")]
    empty = [Made(name, links=2, inode=6) for name in ("e1", "e2")]
    extract(tree_of(*directories("d"), *linked, *alone, *empty), tmp_path / "new")
    files = [tmp_path / "new" / name for name in names]
    assert {file.stat().st_ino for file in files} == {files[0].stat().st_ino}
    assert files[1].read_bytes() == b"x" * 5000
    assert (tmp_path / "new/empty").stat().st_nlink == 1
    assert (tmp_path / "new/e2").read_bytes() == b""


def test_names_that_share_a_number_but_have_contents_of_their_own_stay_apart(tmp_path: Path) -> None:
    linked = [Made(name, links=2, inode=5, content=name.encode()) for name in ("one", "two")]
    extract(tree_of(*linked), tmp_path / "new")
    assert (tmp_path / "new/one").read_bytes() == b"one"
    assert (tmp_path / "new/two").read_bytes() == b"two"


def test_the_umask_has_no_say_in_the_modes_of_devices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def mknod(_name: str, mode: int, _device: int, *, dir_fd: int) -> None:
        assert dir_fd > 0
        umask = os.umask(0)
        os.umask(umask)
        seen.append(stat.S_IMODE(mode & ~umask))

    monkeypatch.setattr(os, "mknod", mknod)
    before = os.umask(0o077)
    try:
        null = Made("null", stat.S_IFCHR | 0o666, device=(1, 3))
        assert extract(tree_of(null), tmp_path / "new", devices=True) == ()
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)
    assert seen == [0o666]


@pytest.mark.parametrize("path", ESCAPING)
def test_nothing_leaves_the_folder(path: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    folder = tmp_path / "deep/er/new"
    folder.parent.mkdir(parents=True)
    tree = tree_of(Made("out", LINK, os.fsencode(outside)), Made(path, content=b"bad"), parents=True)
    extract(tree, folder)
    assert list(outside.iterdir()) == []
    assert [each.name for each in folder.parent.iterdir()] == ["new"]
    assert [each.name for each in tmp_path.glob("*")] == ["outside", "deep"] or len(
        list(tmp_path.iterdir())
    ) == 2


def test_a_folder_that_became_a_link_meanwhile_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    make = os.mkdir

    def attacked(name: str, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        if name == "d":
            os.symlink(outside, name, dir_fd=dir_fd)
        else:
            make(name, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "mkdir", attacked)
    with pytest.raises(AoeinitError, match="cannot extract 'd/x'"):
        extract(tree_of(*directories("d"), Made("d/x", content=b"bad")), tmp_path / "new")
    assert list(outside.iterdir()) == []


def test_only_an_empty_folder_is_extracted_to(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    with pytest.raises(AoeinitError, match="is not empty"):
        extract(tree_of(Made("x")), tmp_path)
    with pytest.raises(AoeinitError, match="Not a directory"):
        extract(tree_of(Made("x")), tmp_path / "there")


def test_names_that_no_file_system_takes_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(AoeinitError, match="File name too long"):
        extract(tree_of(Made("x" * 300)), tmp_path / "new")


# Views.


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


# The command.


def test_the_default_view_is_plain_outside_terminals(image: Path) -> None:
    result = CliRunner().invoke(inspect, [str(image)])
    assert result.exit_code == 0
    assert "built by      unknown" in result.output
    assert "\x1b" not in result.output


def test_cat_gives_the_very_bytes_and_follows_links(image: Path) -> None:
    result = CliRunner().invoke(inspect, [str(image), "--cat", "/bin/sh"])
    assert result.stdout_bytes == bytes(range(256)) * 2


def test_json_tells_everything(image: Path) -> None:
    found = json.loads(CliRunner().invoke(inspect, [str(image), "--json"]).output)
    assert [entry["path"] for entry in found["entries"]] == [entry.path for entry in small_entries()]
    assert found["segments"] == [
        {
            "offset": 0,
            "packed": image.stat().st_size,
            "size": image.stat().st_size,
            "compression": "none",
            "entries": 9,
        }
    ]
    assert found["programs"] == [["bin/busybox", 512], ["init", 28]]


def test_both_ways_to_list_agree(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_listing(str(image)) == 0
    short = capsys.readouterr().out
    assert len(short.splitlines()) == 9
    assert CliRunner().invoke(inspect, [str(image), "--list", "--limit", "1"]).output == short


def test_a_listing_of_nothing_is_an_error_with_a_hint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_listing(str(tmp_path / "gone")) == 1
    assert "hint: images are in /boot" in capsys.readouterr().err
    os.mkfifo(tmp_path / "pipe")
    assert run_listing(str(tmp_path / "pipe")) == 1
    assert "no regular file" in capsys.readouterr().err


def test_entries_and_differences_can_be_had_as_data(image: Path, tmp_path: Path) -> None:
    listed = json.loads(CliRunner().invoke(inspect, [str(image), "--list", "--json"]).output)
    assert [entry["path"] for entry in listed["entries"]] == [entry.path for entry in small_entries()]
    other = tmp_path / "other"
    other.write_bytes(archive([*small_entries(), Made("new", content=b"123")]))
    found = json.loads(CliRunner().invoke(inspect, [str(image), "--json", "--diff", str(other)]).output)
    assert found["differences"] == [{"name": "new", "before": None, "after": 3, "what": ""}]


def test_cat_of_a_loop_of_links_says_so(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(archive([Made("loop", LINK, b"loop")]))
    result = CliRunner().invoke(inspect, [str(path), "--cat", "loop"])
    assert isinstance(result.exception, AoeinitError)
    assert "circle of links" in result.exception.message


@pytest.mark.parametrize("output", ["", ".", "/"])
def test_a_treemap_needs_the_name_of_a_file(output: str, image: Path) -> None:
    result = CliRunner().invoke(inspect, [str(image), "--treemap", output])
    assert isinstance(result.exception, AoeinitError)
    assert "is a folder" in result.exception.message


@pytest.mark.parametrize(
    "views", [("--list", "--check"), ("--json", "--cat", "x"), ("--treemap", "", "--json")]
)
def test_views_that_do_not_go_together_are_refused(views: tuple[str, ...], image: Path) -> None:
    assert CliRunner().invoke(inspect, [str(image), *views]).exit_code == 2


def test_two_views_at_a_time_are_refused(image: Path) -> None:
    result = CliRunner().invoke(inspect, [str(image), "--list", "--check"])
    assert result.exit_code == 2
    assert "--list or --check" in result.output
