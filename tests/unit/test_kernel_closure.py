from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoeinit.errors import KernelError
from aoeinit.kernel.closure import LoadOrder, MissingSoftDependency, load_order
from tests.unit.kernel_samples import FOLDER, dep_lines, make_release


def names(order: LoadOrder) -> list[str]:
    """The names in order, the optional ones with a question mark."""
    return [item.module.name + ("" if item.required else "?") for item in order.items]


def test_dependencies_are_loaded_from_the_last_to_the_first(tmp_path: Path) -> None:
    index = make_release(tmp_path, dep=dep_lines("ext4: jbd2 mbcache", "jbd2: mbcache", "mbcache:"))
    assert names(load_order(index, ["ext4"])) == ["mbcache", "jbd2", "ext4"]


def test_soft_dependencies_stand_around_the_module_and_are_optional(tmp_path: Path) -> None:
    index = make_release(
        tmp_path,
        dep=dep_lines("nic: mii", "mii:", "phy: libphy", "libphy:", "queue:"),
        softdep="softdep nic pre: phy post: queue\n",
    )
    assert names(load_order(index, ["nic"])) == ["mii", "libphy?", "phy?", "nic", "queue?"]


def test_soft_dependencies_of_dependencies_count_too(tmp_path: Path) -> None:
    index = make_release(
        tmp_path,
        dep=dep_lines("ext4: jbd2", "jbd2:", "crc-intel:", "crc-generic:"),
        softdep="softdep jbd2 pre: crypto-crc\n",
        alias="alias crypto-crc crc_intel\nalias crypto-crc crc_generic\n",
    )
    assert names(load_order(index, ["ext4"])) == ["crc_intel?", "crc_generic?", "jbd2", "ext4"]


def test_what_anything_needs_hard_is_required_wherever_it_stands(tmp_path: Path) -> None:
    index = make_release(
        tmp_path,
        dep=dep_lines("nic: libphy", "phy: libphy", "libphy:", "crc:"),
        softdep="softdep libphy pre: crc\nsoftdep nic pre: phy\n",
    )
    assert names(load_order(index, ["nic"])) == ["crc?", "libphy", "phy?", "nic"]
    assert names(load_order(index, ["nic", "phy", "crc"])) == ["crc", "libphy", "phy", "nic"]


def test_each_module_stands_once_at_its_first_place(tmp_path: Path) -> None:
    index = make_release(tmp_path, dep=dep_lines("a: c", "b: c", "c:"))
    assert names(load_order(index, ["b", "a", "b"])) == ["c", "b", "a"]


def test_builtins_and_missing_soft_dependencies_are_told_apart(tmp_path: Path) -> None:
    index = make_release(
        tmp_path,
        dep=dep_lines("vfio:", "vfio_type1:"),
        softdep="softdep vfio pre: crypto-md5 post: vfio_type1 vfio_spapr\n",
        builtin="kernel/drivers/virtio/virtio-pci.ko\n",
        builtin_alias="md5 crypto-md5\n",
    )
    order = load_order(index, ["virtio_pci", "vfio"])
    assert order.builtin == ("virtio_pci", "md5")
    assert names(order) == ["vfio", "vfio_type1?"]
    assert order.missing == (MissingSoftDependency("vfio", "vfio_spapr"),)


def test_a_circle_of_soft_dependencies_is_legal(tmp_path: Path) -> None:
    index = make_release(
        tmp_path,
        dep=dep_lines("a:", "b:", "c:"),
        softdep="softdep a pre: b\nsoftdep b pre: c\nsoftdep c post: a\n",
    )
    assert names(load_order(index, ["a"])) == ["c?", "b?", "a"]


@pytest.mark.parametrize(
    ("dep", "circle"),
    [
        (("a: b", "b: a"), {"a -> b -> a", "b -> a -> b"}),
        (("a: a",), {"a -> a"}),
        (("x: a", "a: b", "b: c", "c: a"), {"a -> b -> c -> a", "b -> c -> a -> b", "c -> a -> b -> c"}),
    ],
)
def test_a_circle_of_hard_dependencies_is_an_error_that_names_it(
    tmp_path: Path, dep: tuple[str, ...], circle: set[str]
) -> None:
    index = make_release(tmp_path, dep=dep_lines(*dep))
    with pytest.raises(KernelError, match="depend on each other in a circle") as caught:
        load_order(index, ["a", "b", "c"] if len(dep) > 2 else ["a"])
    assert caught.value.message.partition("circle: ")[2] in circle
    assert caught.value.hint is not None


def test_a_circle_elsewhere_does_not_matter(tmp_path: Path) -> None:
    index = make_release(tmp_path, dep=dep_lines("a: b", "b: a", "aoe:"))
    assert names(load_order(index, ["aoe"])) == ["aoe"]


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("e1000f", "did you mean e1000 or e1000e?"),
        ("virtio-pcy", "did you mean virtio_pci?"),
        ("pci:v00008086", f"{FOLDER} lists what there is"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(tmp_path: Path, asked: str, hint: str) -> None:
    index = make_release(tmp_path, dep=dep_lines("e1000", "e1000e", "aoe"), builtin="kernel/virtio_pci.ko\n")
    with pytest.raises(KernelError, match=f"has no module or alias {asked}") as caught:
        load_order(index, [asked])
    assert (caught.value.hint or "").removeprefix(f"{tmp_path}/") == hint


def test_a_dependency_that_modules_dep_does_not_list_is_an_error(tmp_path: Path) -> None:
    index = make_release(tmp_path, dep=dep_lines("a: b"))
    with pytest.raises(KernelError, match=r"modules.dep needs kernel/b.ko but does not list it") as caught:
        load_order(index, ["a"])
    assert caught.value.hint == "make the file anew with depmod"


@st.composite
def acyclic(draw: st.DrawFn) -> dict[str, list[str]]:
    """Dependencies among modules m0, m1, ...: each on some of those before it."""
    count = draw(st.integers(1, 8))
    return {
        f"m{number}": [f"m{before}" for before in range(number) if draw(st.booleans())]
        for number in range(count)
    }


def as_depmod_lists(graph: dict[str, list[str]]) -> dict[str, list[str]]:
    """All dependencies of each module, every one after those that need it."""
    order = list(graph)
    closed: dict[str, set[str]] = {}
    for name, needed in graph.items():
        closed[name] = {*needed, *(deeper for each in needed for deeper in closed[each])}
    return {name: sorted(needed, key=order.index, reverse=True) for name, needed in closed.items()}


@given(acyclic(), acyclic(), acyclic(), st.data())
def test_every_dependency_precedes_what_needs_it_whatever_the_soft_ones_are(
    hard: dict[str, list[str]], pre: dict[str, list[str]], post: dict[str, list[str]], data: st.DataObject
) -> None:
    closed = as_depmod_lists(hard)
    with TemporaryDirectory() as folder:
        index = make_release(
            Path(folder),
            dep=dep_lines(*(f"{name}: {' '.join(needed)}" for name, needed in closed.items())),
            # Reversed, soft dependencies run against the hard ones, so that there are circles of both.
            softdep="".join(
                f"softdep m{len(hard) - 1 - number} pre: {' '.join(pre.get(f'm{number}', []))}"
                f" post: {' '.join(post.get(f'm{number}', []))}\n"
                for number in range(len(hard))
            ),
        )
        asked = data.draw(st.lists(st.sampled_from(sorted(hard)), min_size=1))
        order = load_order(index, asked)
    loaded = [item.module.name for item in order.items]
    assert len(set(loaded)) == len(loaded)
    assert {item.module.name for item in order.items if item.required} == {
        name for one in asked for name in (one, *closed[one])
    }
    for number, name in enumerate(loaded):
        assert set(closed[name]) <= set(loaded[:number]), name
