import os
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoeinit.errors import KernelError
from aoeinit.kernel.aliases import AliasLines, AliasTable
from aoeinit.kernel.index import Builtin, Module, ModuleIndex, SoftDependencies
from tests.unit.kernel_samples import FOLDER, RELEASE, dep_lines, make_release, path_of


def test_modules_and_dependencies_come_as_modules_dep_lists_them(tmp_path: Path) -> None:
    index = make_release(tmp_path, dep="kernel/b-c.ko.xz: kernel/a.ko.xz kernel/d.ko.xz\nextra/a.ko.zst:\n")
    assert list(index.modules.values()) == [
        Module("b_c", "kernel/b-c.ko.xz"),
        Module("a", "extra/a.ko.zst"),
    ]
    assert index.dependencies("b_c") == (Module("a", "kernel/a.ko.xz"), Module("d", "kernel/d.ko.xz"))
    assert index.module("b-c") is None


RESOLVED = [
    ("e1000", (Module("e1000", path_of("e1000")),)),
    ("e1000.ko.xz", (Module("e1000", path_of("e1000")),)),
    ("kernel/drivers/crc32c-intel.ko", (Module("crc32c_intel", path_of("crc32c-intel")),)),
    ("crc32c-intel", (Module("crc32c_intel", path_of("crc32c-intel")),)),
    ("pci:v00008086d0000100Esv00", (Module("e1000", path_of("e1000")),)),
    (
        "crypto_crc32c",
        (
            Module("crc32c_intel", path_of("crc32c-intel")),
            Module("crc32c_generic", path_of("crc32c_generic")),
        ),
    ),
    ("virtio-pci", (Builtin("virtio_pci"),)),
    ("crypto-sha256", (Builtin("sha256_generic"), Builtin("sha256_fast"))),
    ("sha256", (Module("sha256", path_of("sha256")),)),  # a module's name goes before a built-in's alias
    ("unknown", ()),
    ("pci:v00008086d0000FFFF", ()),
    ("stale", ()),  # its alias names a module that is gone
    ("", ()),
]


@pytest.mark.parametrize(("asked", "found"), RESOLVED, ids=[asked for asked, _ in RESOLVED])
def test_names_go_before_aliases_and_modules_before_builtins(
    tmp_path: Path, asked: str, found: tuple[Module | Builtin, ...]
) -> None:
    index = make_release(
        tmp_path,
        dep=dep_lines("e1000", "crc32c-intel", "crc32c_generic", "sha256"),
        alias="# Aliases extracted from modules themselves.\n"
        "alias pci:v00008086d0000100Esv* e1000\n"
        "alias crypto-crc32c crc32c_intel\n"
        "alias crypto-crc32* crc32c_generic\n"
        "alias crypto-crc32c crc32c_generic\n"
        "alias stale gone\n",
        builtin="kernel/drivers/virtio/virtio-pci.ko\nkernel/crypto/sha256_generic.ko\n",
        builtin_alias="sha256_generic crypto-sha256\nsha256_fast crypto-sha256\nsha256_generic sha256\n",
    )
    assert index.resolve(asked) == found


def test_only_the_first_softdep_line_of_a_module_counts(tmp_path: Path) -> None:
    index = make_release(
        tmp_path,
        softdep="# Soft dependencies extracted from modules themselves.\n"
        "softdep cifs gcm\n"
        "softdep cifs pre: ccm\n"
        "softdep xt-LOG pre: nf_log post: a b pre: c\n",
    )
    assert index.soft_dependencies("cifs") == SoftDependencies()
    assert index.soft_dependencies("xt_LOG") == SoftDependencies(pre=("nf_log", "c"), post=("a", "b"))
    assert index.soft_dependencies("other") == SoftDependencies()


def test_a_kernel_needs_no_index_but_modules_dep(tmp_path: Path) -> None:
    index = make_release(tmp_path, dep=dep_lines("aoe"))
    (tmp_path / FOLDER / "modules.builtin.modinfo").unlink()
    assert index.resolve("aoe") == (Module("aoe", path_of("aoe")),)
    assert index.resolve("crypto-crc32c") == ()


def test_modules_alias_is_not_read_for_names(tmp_path: Path) -> None:
    index = make_release(tmp_path, dep=dep_lines("aoe"))
    (tmp_path / FOLDER / "modules.alias").mkdir()
    assert index.resolve("aoe") != ()
    with pytest.raises(KernelError, match=r"modules\.alias is not a regular file"):
        index.resolve("pci:v0")


@pytest.mark.parametrize("sysroot_is_host", [False, True])
def test_without_modules_dep_the_hint_is_the_call_of_depmod(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, sysroot_is_host: bool
) -> None:
    folder = tmp_path / FOLDER
    (folder / "kernel").mkdir(parents=True)
    sysroot = Path("/") if sysroot_is_host else tmp_path
    monkeypatch.setattr("aoeinit.kernel.index.find_release", lambda *_: folder)
    with pytest.raises(KernelError, match=f"kernel {RELEASE} has no modules.dep in ") as caught:
        ModuleIndex.read(sysroot, RELEASE)
    depmod = f"depmod {RELEASE}" if sysroot_is_host else f"depmod -b {tmp_path} {RELEASE}"
    assert caught.value.hint == f"make it with: {depmod}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"kernel/aoe.ko\n", "modules.dep: 'kernel/aoe.ko' is no list of dependencies"),
        (b"kernel/\xff.ko:\n", r"modules.dep is not text"),
    ],
)
def test_a_broken_modules_dep_is_to_be_made_anew(tmp_path: Path, content: bytes, message: str) -> None:
    index = make_release(tmp_path)
    (tmp_path / FOLDER / "modules.dep").write_bytes(content)
    with pytest.raises(KernelError, match=message) as caught:
        index.resolve("aoe")
    assert caught.value.hint == "make the file anew with depmod"


def test_a_fifo_in_place_of_an_index_does_not_block(tmp_path: Path) -> None:
    index = make_release(tmp_path)
    os.mkfifo(tmp_path / FOLDER / "modules.softdep")
    with pytest.raises(KernelError, match=r"modules\.softdep is not a regular file"):
        index.soft_dependencies("aoe")


def test_a_module_file_is_found_through_links_inside_the_sysroot(tmp_path: Path) -> None:
    index = make_release(tmp_path, dep="weak-updates/aoe.ko:\n")
    real = tmp_path / "lib/modules/6.0/extra/aoe.ko"
    real.parent.mkdir(parents=True)
    real.touch()
    (tmp_path / FOLDER / "weak-updates").mkdir()
    (tmp_path / FOLDER / "weak-updates/aoe.ko").symlink_to("/lib/modules/6.0/extra/aoe.ko")
    assert index.module_file(index.modules["aoe"]) == real


def test_a_listed_module_that_is_gone_is_an_error(tmp_path: Path) -> None:
    index = make_release(tmp_path, dep=dep_lines("aoe"))
    with pytest.raises(KernelError, match=r"kernel/aoe.ko is listed in modules.dep but not there") as caught:
        index.module_file(index.modules["aoe"])
    assert caught.value.hint is not None


def test_patterns_are_told_by_module(tmp_path: Path) -> None:
    index = make_release(tmp_path, dep=dep_lines("a"), alias="alias pci:v* a\nalias x b\nalias usb:v1 a\n")
    assert index.alias_patterns == {"a": ["pci:v*", "usb:v1"], "b": ["x"]}


letters = st.text("ab:", max_size=4)
patterns = st.lists(st.one_of(letters, st.sampled_from(["*", "?", "[ab]"])), max_size=5).map("".join)


@given(st.lists(st.tuples(patterns, st.sampled_from("xyz")), max_size=12), st.text("ab:", max_size=6))
def test_a_lookup_finds_what_trying_every_pattern_finds(pairs: list[tuple[str, str]], alias: str) -> None:
    tried = [module for pattern, module in pairs if fnmatchcase(alias, pattern)]
    assert AliasTable(pairs).lookup(alias) == tuple(dict.fromkeys(tried))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a b", "a-_", "-a", "_*", "^a", "]", "\\a", "a*[a-b]"]) | patterns.filter(bool),
            st.sampled_from("xyz"),
        )
    ),
    st.text("ab:-_]^", min_size=1, max_size=6),
)
def test_a_lookup_in_the_lines_finds_what_a_table_of_all_lines_finds(
    pairs: list[tuple[str, str]], alias: str
) -> None:
    lines = AliasLines(alias_text(pairs))
    assert lines.lookup(alias) == AliasTable(pairs).lookup(alias)
    assert lines.lookup(alias) == lines.lookup(alias)  # what it keeps of the first is as good


@given(st.lists(st.tuples(patterns.filter(bool) | st.just("a b"), st.sampled_from("xyz"))))
def test_the_patterns_of_a_module_are_told_in_the_order_of_the_lines(pairs: list[tuple[str, str]]) -> None:
    modules = dict.fromkeys(module for _, module in pairs)
    assert AliasLines(alias_text(pairs)).patterns() == {
        name: [pattern for pattern, module in pairs if module == name] for name in modules
    }


def alias_text(pairs: list[tuple[str, str]]) -> str:
    return "".join(["# Aliases\n", *(f"alias {pattern} {module}\n" for pattern, module in pairs)])
