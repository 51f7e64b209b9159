from dataclasses import replace
from pathlib import Path

import pytest

from aoeinit.errors import ProgramError
from aoeinit.image.elf import read_elf
from aoeinit.image.ldconf import configured_folders
from aoeinit.image.libraries import Closure, Loader
from tests.unit.elf_files import AARCH64, DF_1_NODEFLIB, MadeUp

INTERPRETER = "/lib64/ld-linux-x86-64.so.2"
LIB = MadeUp()
Tree = dict[str, MadeUp | bytes | str]


def program(*needed: str, rpath: str | None = None, runpath: str | None = None, flags: int = 0) -> MadeUp:
    return MadeUp(needed, rpath=rpath, runpath=runpath, interpreter=INTERPRETER, flags=flags)


DEBIAN: Tree = {
    "lib": "usr/lib",
    "lib64": "usr/lib64",
    "usr/lib64/ld-linux-x86-64.so.2": "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2": MadeUp(soname="ld-linux-x86-64.so.2"),
}
FEDORA: Tree = {
    "lib": "usr/lib",
    "lib64": "usr/lib64",
    "usr/lib64/ld-linux-x86-64.so.2": MadeUp(soname="ld-linux-x86-64.so.2"),
}


def plant(root: Path, tree: Tree) -> Path:
    """Make ``tree`` under ``root``; a text is the target of a link."""
    for path, content in tree.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            file.symlink_to(content)
        else:
            file.write_bytes(content.content() if isinstance(content, MadeUp) else content)
            file.chmod(0o755)
    return root


def closure_of(root: Path, tree: Tree, path: str = "usr/bin/p") -> Closure:
    return Loader(plant(root, tree)).closure(path)


def found(closure: Closure) -> list[str]:
    """Paths of the libraries as the loader opens them, without the interpreter; then what is missing."""
    return [it.path for it in closure.libraries[1:]] + [f"no {it.name}" for it in closure.missing]


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        pytest.param(
            {**DEBIAN, "usr/bin/p": program("a"), "usr/lib/x86_64-linux-gnu/a": LIB, "usr/lib/a": LIB},
            ["/lib/x86_64-linux-gnu/a"],
            id="Debian's own folder before the plain one",
        ),
        pytest.param(
            {**DEBIAN, "usr/bin/p": program("a"), "usr/lib/a": LIB}, ["/lib/a"], id="the plain one on Debian"
        ),
        pytest.param(
            {**FEDORA, "usr/bin/p": program("a"), "usr/lib64/a": LIB}, ["/lib64/a"], id="lib64 on Fedora"
        ),
        pytest.param(
            {**FEDORA, "usr/bin/p": program("a"), "usr/lib/a": LIB},
            ["no a"],
            id="nothing but lib64 on Fedora",
        ),
        pytest.param(
            {**DEBIAN, "usr/bin/p": program("a"), "usr/lib64/a": LIB}, ["no a"], id="not lib64 on Debian"
        ),
        pytest.param(
            {
                **DEBIAN,
                "usr/bin/p": program("a"),
                "usr/lib/x86_64-linux-gnu/a": replace(LIB, machine=AARCH64),
                "usr/lib/a": LIB,
            },
            ["/lib/a"],
            id="another architecture is passed over",
        ),
        pytest.param(
            {
                **DEBIAN,
                "usr/bin/p": program("a", flags=DF_1_NODEFLIB),
                "usr/lib/a": LIB,
            },
            ["no a"],
            id="no default folders where the file says so",
        ),
        pytest.param(
            {
                **DEBIAN,
                "usr/bin/p": program("a", rpath="/opt/$LIB:/opt/${PLATFORM}"),
                "opt/lib/x86_64-linux-gnu/a": MadeUp(("b",)),
                "opt/x86_64/b": LIB,
            },
            ["/opt/lib/x86_64-linux-gnu/a", "/opt/x86_64/b"],
            id="LIB and PLATFORM; a library searches the program's RPATH",
        ),
        pytest.param(
            {
                **DEBIAN,
                "usr/bin/p": program("a", runpath="$ORIGIN/../own"),
                "usr/own/a": MadeUp(("b",)),
                "usr/own/b": LIB,
            },
            ["/usr/bin/../own/a", "no b"],
            id="a library does not search the program's RUNPATH",
        ),
        pytest.param(
            {
                **DEBIAN,
                "usr/bin/p": program("a", rpath="/one", runpath="/two"),
                "one/a": LIB,
                "two/a": LIB,
            },
            ["/two/a"],
            id="RUNPATH takes the place of RPATH",
        ),
        pytest.param(
            {
                **DEBIAN,
                "usr/bin/p": program("a", rpath="/one"),
                "one/a": MadeUp(("b",), runpath="/two"),
                "one/b": LIB,
                "two/c": LIB,
            },
            ["/one/a", "no b"],
            id="a library with a RUNPATH searches nobody's RPATH",
        ),
        pytest.param(
            {
                **DEBIAN,
                "usr/bin/p": program("a", rpath="/one"),
                "one/a": MadeUp(("b",), rpath="$ORIGIN/deep"),
                "one/deep/b": MadeUp(("c",)),
                "one/deep/c": LIB,
            },
            ["/one/a", "/one/deep/b", "/one/deep/c"],
            id="RPATHs of all that asked are searched",
        ),
        pytest.param(
            {
                **DEBIAN,
                "usr/bin/p": program("a", "b"),
                "usr/lib/a": MadeUp(("c",)),
                "usr/lib/b": MadeUp(("d", "c")),
                "usr/lib/c": MadeUp(("a",)),
                "usr/lib/d": LIB,
            },
            ["/lib/a", "/lib/b", "/lib/c", "/lib/d"],
            id="breadth first, each once, in spite of a circle",
        ),
        pytest.param(
            {
                **DEBIAN,
                "usr/bin/p": program("a", "b"),
                "usr/lib/a": MadeUp(soname="x"),
                "usr/lib/b": MadeUp(("x",), runpath="/other"),
                "other/x": LIB,
            },
            ["/lib/a", "/lib/b"],
            id="what is loaded under its SONAME is not searched for",
        ),
        pytest.param(
            {**DEBIAN, "usr/bin/p": program("a", "b"), "usr/lib/a": LIB, "usr/lib/b": "a"},
            ["/lib/a"],
            id="one file under two names is loaded once",
        ),
        pytest.param(
            {**DEBIAN, "usr/bin/p": program("/opt/a", "$ORIGIN/b"), "opt/a": LIB, "usr/bin/b": LIB},
            ["/opt/a", "/usr/bin/b"],
            id="a name with a slash is a path",
        ),
        pytest.param(
            {**DEBIAN, "usr/bin/p": program("./a", "$ORIGIN/b")},
            ["no ./a", "no /usr/bin/b"],
            id="a path is not searched for anywhere else",
        ),
        pytest.param(
            {**DEBIAN, "usr/bin/p": "../../opt/p", "opt/p": program("a", runpath="$ORIGIN"), "opt/a": LIB},
            ["/opt/a"],
            id="ORIGIN is where the program really is",
        ),
        pytest.param(
            {
                **DEBIAN,
                "usr/bin/p": program("a"),
                "etc/ld.so.conf": b"include ld.so.conf.d/*.conf\n",
                "etc/ld.so.conf.d/x.conf": b"# mine\n/opt/x\n",
                "opt/x/a": LIB,
                "usr/lib/a": LIB,
            },
            ["/opt/x/a"],
            id="configured folders before the default ones",
        ),
        pytest.param(
            {**DEBIAN, "usr/bin/p": program("a", rpath="lib:")}, ["no a"], id="no folder of the host's own"
        ),
    ],
)
def test_a_library_is_found_where_the_loader_finds_it(
    tmp_path: Path, tree: Tree, expected: list[str]
) -> None:
    assert found(closure_of(tmp_path, tree)) == expected


def test_the_interpreter_comes_first_and_satisfies_its_own_name(tmp_path: Path) -> None:
    closure = closure_of(tmp_path, {**DEBIAN, "usr/bin/p": program("ld-linux-x86-64.so.2")})
    assert [(it.path, it.file.path) for it in closure.libraries] == [
        (INTERPRETER, "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")
    ]
    assert closure.missing == ()


def test_only_a_configured_library_has_an_alias_in_a_default_folder(tmp_path: Path) -> None:
    tree: Tree = {
        **DEBIAN,
        "usr/bin/p": program("a", "b"),
        "etc/ld.so.conf": b"/usr/lib/x86_64-linux-gnu\n/opt\n",
        "usr/lib/x86_64-linux-gnu/a": LIB,
        "opt/b": LIB,
    }
    aliases = {it.name: it.alias for it in closure_of(tmp_path, tree).libraries}
    assert aliases == {INTERPRETER: None, "a": None, "b": "/lib/x86_64-linux-gnu/b"}


def test_what_is_missing_says_who_wants_it_and_where_it_was_looked_for(tmp_path: Path) -> None:
    tree: Tree = {
        **FEDORA,
        "usr/bin/p": program("a"),
        "usr/lib64/a": MadeUp(("gone",), runpath="$ORIGIN/own"),
    }
    (missing,) = closure_of(tmp_path, tree).missing
    assert (missing.name, missing.wanted_by) == ("gone", "/lib64/a")
    assert missing.searched == ("/lib64/own", "/lib64", "/usr/lib64")


def test_a_missing_interpreter_is_told(tmp_path: Path) -> None:
    assert [it.name for it in closure_of(tmp_path, {"usr/bin/p": program("a")}).missing] == [INTERPRETER]


def test_a_static_program_needs_nothing(tmp_path: Path) -> None:
    assert closure_of(tmp_path, {"usr/bin/p": MadeUp()}) == Closure((), ())


MUSL = "/lib/ld-musl-x86_64.so.1"


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({"usr/lib/a": LIB, "usr/local/lib/a": LIB}, ["/usr/local/lib/a"]),
        ({"lib/a": LIB, "etc/ld-musl-x86_64.path": b"/opt:/srv\n/mnt\n", "mnt/a": LIB}, ["/mnt/a"]),
    ],
)
def test_musls_loader_has_folders_of_its_own(tmp_path: Path, tree: Tree, expected: list[str]) -> None:
    needed = ("a", "libc.musl-x86_64.so.1", "libpthread.so.0")
    tree |= {MUSL.lstrip("/"): LIB, "usr/bin/p": MadeUp(needed, interpreter=MUSL)}
    assert found(closure_of(tmp_path, tree)) == expected


def test_musls_loader_searches_the_runpath_of_all_that_asked(tmp_path: Path) -> None:
    tree: Tree = {
        MUSL.lstrip("/"): LIB,
        "usr/bin/p": MadeUp(("a",), runpath="/opt", interpreter=MUSL),
        "opt/a": MadeUp(("b",)),
        "opt/b": LIB,
    }
    assert found(closure_of(tmp_path, tree)) == ["/opt/a", "/opt/b"]


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"GROUP ( libc.so.6 )\n",
        b"\x7fELF",
        LIB.content()[:100],
        program("a").content()[:180],
        LIB.content()[:40] + b"\xff" * 24 + LIB.content()[64:],
        LIB.content()[:176] + b"\xff" * 200,
    ],
)
def test_a_damaged_library_is_refused_by_name(tmp_path: Path, damaged: bytes) -> None:
    tree: Tree = {**DEBIAN, "usr/bin/p": program("a"), "usr/lib/a": damaged}
    with pytest.raises(ProgramError, match=r"usr/lib/a is not a usable ELF file"):
        closure_of(tmp_path, tree)


def test_an_elf_file_without_a_dynamic_section_asks_for_nothing(tmp_path: Path) -> None:
    file = tmp_path / "static"
    header = bytearray(MadeUp().content()[:64])
    header[56:58] = b"\0\0"  # no segments at all
    file.write_bytes(bytes(header))
    assert (read_elf(file).needed, read_elf(file).interpreter) == ((), None)


class TestConfiguredFolders:
    def test_lines_comments_includes_and_patterns(self, tmp_path: Path) -> None:
        plant(
            tmp_path,
            {
                "etc/ld.so.conf": b"/a # first\n\n  /b/\t\nhwcap 0 x\ninclude /etc/x/*.conf y/[12]\n/a\n",
                "etc/x/2.conf": b"/d\n",
                "etc/x/1.conf": b"/c=libc6\nrelative\n",
                "etc/x/.hidden.conf": b"/no\n",
                "etc/x/3.txt": b"/no\n",
                "etc/y/2": b"/e",
                "etc/y/3": b"/no",
            },
        )
        assert configured_folders(tmp_path) == ("/a", "/b", "/c", "/d", "/e")

    def test_links_lead_inside_the_sysroot(self, tmp_path: Path) -> None:
        plant(tmp_path, {"etc/ld.so.conf": "/conf/main", "conf/main": b"/a\n"})
        assert configured_folders(tmp_path) == ("/a",)

    def test_no_file_names_no_folder(self, tmp_path: Path) -> None:
        assert configured_folders(tmp_path) == ()

    @pytest.mark.parametrize("name", ["ld.so.conf", "*.conf"])
    def test_a_circle_is_refused(self, tmp_path: Path, name: str) -> None:
        plant(tmp_path, {"etc/ld.so.conf": f"include {name}\n".encode()})
        with pytest.raises(ProgramError, match="included by itself"):
            configured_folders(tmp_path)

    def test_a_folder_in_its_place_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "etc/ld.so.conf").mkdir(parents=True)
        with pytest.raises(ProgramError, match="cannot read"):
            configured_folders(tmp_path)
