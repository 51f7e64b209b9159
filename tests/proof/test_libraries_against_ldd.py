"""The libraries of real programs, against what ``ldd`` prints, which asks the loader itself."""

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from aoeinit.image.elf import read_elf
from aoeinit.image.libraries import Loader
from tests.unit.elf_files import AARCH64, MadeUp

SYSTEM = Path("/")
FOLDERS = ("/usr/bin", "/usr/sbin")


@dataclass(frozen=True)
class Found:
    """The real paths of the libraries that are there, and the names of those that are not."""

    present: frozenset[str]
    missing: frozenset[str]


def test_every_program_of_this_system_agrees() -> None:
    programs = [path for path in elf_files() if has_interpreter(path)]
    loader = Loader(SYSTEM)
    ours = {path: found(loader, path) for path in programs}
    theirs = ldd(programs)
    assert {path: (ours[path], theirs[path]) for path in programs if ours[path] != theirs[path]} == {}
    assert len(theirs) == len(programs) > 100


def test_a_program_that_is_taken_for_static_has_no_interpreter() -> None:
    loader = Loader(SYSTEM)
    static = [path for path in elf_files() if not has_interpreter(path)]
    assert [path for path in static if loader.closure(path).libraries] == []


def test_no_elf_file_is_overlooked() -> None:
    names = [f"{folder}/{name}" for folder in FOLDERS for name in os.listdir(folder)]
    seen = {os.path.realpath(name) for name in names if os.path.isfile(name) and starts_as_elf(name)}
    assert seen == set(elf_files())


def elf_files() -> list[str]:
    """The real path of each ELF program, once."""
    found = subprocess.run(
        ["find", "-L", *FOLDERS, "-maxdepth", "1", "-type", "f", "-print0"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    ).stdout
    real = {os.path.realpath(name) for name in found.split("\0") if name}
    return sorted(path for path in real if starts_as_elf(path))


def starts_as_elf(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def has_interpreter(path: str) -> bool:
    """Whether the program headers, read here with no library's help, name a loader (elf(5))."""
    with open(path, "rb") as file:
        header = file.read(64)
        order: Literal["little", "big"] = "little" if header[5] == 1 else "big"
        offset, size, count = ((32, 54, 56), (28, 42, 44))[header[4] == 1]
        word = 8 if header[4] == 2 else 4
        file.seek(int.from_bytes(header[offset : offset + word], order))
        length = int.from_bytes(header[size : size + 2], order)
        segments = [file.read(length) for _ in range(int.from_bytes(header[count : count + 2], order))]
    return any(int.from_bytes(segment[:4], order) == 3 for segment in segments)


def found(loader: Loader, path: str) -> Found:
    closure = loader.closure(path)
    return Found(
        frozenset(f"/{library.file.path}" for library in closure.libraries),
        frozenset(missing.name for missing in closure.missing),
    )


def ldd(programs: Iterable[str]) -> dict[str, Found]:
    """What ldd(1) prints of dynamic programs, several of them at once."""
    output = subprocess.run(
        ["ldd", "/bin/sh", *programs],  # with one program alone it would print no name
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        text=True,
        check=False,
    ).stdout
    libraries: dict[str, tuple[set[str], set[str]]] = {}
    program = ""
    for line in output.splitlines():
        words = line.split()
        if not line[0].isspace():
            program = line.removesuffix(":")
            libraries[program] = (set(), set())
        elif line.endswith("not found"):
            libraries[program][1].add(words[0])
        elif not words[0].startswith("linux-vdso"):
            libraries[program][0].add(os.path.realpath(words[2] if "=>" in words else words[0]))
    return {path: Found(frozenset(libraries[path][0]), frozenset(libraries[path][1])) for path in programs}


@dataclass(frozen=True)
class Source:
    """A program or library for gcc to link."""

    needed: tuple[str, ...] = ()
    rpath: str | None = None
    runpath: str | None = None
    soname: str | None = None


LIB = Source()
CASES = {
    "an RPATH serves all that is loaded on its behalf": (
        {
            "p": Source(("a.so",), rpath="$ORIGIN/one"),
            "one/a.so": Source(("b.so",), rpath="$ORIGIN/../two"),
            "two/b.so": Source(("c.so", "d.so")),
            "one/c.so": LIB,
            "two/d.so": LIB,
        },
        ["one/a.so", "two/b.so", "one/c.so", "two/d.so"],
        [],
    ),
    "a RUNPATH serves its own file only": (
        {"p": Source(("a.so",), runpath="$ORIGIN"), "a.so": Source(("b.so",)), "b.so": LIB},
        ["a.so"],
        ["b.so"],
    ),
    "a file with a RUNPATH searches no RPATH": (
        {
            "p": Source(("a.so", "d.so"), rpath="$ORIGIN/one"),
            "one/a.so": Source(("b.so", "c.so"), runpath="${ORIGIN}/../two"),
            "one/b.so": LIB,
            "two/c.so": LIB,
            "one/d.so": LIB,
        },
        ["one/a.so", "two/c.so", "one/d.so"],
        ["b.so"],
    ),
    "a name loaded as SONAME is not searched for": (
        {
            "p": Source(("a.so", "b.so"), runpath="$ORIGIN"),
            "a.so": Source(soname="other.so"),
            "b.so": Source(("other.so",), runpath="$ORIGIN/two"),
            "two/other.so": LIB,
        },
        ["a.so", "b.so"],
        [],
    ),
    "LIB is the loader's own folder": (
        {"p": Source(("a.so",), runpath="$ORIGIN/$LIB"), "lib/x86_64-linux-gnu/a.so": LIB, "lib64/a.so": LIB},
        ["$LIB/a.so"],
        [],
    ),
    "PLATFORM and an unknown folder": (
        {"p": Source(("a.so",), runpath="/nowhere:$ORIGIN/x"), "x/a.so": LIB},
        ["x/a.so"],
        [],
    ),
    "a name with a slash is a path": (
        {"p": Source(("$ORIGIN/deep/a.so", "$ORIGIN/deep/gone.so")), "deep/a.so": LIB},
        ["deep/a.so"],
        ["$ORIGIN/deep/gone.so"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_made_up_programs_agree(case: str, tmp_path: Path) -> None:
    sources, expected, missing = CASES[case]
    for path, source in sources.items():
        link(tmp_path, path, source)
    program = str(tmp_path / "p")
    ours = found(Loader(SYSTEM), program)
    interpreter = read_elf(tmp_path / "p").interpreter
    assert interpreter is not None
    lib = os.path.dirname(os.path.realpath(interpreter)).removeprefix("/usr").lstrip("/")
    own = {str(tmp_path / path.replace("$LIB", lib)) for path in expected}
    assert ours == ldd([program])[program]
    assert {path for path in ours.present if path.startswith(str(tmp_path))} == own
    assert ours.missing == {name.replace("$ORIGIN", str(tmp_path)) for name in missing}


def test_another_architecture_is_passed_over_and_links_are_one_file(tmp_path: Path) -> None:
    link(tmp_path, "p", Source(("a.so", "b.so"), runpath="$ORIGIN/arm:$ORIGIN/x86"))
    link(tmp_path, "x86/a.so", LIB)
    (tmp_path / "x86/b.so").symlink_to("a.so")
    (tmp_path / "arm").mkdir()
    (tmp_path / "arm/a.so").write_bytes(MadeUp(machine=AARCH64).content())
    program = str(tmp_path / "p")
    ours = found(Loader(SYSTEM), program)
    assert ours == ldd([program])[program]
    assert str(tmp_path / "x86/a.so") in ours.present
    assert ours.missing == frozenset()


def link(folder: Path, path: str, source: Source) -> None:
    """Link ``path``: a library, or the program if it is called p; stubs stand in for what it needs."""
    output = folder / path
    output.parent.mkdir(parents=True, exist_ok=True)
    stubs = [stub(folder / "stubs", name) for name in source.needed]
    paths = [f"-Wl,-rpath,{it}" for it in (source.rpath, source.runpath) if it is not None]
    tags = "--enable-new-dtags" if source.runpath is not None else "--disable-new-dtags"
    kind = [] if path == "p" else ["-shared"]
    soname = [f"-Wl,-soname,{source.soname}"] if source.soname else []
    gcc([*kind, *paths, *soname, f"-Wl,{tags},--no-as-needed", "-o", str(output), *stubs])


def stub(folder: Path, name: str) -> str:
    folder.mkdir(exist_ok=True)
    output = folder / name.replace("/", "%")
    if not output.exists():
        gcc(["-shared", f"-Wl,-soname,{name}", "-o", str(output)])
    return str(output)


def gcc(arguments: list[str]) -> None:
    command = ["gcc", "-x", "c", "-", "-x", "none", *arguments]
    subprocess.run(command, input="int main(void) { return 0; }\n", text=True, check=True)
