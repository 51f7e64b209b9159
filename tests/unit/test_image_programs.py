import struct
from pathlib import Path

import pytest

from aoeinit.errors import ProgramError
from aoeinit.image.busybox import applets, find_busybox, require_applets
from aoeinit.image.entries import Directory, Entry, File, Symlink, arrange
from aoeinit.image.programs import find_program, program_entries
from tests.unit.elf_files import MadeUp
from tests.unit.test_image_libraries import DEBIAN, LIB, Tree, plant, program

STATIC = MadeUp()


def entries(root: Path, tree: Tree, path: str, destination: str | None = None) -> dict[str, Entry]:
    """The arranged entries by path, without the plain parent directories."""
    planned = arrange(program_entries(plant(root, tree), path, destination))
    return {entry.path: entry for entry in planned if entry != Directory(entry.path)}


def test_a_static_program_is_one_file_with_plain_permissions(tmp_path: Path) -> None:
    plant(tmp_path, {"usr/bin/su": STATIC})
    (tmp_path / "usr/bin/su").chmod(0o4711)
    assert program_entries(tmp_path, "/usr/bin/su") == (File("usr/bin/su", STATIC.content(), 0o755),)


def test_a_program_may_get_another_place(tmp_path: Path) -> None:
    assert entries(tmp_path, {"usr/bin/busybox": STATIC}, "usr/bin/busybox", "/bin/busybox") == {
        "bin/busybox": File("bin/busybox", STATIC.content(), 0o755)
    }


def test_a_dynamic_program_brings_libraries_and_every_link_on_the_way(tmp_path: Path) -> None:
    tree: Tree = {
        **DEBIAN,
        "bin": "usr/bin",
        "usr/bin/p": "/etc/alternatives/p",
        "etc/alternatives/p": "../../usr/bin/p.real",
        "usr/bin/p.real": program("libx.so.1"),
        "usr/lib/x86_64-linux-gnu/libx.so.1": "libx.so.1.2",
        "usr/lib/x86_64-linux-gnu/libx.so.1.2": LIB,
    }
    assert list(entries(tmp_path, tree, "bin/p")) == [
        "bin",
        "etc/alternatives/p",
        "lib",
        "lib64",
        "usr/bin/p",
        "usr/bin/p.real",
        "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
        "usr/lib/x86_64-linux-gnu/libx.so.1",
        "usr/lib/x86_64-linux-gnu/libx.so.1.2",
        "usr/lib64/ld-linux-x86-64.so.2",
    ]


def test_a_library_that_only_ld_so_conf_leads_to_is_linked_into_a_default_folder(tmp_path: Path) -> None:
    tree: Tree = {
        **DEBIAN,
        "usr/bin/p": program("a"),
        "etc/ld.so.conf": b"/opt\n",
        "opt/a": LIB,
    }
    planned = entries(tmp_path, tree, "usr/bin/p")
    link = planned["usr/lib/x86_64-linux-gnu/a"]
    assert link == Symlink("usr/lib/x86_64-linux-gnu/a", "/opt/a")
    assert planned["opt/a"] == File("opt/a", LIB.content(), 0o755)


def test_a_program_that_counts_from_its_own_place_stays_there(tmp_path: Path) -> None:
    tree: Tree = {**DEBIAN, "opt/bin/p": program("a", runpath="$ORIGIN/../own"), "opt/own/a": LIB}
    planned = entries(tmp_path, tree, "opt/bin/p", "bin/p")
    assert planned["bin/p"] == Symlink("bin/p", "/opt/bin/p")
    assert {"opt/bin/p", "opt/own/a"} <= planned.keys()


def test_a_folder_that_is_left_again_on_the_way_is_there(tmp_path: Path) -> None:
    tree: Tree = {
        **DEBIAN,
        "usr/bin/p": program("a", rpath="/opt/x/../y"),
        "opt/x/unused": b"",
        "opt/y/a": LIB,
    }
    planned = arrange(program_entries(plant(tmp_path, tree), "usr/bin/p"))
    assert Directory("opt/x") in planned


def test_a_missing_library_is_an_error_with_all_there_is_to_know(tmp_path: Path) -> None:
    plant(tmp_path, {**DEBIAN, "usr/bin/p": program("libgone.so.1")})
    with pytest.raises(ProgramError, match=r"/usr/bin/p needs libgone\.so\.1") as raised:
        program_entries(tmp_path, "usr/bin/p")
    assert raised.value.hint is not None
    assert "/usr/lib/x86_64-linux-gnu, " in raised.value.hint
    assert "install" in raised.value.hint


class TestScripts:
    TREE: Tree = {  # noqa: RUF012 - never changed
        "bin": "usr/bin",
        "usr/bin/sh": "dash",
        "usr/bin/dash": STATIC,
        "usr/bin/env": STATIC,
        "usr/bin/python3": STATIC,
    }

    @pytest.mark.parametrize(
        ("line", "brought"),
        [
            (b"#!/bin/sh\n", ["bin", "usr/bin/dash", "usr/bin/sh"]),
            (b"#! /bin/sh -e\necho\n", ["bin", "usr/bin/dash", "usr/bin/sh"]),
            (b"#!/usr/bin/env python3\n", ["usr/bin/env", "usr/bin/python3"]),
            (b"#!/usr/bin/env -S A=b python3 -u", ["usr/bin/env", "usr/bin/python3"]),
            (b"#!/usr/bin/other\n", ["bin", "usr/bin/dash", "usr/bin/other", "usr/bin/sh"]),
        ],
    )
    def test_a_script_brings_what_runs_it(self, tmp_path: Path, line: bytes, brought: list[str]) -> None:
        tree = {**self.TREE, "usr/bin/s": line, "usr/bin/other": b"#!/bin/sh\n"}
        planned = entries(tmp_path, tree, "usr/bin/s", "etc/s")
        assert sorted(planned) == sorted([*brought, "etc/s"])

    def test_an_interpreter_that_the_image_has_is_not_brought(self, tmp_path: Path) -> None:
        plant(tmp_path, {**self.TREE, "usr/bin/s": b"#!/bin/sh\n"})
        planned = program_entries(tmp_path, "usr/bin/s", provided={"bin/sh"})
        assert planned == (File("usr/bin/s", b"#!/bin/sh\n", 0o755),)

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            (b"#!/usr/bin/gone\n", r"interpreter of .*/usr/bin/s: no program '/usr/bin/gone'"),
            (b"#!/usr/bin/env gone\n", "no program 'gone'"),
            (b"#!\n", "names no interpreter"),
            (b"#!/usr/bin/s\n", "too many times"),
            (b"\xff\xfe", "neither an ELF program nor a script"),
            (b"", "neither an ELF program nor a script"),
        ],
    )
    def test_what_cannot_run_is_refused(self, tmp_path: Path, line: bytes, message: str) -> None:
        plant(tmp_path, {**self.TREE, "usr/bin/s": line})
        with pytest.raises(ProgramError, match=message):
            program_entries(tmp_path, "usr/bin/s")


class TestFindProgram:
    def test_a_name_is_looked_for_where_systems_keep_programs(self, tmp_path: Path) -> None:
        plant(tmp_path, {"sbin/b": STATIC, "usr/bin/a": STATIC})
        assert [find_program(tmp_path, name) for name in ("a", "b", "/sbin/b")] == [
            "usr/bin/a",
            "sbin/b",
            "sbin/b",
        ]

    def test_an_absolute_link_counts_from_the_sysroot(self, tmp_path: Path) -> None:
        plant(tmp_path, {"usr/bin/a": "/opt/a", "opt/a": STATIC})
        assert find_program(tmp_path, "a") == "usr/bin/a"
        plant(tmp_path, {"usr/bin/true": "/usr/bin/env"})
        with pytest.raises(ProgramError, match="no program 'true'"):
            find_program(tmp_path, "true")

    @pytest.mark.parametrize("name", ["gone", "/usr/bin/gone", "folder", "plain"])
    def test_what_is_no_program_is_refused_with_the_places(self, tmp_path: Path, name: str) -> None:
        plant(tmp_path, {"usr/bin/plain": STATIC, "usr/bin/folder/x": b""})
        (tmp_path / "usr/bin/plain").chmod(0o644)
        with pytest.raises(ProgramError, match="no program") as raised:
            find_program(tmp_path, name)
        assert raised.value.hint is not None
        assert f"/usr/bin/{name.rpartition('/')[2]}" in raised.value.hint


NAMES = ["[", "[[", "ash", "cat", "mount", "sh", "sleep", "switch_root", "zcat"]


def made_up_busybox(names: list[str]) -> bytes:
    table = b"".join(name.encode() + b"\0" for name in names)
    noise = b"\0a\0b\0c\0d\0e\0f\0g\0h\0" + struct.pack("<9I", *range(9))
    return STATIC.content() + noise + b"\x82\0" + table + b"\0/var/log/wtmp\0-/bin/sh\0" + noise


class TestBusybox:
    def test_the_applets_are_read_from_the_program(self) -> None:
        assert applets(made_up_busybox(NAMES)) == frozenset(NAMES)

    @pytest.mark.parametrize("content", [b"", b"\0" * 99, b"no table here"])
    def test_a_program_without_a_table_has_none(self, content: bytes) -> None:
        assert applets(content) == frozenset()

    def test_another_program_of_that_name_is_told(self, tmp_path: Path) -> None:
        plant(tmp_path, {"bin/busybox": b"#!/bin/sh\nexec toybox\n"})
        with pytest.raises(ProgramError, match="is no busybox"):
            require_applets(tmp_path, find_busybox(tmp_path), ["sh"])

    def test_all_that_is_needed_passes(self, tmp_path: Path) -> None:
        plant(tmp_path, {"bin/busybox": made_up_busybox(NAMES)})
        require_applets(tmp_path, find_busybox(tmp_path), ["ash", "switch_root"])

    def test_a_missing_applet_is_named_with_the_package(self, tmp_path: Path) -> None:
        plant(tmp_path, {"bin/busybox": made_up_busybox(NAMES)})
        with pytest.raises(ProgramError, match="lacks the applets devmem, modprobe") as raised:
            require_applets(tmp_path, "bin/busybox", ["modprobe", "ash", "devmem"])
        assert raised.value.hint is not None
        assert "busybox-static" in raised.value.hint

    def test_no_busybox_says_what_to_install(self, tmp_path: Path) -> None:
        with pytest.raises(ProgramError, match="no busybox") as raised:
            find_busybox(tmp_path)
        assert raised.value.hint is not None
        assert "busybox-static" in raised.value.hint
