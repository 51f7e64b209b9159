import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoeinit.errors import ImageError
from aoeinit.image.entries import Device, Directory, Entry, File, Symlink, arrange


def test_parents_are_added_and_stand_before_what_they_hold() -> None:
    assert arrange([File("etc/aoeinit/image", b"x"), Device("dev/console", "c", 5, 1)]) == (
        Directory("dev"),
        Device("dev/console", "c", 5, 1),
        Directory("etc"),
        Directory("etc/aoeinit"),
        File("etc/aoeinit/image", b"x"),
    )


def test_the_order_given_does_not_matter() -> None:
    entries: list[Entry] = [File("b/c", b"1"), Symlink("a", "b"), Directory("b", 0o700), File("b.d", b"2")]
    assert arrange(entries) == arrange(reversed(entries))


def test_a_directory_that_is_given_keeps_its_mode() -> None:
    assert arrange([File("tmp/x", b""), Directory("tmp", 0o1777)])[0] == Directory("tmp", 0o1777)


def test_equal_entries_are_one() -> None:
    assert arrange([File("init", b"x"), File("init", b"x")]) == (File("init", b"x"),)


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        (File("a", b"1"), File("a", b"22"), ["file a (1 bytes", "file a (2 bytes"]),
        (File("a", b"1"), File("a", b"1", 0o755), ["mode 0644", "mode 0755"]),
        (File("a", b"1"), Symlink("a", "b"), ["file a", "symbolic link a -> b"]),
        (Directory("a"), Symlink("a", "b"), ["directory a", "symbolic link a -> b"]),
        (Directory("a"), Directory("a", 0o700), ["mode 0755", "mode 0700"]),
        (Device("a", "c", 1, 3), Device("a", "b", 1, 3), ["device a (c 1:3", "device a (b 1:3"]),
        (File("a", b""), File("a/b", b""), ["file a (", "file a/b ("]),
        (Device("a", "c", 1, 3), Directory("a/b/c"), ["device a (", "directory a/b/c"]),
    ],
)
def test_a_conflict_names_both(first: Entry, second: Entry, named: list[str]) -> None:
    for entries in ([first, second], [second, first]):
        with pytest.raises(ImageError) as raised:
            arrange(entries)
        assert all(name in raised.value.message for name in named)


class TestPathsThroughLinks:
    def test_an_entry_is_placed_where_its_path_leads(self) -> None:
        merged: list[Entry] = [
            Symlink("lib", "usr/lib"),
            File("lib/modules/x.ko", b"x"),
            Directory("usr/lib/firmware"),
        ]
        assert arrange(merged) == (
            Symlink("lib", "usr/lib"),
            Directory("usr"),
            Directory("usr/lib"),
            Directory("usr/lib/firmware"),
            Directory("usr/lib/modules"),
            File("usr/lib/modules/x.ko", b"x"),
        )

    @pytest.mark.parametrize(
        ("links", "path", "placed"),
        [
            ({"a": "/b"}, "a/x", "b/x"),
            ({"d/a": "../b"}, "d/a/x", "b/x"),
            ({"a": "../../../b"}, "a/x", "b/x"),
            ({"a": "b", "b": "c"}, "a/x", "c/x"),
            ({"lib": "usr/lib", "lib/a": "b"}, "usr/lib/a/x", "usr/lib/b/x"),
            ({"a": "b", "b/c": "/d", "a/c/e": "/f"}, "a/c/e/x", "f/x"),
            ({"a": "/"}, "a/x", "x"),
        ],
    )
    def test_links_are_followed_inside_the_image(self, links: dict[str, str], path: str, placed: str) -> None:
        entries: list[Entry] = [Symlink(name, target) for name, target in links.items()]
        assert File(placed, b"x") in arrange([*entries, File(path, b"x")])

    def test_the_same_file_by_two_names_is_one(self) -> None:
        entries: list[Entry] = [Symlink("bin", "usr/bin"), File("bin/sh", b"x"), File("usr/bin/sh", b"x")]
        assert [entry.path for entry in arrange(entries)] == ["bin", "usr", "usr/bin", "usr/bin/sh"]

    @pytest.mark.parametrize(
        ("entries", "message"),
        [
            ([Symlink("a", "b"), Symlink("b", "a"), File("a/x", b"")], "too many levels"),
            ([Symlink("a", "a"), File("a/x", b"")], "too many levels"),
            ([Symlink("a", "f"), File("f", b""), File("a/x", b"")], "cannot be a folder"),
            ([Symlink("bin", "usr/bin"), File("bin/sh", b"1"), File("usr/bin/sh", b"2")], "same place"),
        ],
    )
    def test_what_leads_nowhere_is_refused(self, entries: list[Entry], message: str) -> None:
        with pytest.raises(ImageError, match=message):
            arrange(entries)


@pytest.mark.parametrize(
    ("entry", "flaw"),
    [
        (File("/etc/x", b""), "absolute"),
        (File("../x", b""), r"\.\."),
        (File("a/../x", b""), r"\.\."),
        (File("", b""), "empty"),
        (File("a//x", b""), "empty"),
        (Directory("a/"), "empty"),
        (Directory("."), "empty name or ."),
        (File("a\0b", b""), "NUL"),
        (File("\ud800", b""), "encoded"),
        (File("x" * 256, b""), "255"),
        (File("/".join(["x" * 200] * 21), b""), "4095"),
        (File("TRAILER!!!", b""), "ends an archive"),
        (File("TRAILER!!!/x", b""), "ends an archive"),
        (File("a", b"", 0o100644), "permission bits"),
        (Directory("a", -1), "permission bits"),
        (Symlink("a", ""), "empty"),
        (Symlink("a", "x" * 4096), "4095"),
        (Symlink("a", "b\0"), "NUL"),
        (Device("a", "p", 1, 3), "kind"),
        (Device("a", "c", 4096, 3), "device number"),
        (Device("a", "c", 1, -1), "device number"),
    ],
)
def test_what_an_image_cannot_hold_is_refused(entry: Entry, flaw: str) -> None:
    with pytest.raises(ImageError, match=flaw):
        arrange([entry])


def test_the_longest_paths_and_names_are_accepted() -> None:
    name = "é" * 127
    path = "/".join([name] * 16)
    assert arrange([File(path, b"")])[-1].path == path


def test_a_path_that_grows_too_long_through_a_link_is_refused() -> None:
    long = "/".join(["x" * 200] * 20)
    with pytest.raises(ImageError, match="4095"):
        arrange([Symlink("a", long), File("a/" + "y" * 100, b"")])


names = st.sampled_from(["a", "b", "c"])
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
targets = st.builds(
    "".join,
    st.tuples(st.sampled_from(["", "/", "../"]), st.lists(names, min_size=1, max_size=2).map("/".join)),
)
entries_of_few_names = st.one_of(
    st.builds(Directory, paths), st.builds(File, paths, st.just(b"")), st.builds(Symlink, paths, targets)
)


@given(st.lists(entries_of_few_names, max_size=6))
def test_an_arrangement_keeps_the_kernels_rules_and_stays_as_it_is(entries: list[Entry]) -> None:
    try:
        image = arrange(entries)
    except ImageError:
        return
    folders = {""}
    for entry in image:
        assert entry.path.rpartition("/")[0] in folders
        if isinstance(entry, Directory):
            folders.add(entry.path)
    assert len({entry.path for entry in image}) == len(image)
    assert arrange(image) == image
