"""The load order of every module of two real kernels, and their aliases, against kmod's own modprobe.

Real kernels have no circles of soft dependencies, so that made-up ones follow.
"""

import random
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from aoeinit.kernel.aliases import AliasLines, AliasTable
from aoeinit.kernel.closure import LoadOrder, load_order
from aoeinit.kernel.index import ModuleIndex
from aoeinit.kernel.names import module_name
from tests.lab.kernels import Kernel, debian_kernel
from tests.unit.kernel_samples import elf_with_section

SUITES = ["bookworm", "trixie"]
SEPARATOR = "aoeinit_separator"

Printed = tuple[list[str], list[str]]  # the names of built-ins and of modules, each in order


@pytest.fixture(params=SUITES)
def kernel(request: pytest.FixtureRequest) -> Kernel:
    return debian_kernel(request.param)


def test_hard_dependencies_agree_for_every_module(kernel: Kernel, tmp_path: Path) -> None:
    root = without_soft_dependencies(kernel, tmp_path / "hard")
    orders = our_orders(root, kernel)
    assert differences(orders, kmod_orders(root, kernel, orders, tmp_path)) == {}
    assert all(item.required for order in orders.values() for item in order.items)
    assert len(orders) == modules_on_disk(kernel)


def test_soft_dependencies_agree_for_every_module(kernel: Kernel, tmp_path: Path) -> None:
    orders = our_orders(kernel.root, kernel)
    assert differences(orders, kmod_orders(kernel.root, kernel, orders, tmp_path)) == {}
    assert len(orders) == modules_on_disk(kernel)


def test_required_is_what_kmod_loads_without_soft_dependencies(kernel: Kernel, tmp_path: Path) -> None:
    orders = our_orders(kernel.root, kernel)
    hard_only = kmod_orders(without_soft_dependencies(kernel, tmp_path / "hard"), kernel, orders, tmp_path)
    required = {
        name: {item.module.name for item in order.items if item.required} for name, order in orders.items()
    }
    assert required == {name: set(modules) for name, (_, modules) in hard_only.items()}
    assert len(orders) == modules_on_disk(kernel)


def test_aliases_agree_for_one_in_three_patterns(kernel: Kernel, tmp_path: Path) -> None:
    index = ModuleIndex.read(kernel.root, kernel.release)
    patterns = {pattern for patterns in index.alias_patterns.values() for pattern in patterns}
    aliases = sorted(map(one_that_matches, patterns))[::3]
    assert len(aliases) > 8000
    for some in batched(aliases, 4000):
        expected = ask_kmod("--resolve-alias", kernel.root, kernel, some, tmp_path)
        assert {alias: [found.name for found in index.resolve(alias)] for alias in some} == {
            alias: list(dict.fromkeys(names)) for alias, names in expected.items()
        }


def test_no_line_of_the_aliases_is_lost(kernel: Kernel) -> None:
    index = ModuleIndex.read(kernel.root, kernel.release)
    text = (kernel.modules / "modules.alias").read_text()
    pairs = re.findall(r"^alias (.*) (\S+)$", text, re.MULTILINE)
    patterns: dict[str, list[str]] = {}
    for pattern, module in pairs:
        patterns.setdefault(module, []).append(pattern)
    assert index.alias_patterns == patterns
    table = AliasTable(pairs)
    asked = sorted({one_that_matches(pattern) for pattern, _ in pairs})[::3]
    lines = AliasLines(text)
    assert all(lines.lookup(alias) == table.lookup(alias) for alias in asked)
    assert len(asked) > 8000


def one_that_matches(pattern: str) -> str:
    return re.sub(r"\[(.).*?\]", r"\1", pattern).replace("*", "0").replace("?", "1")


def batched(names: list[str], size: int) -> Iterator[list[str]]:
    """So many at a time as fit on a command line."""
    return (names[start : start + size] for start in range(0, len(names), size))


@pytest.mark.parametrize("seed", range(8))
def test_circles_of_soft_dependencies_agree(seed: int, tmp_path: Path) -> None:
    kernel = kernel_full_of_circles(random.Random(seed), tmp_path / "circles")  # noqa: S311 - tests repeat
    orders = our_orders(kernel.root, kernel)
    assert differences(orders, kmod_orders(kernel.root, kernel, orders, tmp_path)) == {}
    assert len(orders) == modules_on_disk(kernel)
    assert any(not item.required for order in orders.values() for item in order.items)


def kernel_full_of_circles(chance: random.Random, root: Path) -> Kernel:
    """Make a kernel of modules that want each other at random, by name and by alias, before and after."""
    kernel = Kernel("6.0.0-circles", root, root / "vmlinuz")
    (kernel.modules / "kernel").mkdir(parents=True)
    names = [f"m{number}" for number in range(40)]
    aliases = [f"al-{number}" for number in range(10)]
    for name in names:
        wanted = [" ".join(chance.choices([*names, *aliases, *aliases, "nowhere"], k=2)) for _ in range(2)]
        softdep = chance.choice(["pre: {}", "post: {}", "pre: {} post: {}", "{}"]).format(*wanted)
        strings = [f"softdep={softdep}", *(f"alias={alias}" for alias in chance.sample(aliases, 2))]
        modinfo = "".join(f"{string}\0" for string in strings).encode()
        (kernel.modules / f"kernel/{name}.ko").write_bytes(elf_with_section(".modinfo", modinfo))
    chance.shuffle(names)
    (kernel.modules / "modules.order").write_text("".join(f"kernel/{name}.ko\n" for name in names))
    for index in ("modules.builtin", "modules.builtin.modinfo"):
        (kernel.modules / index).touch()
    subprocess.run(["depmod", "-b", root, kernel.release], check=True)
    return kernel


def modules_on_disk(kernel: Kernel) -> int:
    return sum(1 for path in kernel.modules.rglob("*.ko*") if path.is_file())


def without_soft_dependencies(kernel: Kernel, root: Path) -> Path:
    """A copy of the release's indexes that lacks modules.softdep, over the same module files."""
    folder = root / "lib/modules" / kernel.release
    folder.mkdir(parents=True)
    for path in kernel.modules.glob("modules.*"):
        if path.name != "modules.softdep":
            shutil.copyfile(path, folder / path.name)
    (folder / "kernel").symlink_to(kernel.modules / "kernel")
    return root


def our_orders(root: Path, kernel: Kernel) -> dict[str, LoadOrder]:
    index = ModuleIndex.read(root, kernel.release)
    return {name: load_order(index, [name]) for name in index.modules}


def differences(ours: dict[str, LoadOrder], kmods: dict[str, Printed]) -> dict[str, tuple[Printed, Printed]]:
    ordered = {
        name: (list(order.builtin), [item.module.name for item in order.items])
        for name, order in ours.items()
    }
    return {name: (ordered[name], kmods[name]) for name in ordered if ordered[name] != kmods[name]}


def kmod_orders(root: Path, kernel: Kernel, names: Iterable[str], tmp_path: Path) -> dict[str, Printed]:
    answers = ask_kmod("--show-depends", root, kernel, list(names), tmp_path)
    return {name: printed(lines) for name, lines in answers.items()}


def printed(lines: list[str]) -> Printed:
    """kmod prints some modules more than once; the first place counts, since loading again does nothing."""
    builtins, modules = dict[str, None](), dict[str, None]()
    for line in lines:
        match line.split():
            case ["insmod", path]:
                modules.setdefault(module_name(path))
            case ["builtin", name]:
                builtins.setdefault(name)
            case _:
                raise AssertionError(line)
    return list(builtins), list(modules)


def ask_kmod(
    question: str, root: Path, kernel: Kernel, names: list[str], tmp_path: Path
) -> dict[str, list[str]]:
    """What kmod says about each name, in one call for all.

    An install line in its configuration, of which it prints the last word where that name is asked for, tells
    where the answer about one name ends; the configuration folder also keeps the host's modprobe.d out.
    """
    (tmp_path / "modprobe.d").mkdir(exist_ok=True)
    (tmp_path / "modprobe.d/separator.conf").write_text(f"install {SEPARATOR} {SEPARATOR}\n")
    output = subprocess.run(
        [
            *("modprobe", question, "--all"),
            *("--config", str(tmp_path / "modprobe.d")),
            *("--dirname", str(root), "--set-version", kernel.release),
            *(word for name in names for word in (name, SEPARATOR)),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    assert output.stderr == ""
    return dict(zip(names, answers(output.stdout), strict=True))


def answers(output: str) -> Iterator[list[str]]:
    lines: list[str] = []
    for line in output.splitlines():
        if line.split()[-1] == SEPARATOR:
            yield lines
            lines = []
        else:
            lines.append(line)
