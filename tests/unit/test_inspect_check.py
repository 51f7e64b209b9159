import json
import stat
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from aoeinit.boot import contract
from aoeinit.build import BuildOptions, plan_image
from aoeinit.cli.inspect import inspect
from aoeinit.config import Settings
from aoeinit.image.entries import Directory, Entry, File, Symlink
from aoeinit.inspect.check import Checked, check_image, kernel_release
from aoeinit.inspect.check_knowledge import knows_aoe
from aoeinit.inspect.facts import find_facts
from aoeinit.inspect.findings import would_boot
from aoeinit.inspect.reading import read_image
from aoeinit.inspect.tree import Tree
from aoeinit.system.unpacking import extract
from tests.unit.elf_files import MadeUp
from tests.unit.inspect_samples import DIRECTORY, LINK, PROGRAM, Made, archive, uki
from tests.unit.kernel_samples import RELEASE, elf_with_section, module_elf
from tests.unit.system_sample import CARD, make_busybox, make_system

MODULES = f"usr/lib/modules/{RELEASE}/kernel"
NIC = f"{MODULES}/nic.ko"


@pytest.fixture
def made(tmp_path: Path) -> dict[str, Made]:
    """The entries of an image that aoeinit plans, to be spoilt."""
    options = BuildOptions(
        release=RELEASE,
        sysroot=make_system(tmp_path / "system"),
        settings=Settings(nic=("nic",)),
        filesystems=("ext4",),
        interfaces=(CARD,),
    )
    return {entry.path: made_of(entry) for entry in plan_image(options).entries}


def made_of(entry: Entry) -> Made:
    match entry:
        case Directory():
            return Made(entry.path, DIRECTORY)
        case File():
            return Made(entry.path, stat.S_IFREG | entry.mode, entry.content)
        case Symlink():
            return Made(entry.path, LINK, entry.target.encode())
    raise AssertionError(entry)


def check(
    made: dict[str, Made], folder: Path, kernel: str | None = None, *, uname: bytes | None = None
) -> tuple[bool, list[str]]:
    """Whether the image would boot, and what was found; with ``uname``, of a unified kernel image."""
    content = archive(made.values())
    image = read_image(content if uname is None else uki({".uname": uname, ".initrd": content}))
    tree = Tree(image.items)
    (folder / "image").mkdir(parents=True)
    extract(tree, folder / "image")
    found = check_image(Checked(image, tree, find_facts(image, tree), folder / "image"), kernel)
    return would_boot(found), [f"{finding.level}: {finding.text}" for finding in found]


def module(*pairs: str) -> bytes:
    return elf_with_section(".modinfo", b"".join(pair.encode() + b"\0" for pair in pairs))


def test_an_image_of_ours_would_boot(made: dict[str, Made], tmp_path: Path) -> None:
    assert check(made, tmp_path) == (
        True,
        ["warning: module nic names firmware that is not in it: nic/gone.bin"],
    )
    assert check(made, tmp_path / "system", RELEASE)[0]


Spoil = Callable[[dict[str, Made]], object]


def without(path: str) -> Spoil:
    return lambda made: made.pop(path)


def changed(path: str, content: bytes, mode: int | None = None) -> Spoil:
    return lambda made: made.update(
        {path: replace(made[path], content=content, mode=mode or made[path].mode)}
    )


DRIVER_FOLDERS = [f"{MODULES}/drivers{folder}" for folder in ("", "/net", "/net/ethernet")]
VERMAGIC = f"vermagic={RELEASE} SMP"
SPOILT: dict[str, Spoil] = {
    "no /init in it": without("init"),
    "/init is no program": changed("init", b"#!/bin/sh\n", stat.S_IFREG | 0o644),
    "/init is neither an ELF program nor a script": changed("init", b"rubbish"),
    "/init is a script, and its interpreter (/bin/zsh) is not in it": changed("init", b"#!/bin/zsh\n"),
    "/lib/aoeinit/target.sh is not in it": without("usr/lib/aoeinit/target.sh"),
    "/lib/aoeinit/network.sh is empty": changed("usr/lib/aoeinit/network.sh", b""),
    "/lib/aoeinit/guard is not in it": without("usr/lib/aoeinit/guard"),
    "module ext4 needs the checksum crc32c, and no module for it": changed(
        f"{MODULES}/ext4.ko", module(VERMAGIC, "depends=", "softdep=pre: crypto-crc32c")
    ),
    r"interpreter (/bin/sh\r) is not in it": changed("init", b"#!/bin/sh\r\n"),
    "ld.so is not in it: /init cannot start": changed("init", MadeUp(interpreter="/lib/ld.so").content()),
    "aoe.ko is listed in modules.dep but not there": without(f"{MODULES}/aoe.ko"),
    "aoe.ko, which is not in it": without(f"{MODULES}/aoe.ko"),
    "module nic needs mii, which is not in it": changed(NIC, module(VERMAGIC, "depends=libphy,mii")),
    "module nic was built for kernel 5.4, not": changed(NIC, module("vermagic=5.4 SMP", "depends=")),
    "nic.ko is no kernel module": changed(NIC, b"rubbish"),
    "no aoe driver in it": changed(
        f"usr/lib/modules/{RELEASE}/modules.dep", b"kernel/nic.ko:\nkernel/ext4.ko:\n"
    ),
    "no driver for an Ethernet interface": changed(
        f"usr/lib/modules/{RELEASE}/modules.dep", b"kernel/aoe.ko:\nkernel/ext4.ko:\n"
    ),
    "no file system for a root": changed(
        f"usr/lib/modules/{RELEASE}/modules.dep", b"kernel/aoe.ko:\nkernel/nic.ko:\n"
    ),
    "has no modules.dep": without(f"usr/lib/modules/{RELEASE}/modules.dep"),
    "applets that are not in it: uevent": without("usr/bin/uevent"),
    "no /bin/busybox in it": without("usr/bin/busybox"),
    f"no /{contract.MODULES_FILE} in it": without(contract.MODULES_FILE),
    "line 1: nonsense is no STAGE NEED PATH": changed(contract.MODULES_FILE, b"nonsense\n"),
    f"{NIC} is lost: its folder does not come before it": without(MODULES),
}


@pytest.mark.parametrize("message", SPOILT)
def test_what_keeps_an_image_from_booting_is_found(
    message: str, made: dict[str, Made], tmp_path: Path
) -> None:
    SPOILT[message](made)
    boots, found = check(made, tmp_path)
    assert not boots
    assert any(line.startswith("error: ") and message in line for line in found), found


def test_an_applet_that_busybox_was_built_without_is_found(made: dict[str, Made], tmp_path: Path) -> None:
    make_busybox(tmp_path / "system", {*contract.APPLETS, "sh", "zcat"} - {"ip"})
    changed("usr/bin/busybox", (tmp_path / "system/bin/busybox").read_bytes())(made)
    boots, found = check(made, tmp_path)
    assert not boots
    assert "error: the agent needs applets that are not in it: ip" in found


def test_another_kernel_than_that_of_the_modules_is_found(made: dict[str, Made], tmp_path: Path) -> None:
    assert check(made, tmp_path, "6.99") == (
        False,
        [f"error: its modules are for kernel {RELEASE}, not for 6.99"],
    )


def test_any_module_for_crc32c_will_do(made: dict[str, Made], tmp_path: Path) -> None:
    ext4, folder = f"{MODULES}/ext4.ko", f"usr/lib/modules/{RELEASE}"
    changed(ext4, module(VERMAGIC, "depends=", "softdep=pre: crypto-crc32c"))(made)
    aliases = made[f"{folder}/modules.alias"].content
    spoilt = [
        (f"{folder}/modules.alias", aliases + b"alias crypto-crc32c crc\nalias crypto-crc32c crc_fast\n"),
        (f"{folder}/modules.builtin", b"kernel/crypto/crc32c_generic.ko\n"),
    ]
    for number, (path, content) in enumerate(spoilt):
        image = dict(made)
        changed(path, content)(image)
        assert check(image, tmp_path / str(number))[0]
    without(f"{folder}/modules.builtin")(made)
    boots, found = check(made, tmp_path / "unknown")
    assert boots
    assert any("ext4 needs the checksum crc32c" in line for line in found)


def test_a_module_for_crc32c_that_is_broken_does_not_count(made: dict[str, Made], tmp_path: Path) -> None:
    changed(f"{MODULES}/ext4.ko", module(VERMAGIC, "depends=", "softdep=pre: crypto-crc32c"))(made)
    aliases = f"usr/lib/modules/{RELEASE}/modules.alias"
    changed(aliases, made[aliases].content + b"alias crypto-crc32c crc_fast\n")(made)
    changed(f"{MODULES}/crc_fast.ko", module(VERMAGIC, "depends=", "softdep=pre: crypto-crc32c"))(made)
    assert check(made, tmp_path / "whole")[0]
    changed(f"{MODULES}/crc_fast.ko", b"rubbish")(made)
    assert not check(made, tmp_path / "broken")[0]


def test_an_image_for_a_kernel_with_its_drivers_built_in_would_boot(tmp_path: Path) -> None:
    system = make_system(tmp_path / "system")
    folder = system / "lib/modules" / RELEASE
    (folder / "modules.dep").write_text("kernel/other.ko:\n")
    (folder / "kernel/other.ko").write_bytes(module_elf("other"))
    lines = ["drivers/block/aoe/aoe", "fs/ext4/ext4", "drivers/net/ethernet/nic", "fs/xfs/xfs"]
    (folder / "modules.builtin").write_text("".join(f"kernel/{line}.ko\n" for line in lines))
    (folder / "modules.alias").write_text("")
    options = BuildOptions(RELEASE, system, Settings(nic=("nic",)), ("ext4",))
    made = {entry.path: made_of(entry) for entry in plan_image(options).entries}
    builtin = made[f"usr/lib/modules/{RELEASE}/modules.builtin"].content.decode().split()
    assert builtin == [f"kernel/{line}.ko" for line in lines[:3]]
    assert check(made, tmp_path) == (True, [])


@pytest.mark.parametrize(("kind", "path"), [("driver", "drivers/net/ethernet/two.ko"), ("root", "xfs.ko")])
def test_a_fault_of_one_of_several_is_a_warning(
    kind: str, path: str, made: dict[str, Made], tmp_path: Path
) -> None:
    folder = f"usr/lib/modules/{RELEASE}"
    made.update({each: Made(each, DIRECTORY) for each in DRIVER_FOLDERS})
    for each in ("drivers/net/ethernet/one.ko", path):
        made[f"{MODULES}/{each}"] = Made(f"{MODULES}/{each}", content=module(VERMAGIC, "depends="))
    dep = made[f"{folder}/modules.dep"].content
    changed(f"{folder}/modules.dep", dep + f"kernel/drivers/net/ethernet/one.ko:\nkernel/{path}:\n".encode())(
        made
    )
    changed(f"{MODULES}/{path}", b"rubbish")(made)
    boots, found = check(made, tmp_path / "one")
    assert boots, found
    assert any(line.startswith("warning: ") and f"{path} is no kernel module" in line for line in found)
    other = f"{MODULES}/drivers/net/ethernet/one.ko" if kind == "driver" else f"{MODULES}/ext4.ko"
    changed(other, b"rubbish")(made)
    assert not check(made, tmp_path / "both")[0]


def test_a_unified_image_is_checked_with_its_own_kernel(made: dict[str, Made], tmp_path: Path) -> None:
    assert check(made, tmp_path / "a", uname=RELEASE.encode())[0]
    assert check(made, tmp_path / "b", uname=b"6.99") == (
        False,
        [f"error: its modules are for kernel {RELEASE}, not for its own, 6.99"],
    )
    assert check(made, tmp_path / "c", RELEASE, uname=b"6.99")[0]
    boots, found = check(made, tmp_path / "d", uname=b"../6.1")
    assert not boots
    assert found == ["error: its section .uname names no kernel release: ../6.1"]


def test_images_of_other_tools_are_checked_as_far_as_it_applies(
    made: dict[str, Made], tmp_path: Path
) -> None:
    for name in (contract.IMAGE_FILE, contract.MODULES_FILE):
        del made[name]
    made[f"{MODULES}/drivers"] = Made(f"{MODULES}/drivers", DIRECTORY)
    boots, found = check(made, tmp_path)
    assert not boots
    assert "error: no driver for an Ethernet interface in it" in found
    assert "note: built by an unknown tool: whether its scripts can find an AoE target is not known" in found


INITRAMFS_TOOLS = {
    "init": "#!/bin/sh\n. /scripts/functions\nload_modules\nmountroot\n",
    "scripts/functions": "configure_networking() {\n\tipconfig -c dhcp -d eth0\n}\n",
    "conf/modules": "aoe\nnic\n",
    "conf/param.conf": "ROOT=/dev/etherd/e11.0p3\n",
    "etc/modprobe.d/aoe.conf": "options aoe aoe_maxout=8\n",
    "etc/cmdline.d/root.conf": "root=/dev/etherd/e11.0p3\n",
    r"lib/dracut/hooks/finished/devexists-\x2fdev\x2fetherd\x2fe11.0p3.sh": "[ -e /dev/etherd/e11.0p3 ]\n",
    "usr/lib/udev/rules.d/50-udev-default.rules": 'SUBSYSTEM=="aoe", GROUP="disk", MODE="0220"\n',
    "usr/lib/firmware/aoe.bin": "aoe",
    "usr/share/keymaps/dvorak": "aoeuidhtns- alloc_etherdev\n",
    "sbin/lvm": "\x7fELF\0aoe\0nbd\0",
    "kernel/x86/microcode/GenuineIntel.bin": " aoe ",
    "usr/share/picture": "\0 aoe \0",
}
"""Much that names AoE, and nothing that knows what to do."""


def tree_of(files: dict[str, str]) -> Tree:
    made = [Made(path, content=content.encode()) for path, content in files.items()]
    return Tree(read_image(archive(made)).items, parents=True)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("scripts/local-top/aoe", "#!/bin/sh\nmodprobe something\n"),
        ("scripts/local-top/net", "#!/bin/sh\nmodprobe aoe\n"),
        ("init", "#!/bin/sh\nmount /dev/etherd/e0.0 /sysroot\n"),
        ("usr/lib/systemd/system/disk.service", "[Service]\nExecStart=/sbin/up --AoE\n"),
        ("usr/sbin/aoe-discover", "\x7fELF"),
        ("init", "\x7fELF\0\0/dev/etherd/discover\0"),
    ],
)
def test_an_image_knows_aoe_by_a_name_a_script_or_a_program(path: str, content: str) -> None:
    assert not knows_aoe(tree_of(INITRAMFS_TOOLS))
    assert knows_aoe(tree_of({**INITRAMFS_TOOLS, path: content}))


def test_an_image_in_which_nothing_knows_aoe_would_not_boot(made: dict[str, Made], tmp_path: Path) -> None:
    ours = [path for path in made if "aoeinit" in path] + ["init"]
    for path in ours:
        del made[path]
    made["init"] = Made("init", PROGRAM, b"#!/bin/sh\nmount /dev/sda1 /root\n")
    boots, found = check(made, tmp_path / "without")
    assert not boots
    (told,) = [each for each in found if "knows AoE" in each]
    assert told.startswith(
        "error: built by an unknown tool, and nothing in it knows AoE: no program or script "
    )
    assert told.endswith("make an image with aoeinit build, and keep it with aoeinit hooks install")
    made["init"] = Made("init", PROGRAM, b"#!/bin/sh\nmodprobe aoe\n")
    _, found = check(made, tmp_path / "with")
    assert "note: built by an unknown tool: whether its scripts can find an AoE target is not known" in found


def test_the_command_ends_with_1_where_it_would_not_boot(made: dict[str, Made], tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(archive(made.values()))
    result = CliRunner().invoke(inspect, [str(image), "--check"])
    assert result.exit_code == 0
    assert result.output.endswith("from booting an AoE root, with 1 warning\n")
    result = CliRunner().invoke(inspect, [str(image), "--check", "--kernel", "6.99"])
    assert result.exit_code == 1
    assert result.output.endswith("would not boot an AoE root\n")
    result = CliRunner().invoke(inspect, [str(image), "--check", "--json", "--kernel", "6.99"])
    assert result.exit_code == 1
    assert json.loads(result.output) == {
        "image": str(image),
        "boots": False,
        "findings": [{"level": "error", "text": f"its modules are for kernel {RELEASE}, not for 6.99"}],
    }


def test_the_release_of_a_kernel_is_in_its_file(tmp_path: Path) -> None:
    assert kernel_release("6.1.0-test") == "6.1.0-test"
    kernel = tmp_path / "vmlinuz"
    head = bytearray(0x400)
    head[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", head, 0x20E, 0x100)
    head[0x300:0x300] = b"6.1.0-test (somebody) #1 SMP\0"
    kernel.write_bytes(head)
    assert kernel_release(str(kernel)) == "6.1.0-test"
