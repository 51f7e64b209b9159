import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from aoeinit.cli.modules import modules
from aoeinit.errors import KernelError
from tests.unit.kernel_samples import FOLDER, RELEASE, dep_lines, make_release, module_elf


@pytest.fixture
def sysroot(tmp_path: Path) -> Path:
    """A kernel with a network driver that has all a module can have."""
    make_release(
        tmp_path,
        dep=dep_lines("r8169: libphy", "realtek: libphy", "libphy"),
        softdep="softdep r8169 pre: realtek crypto-md5 post: nowhere\n",
        alias="alias pci:v000010ECd00008168sv* r8169\n",
        builtin_alias="md5 crypto-md5\n",
    )
    (tmp_path / FOLDER / "kernel").mkdir()
    for name, firmware in (("r8169", ("rtl/a.fw", "rtl/b.fw")), ("realtek", ()), ("libphy", ())):
        (tmp_path / FOLDER / f"kernel/{name}.ko").write_bytes(module_elf(name, firmware=firmware))
    (tmp_path / "lib/firmware/rtl").mkdir(parents=True)
    (tmp_path / "lib/firmware/rtl/a.fw").write_bytes(b"a")
    return tmp_path


def run(sysroot: Path, *arguments: str) -> str:
    command = ["--kernel", RELEASE, "--sysroot", str(sysroot), *arguments]
    result = CliRunner().invoke(modules, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("asked", ["r8169", "pci:v000010ECd00008168sv00bc02"])
def test_the_load_order_is_printed_as_modprobe_does_with_the_rest_as_comments(
    sysroot: Path, asked: str
) -> None:
    assert run(sysroot, asked).splitlines() == [
        "builtin md5",
        f"insmod /lib/modules/{RELEASE}/kernel/libphy.ko",
        f"insmod /lib/modules/{RELEASE}/kernel/realtek.ko  # optional",
        f"insmod /lib/modules/{RELEASE}/kernel/r8169.ko",
        "firmware /lib/firmware/rtl/a.fw",
        "# missing: nowhere, a soft dependency of r8169",
        "# missing: firmware rtl/b.fw of r8169",
    ]


def test_json_tells_the_same(sysroot: Path) -> None:
    assert json.loads(run(sysroot, "--json", "r8169")) == {
        "kernel": RELEASE,
        "modules": [
            {"name": "libphy", "path": "kernel/libphy.ko", "required": True},
            {"name": "realtek", "path": "kernel/realtek.ko", "required": False},
            {"name": "r8169", "path": "kernel/r8169.ko", "required": True},
        ],
        "builtin": ["md5"],
        "missing": [{"module": "r8169", "name": "nowhere"}],
        "firmware": [{"name": "rtl/a.fw", "source": "lib/firmware/rtl/a.fw"}],
        "missing_firmware": [{"module": "r8169", "name": "rtl/b.fw"}],
    }


def test_an_unknown_module_is_an_error_for_the_caller_to_print(sysroot: Path) -> None:
    with pytest.raises(KernelError, match="no module or alias r8196") as caught:
        run(sysroot, "r8196")
    assert caught.value.hint == "did you mean r8169?"


def test_without_a_name_the_usage_is_told(sysroot: Path) -> None:
    assert CliRunner().invoke(modules, ["--sysroot", str(sysroot)]).exit_code == 2
