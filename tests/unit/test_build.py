import os
from dataclasses import replace
from pathlib import Path

import pytest

from aoeinit.aoe.target import Target
from aoeinit.boot import contract
from aoeinit.build import BuildOptions, ImagePlan, plan_image
from aoeinit.config import ALL, HOST, Settings
from aoeinit.errors import AoeinitError, ConfigError, KernelError, ProgramError
from aoeinit.image.entries import Device, Directory, File, Symlink
from aoeinit.kernel.index import ModuleIndex
from tests.unit.kernel_samples import FOLDER, RELEASE, module_elf, path_of
from tests.unit.system_sample import CARD, make_busybox, make_system


@pytest.fixture
def sysroot(tmp_path: Path) -> Path:
    return make_system(tmp_path)


def plan(sysroot: Path, settings: Settings | None = None, *, filesystem: str = "ext4") -> ImagePlan:
    return plan_image(
        BuildOptions(
            release=RELEASE,
            sysroot=sysroot,
            settings=settings or Settings(nic=("nic",)),
            filesystems=(filesystem,),
            interfaces=(CARD,),
        )
    )


def content(image: ImagePlan, path: str) -> str:
    found = [entry for entry in image.entries if entry.path == path]
    assert len(found) == 1, path
    assert isinstance(found[0], File)
    return found[0].content.decode()


def module_lines(image: ImagePlan) -> list[str]:
    return [
        line.replace(f"/{FOLDER}/kernel/", "") for line in content(image, contract.MODULES_FILE).splitlines()
    ]


def test_the_load_order_has_stages_and_marks_soft_dependencies_as_optional(sysroot: Path) -> None:
    assert module_lines(plan(sysroot, Settings(nic=("nic",), module=("crc",)))) == [
        "early required crc.ko",
        "network required libphy.ko",
        "network optional phy.ko",
        "network required nic.ko",
        "filesystem optional crc_fast.ko",
        "filesystem required jbd2.ko",
        "filesystem required ext4.ko",
        "aoe required aoe.ko",
    ]


def test_every_listed_module_is_in_the_image_under_its_listed_path(sysroot: Path) -> None:
    image = plan(sysroot)
    files = {f"/{entry.path}" for entry in image.entries if isinstance(entry, File)}
    listed = [line.split()[2] for line in content(image, contract.MODULES_FILE).splitlines()]
    assert len(listed) == 8
    assert {f"/usr{path}" for path in listed} <= files


def test_a_driver_by_name_brings_its_bus(sysroot: Path) -> None:
    lines = module_lines(plan(sysroot, Settings(nic=("virtio_net",))))
    assert lines[:2] == ["network required virtio_pci.ko", "network required virtio_net.ko"]


def test_host_goes_by_the_hardware_and_remembers_its_names(sysroot: Path) -> None:
    image = plan(sysroot, Settings(nic=(HOST,)))
    assert "network required nic.ko" in module_lines(image)
    assert content(image, contract.INTERFACES_FILE) == "52:54:00:00:00:01 enp1s0\n"
    assert content(image, contract.IMAGE_FILE).splitlines()[1:] == [f"kernel={RELEASE}", "nic=listed"]


def test_all_carries_every_driver_for_its_alias_and_lists_none(sysroot: Path) -> None:
    image = plan(sysroot, Settings(nic=(ALL,), target=Target(11, 0)))
    assert not [line for line in module_lines(image) if line.startswith("network")]
    by_alias = {each.module.name for each in image.modules if each.stage is None}
    assert by_alias == {"virtio_net", "virtio_pci", "other"}
    assert "alias virtio:d1 virtio_net\n" in content(image, f"usr/{FOLDER}/modules.alias")
    assert content(image, contract.IMAGE_FILE).splitlines()[2:] == ["target=e11.0", "nic=all"]


def test_the_indexes_of_the_image_name_only_what_is_in_it(sysroot: Path) -> None:
    image = plan(sysroot)
    dep = content(image, f"usr/{FOLDER}/modules.dep")
    assert "kernel/phy.ko:\n" in dep
    assert "kernel/nic.ko: kernel/libphy.ko\n" in dep
    assert "other" not in dep
    # busybox goes through them from the last to the first: the PHY's driver is loaded before the card's.
    aliases = content(image, f"usr/{FOLDER}/modules.alias")
    assert "alias pci:v1d* nic\nalias pci:v1d* phy\n" in aliases
    assert "pci:v9d9" not in aliases


def test_of_several_drivers_for_a_device_busybox_loads_the_same_first_as_kmod(sysroot: Path) -> None:
    aliases = sysroot / FOLDER / "modules.alias"
    aliases.write_text(aliases.read_text() + "alias pci:v1d* other\n")
    index = ModuleIndex.read(sysroot, RELEASE)
    lines = content(plan(sysroot, Settings(nic=("nic", ALL))), f"usr/{FOLDER}/modules.alias").splitlines()
    named = [line.split()[2] for line in lines if line.split()[1] == "pci:v1d*"]
    # It begins with the last line; what nic wants before itself comes with it.
    assert [name for name in reversed(named) if name != "phy"] == [
        found.name for found in index.resolve("pci:v1d2")
    ]


def test_a_soft_dependency_that_the_kernel_lacks_is_a_warning(sysroot: Path) -> None:
    softdep = sysroot / FOLDER / "modules.softdep"
    softdep.write_text(softdep.read_text() + "softdep ext4 pre: crypto-gone\n")
    assert f"kernel {RELEASE} lacks crypto-gone, which module ext4 wants" in plan(sysroot).warnings


def test_a_driver_that_is_none_is_a_warning(sysroot: Path) -> None:
    image = plan(sysroot, Settings(nic=("drivers/net/ethernet/other.ko", "ext4")))
    assert [w for w in image.warnings if "no network driver" in w] == [
        "--nic ext4: ext4 is no network driver; for other modules there is --module"
    ]


@pytest.mark.parametrize("name", ["modules.alias", "modules.softdep", "modules.dep"])
def test_a_kernel_that_lacks_an_index_is_refused(sysroot: Path, name: str) -> None:
    (sysroot / FOLDER / name).unlink()
    error = refusal(sysroot)
    assert f"has no {name}" in error.message
    assert f"depmod -b {sysroot} {RELEASE}" in str(error.hint)


def test_what_is_built_in_is_told_and_needs_no_module(sysroot: Path) -> None:
    image = plan(sysroot, filesystem="xfs")
    assert image.builtins == ("xfs",)
    assert not [line for line in module_lines(image) if line.startswith("filesystem")]


def test_an_alias_of_the_file_system_is_as_good_as_its_name(sysroot: Path) -> None:
    assert "filesystem required ext4.ko" in module_lines(plan(sysroot, filesystem="ext3"))


def test_firmware_is_stored_once_and_what_is_missing_is_a_warning(sysroot: Path) -> None:
    image = plan(sysroot)
    assert content(image, "usr/lib/firmware/nic/one.bin") == "code"
    assert Symlink("usr/lib/firmware/nic/two.bin", "/lib/firmware/nic/one.bin") in image.entries
    assert image.firmware == ("nic/one.bin", "nic/two.bin")
    assert [warning for warning in image.warnings if "nic/gone.bin" in warning and "module nic " in warning]


def test_busybox_has_the_names_that_the_agent_calls_and_no_set_user_id_bit(sysroot: Path) -> None:
    image = plan(sysroot)
    links = {entry.path: entry.target for entry in image.entries if isinstance(entry, Symlink)}
    for name in ("sh", *contract.APPLETS):
        assert links[f"usr/bin/{name}"] == "/bin/busybox"
    assert links["usr/sbin/modprobe"] == "/bin/busybox"
    assert [e.mode for e in image.entries if isinstance(e, File) and e.path == "usr/bin/busybox"] == [0o755]


def test_the_links_of_a_merged_sysroot_are_kept(sysroot: Path) -> None:
    (sysroot / "sbin").symlink_to("usr/bin")
    links = {entry.path: entry.target for entry in plan(sysroot).entries if isinstance(entry, Symlink)}
    assert links["sbin"] == "usr/bin"
    assert links["usr/bin/modprobe"] == "/bin/busybox"


def test_the_agent_is_there_and_init_can_be_run(sysroot: Path) -> None:
    image = plan(sysroot)
    assert content(image, "init").startswith("#!/bin/sh\n")
    assert [entry.mode for entry in image.entries if isinstance(entry, File) and entry.path == "init"] == [
        0o755
    ]
    assert [entry for entry in image.entries if entry.path.startswith("usr/lib/aoeinit/")]
    assert {e.path for e in image.entries if isinstance(e, Directory)} >= {
        "dev",
        "proc",
        "run",
        "sys",
        "sysroot",
    }
    assert not [entry for entry in image.entries if isinstance(entry, Device)]


def test_files_and_folders_go_where_the_user_wants_them(
    sysroot: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = tmp_path_factory.mktemp("source")
    (source / "folder").mkdir(mode=0o700)
    (source / "folder/key").write_text("secret")
    (source / "folder/key").chmod(0o4600)
    (source / "folder/link").symlink_to("/etc/elsewhere")
    (source / "alias").symlink_to("folder/key")
    image = plan(
        sysroot,
        Settings(
            nic=("nic",),
            file=((source / "folder", "/etc/keys"), (source / "alias", "/etc/one"), (source, "/")),
        ),
    )
    assert {
        Directory("etc/keys", 0o700),
        File("etc/keys/key", b"secret", 0o600),
        Symlink("etc/keys/link", "/etc/elsewhere"),
        File("etc/one", b"secret", 0o600),
        Directory("folder", 0o700),
        Symlink("alias", "folder/key"),
    } <= set(image.entries)


def test_a_script_is_run_by_the_busybox_that_is_there_anyway(sysroot: Path) -> None:
    (sysroot / "usr/bin").mkdir(parents=True)
    (sysroot / "usr/bin/tool").write_text("#!/bin/sh\necho hello\n")
    (sysroot / "usr/bin/tool").chmod(0o755)
    (sysroot / "bin/sh").write_bytes(b"\x7fELF, but never read")
    (sysroot / "bin/sh").chmod(0o755)
    image = plan(sysroot, Settings(nic=("nic",), program=("tool",)))
    assert content(image, "usr/bin/tool").startswith("#!/bin/sh")
    assert image.programs == ("bin/busybox", "usr/bin/tool")


def refusal(sysroot: Path, settings: Settings | None = None, *, filesystem: str = "ext4") -> AoeinitError:
    with pytest.raises(AoeinitError) as caught:
        plan(sysroot, settings, filesystem=filesystem)
    assert caught.value.hint
    return caught.value


def test_a_kernel_without_aoe_is_refused(sysroot: Path) -> None:
    dep = sysroot / FOLDER / "modules.dep"
    dep.write_text(dep.read_text().replace("kernel/aoe.ko:\n", ""))
    error = refusal(sysroot)
    assert isinstance(error, KernelError)
    assert f"kernel {RELEASE} has no aoe driver" in error.message


def test_an_unknown_file_system_is_refused(sysroot: Path) -> None:
    assert "no file system ext5" in refusal(sysroot, filesystem="ext5").message
    assert "no file system nic" in refusal(sysroot, filesystem="nic").message


def test_an_unknown_driver_is_refused_with_what_is_near(sysroot: Path) -> None:
    error = refusal(sysroot, Settings(nic=("virtio_nett",)))
    assert "virtio_nett" in error.message
    assert "virtio_net" in str(error.hint)


def test_a_machine_without_interfaces_is_told_about_the_option(sysroot: Path) -> None:
    options = BuildOptions(RELEASE, sysroot, Settings(nic=(HOST,)), ("ext4",))
    with pytest.raises(KernelError) as caught:
        plan_image(options)
    assert "--nic all" in str(caught.value.hint)


def test_hardware_without_a_driver_is_refused_if_it_is_all_there_is_and_else_a_warning(sysroot: Path) -> None:
    strange = replace(CARD, name="eth9", device="pci:v7d7", modaliases=("pci:v7d7",))
    options = BuildOptions(RELEASE, sysroot, Settings(nic=(HOST,)), ("ext4",), (strange,))
    with pytest.raises(KernelError, match=r"eth9 \(pci:v7d7\)"):
        plan_image(options)
    image = plan_image(replace(options, interfaces=(CARD, strange)))
    assert [warning for warning in image.warnings if "eth9" in warning]


def test_a_module_of_another_kernel_is_refused(sysroot: Path) -> None:
    (sysroot / FOLDER / path_of("nic")).write_bytes(module_elf("nic", release="5.0.0"))
    assert "5.0.0" in refusal(sysroot).message


def test_a_busybox_without_an_applet_is_refused(sysroot: Path) -> None:
    make_busybox(sysroot, {*contract.APPLETS, "sh"} - {"switch_root"})
    error = refusal(sysroot)
    assert isinstance(error, ProgramError)
    assert "switch_root" in error.message
    assert "busybox-static" in str(error.hint)


def test_what_file_names_must_be_there_and_be_a_file(sysroot: Path) -> None:
    gone = Settings(nic=("nic",), file=((sysroot / "gone", "/gone"),))
    assert str(sysroot / "gone") in refusal(sysroot, gone).message
    os.mkfifo(sysroot / "fifo")
    fifo = Settings(nic=("nic",), file=((sysroot / "fifo", "/fifo"),))
    assert isinstance(refusal(sysroot, fifo), ConfigError)


def test_two_sources_for_one_place_are_refused(sysroot: Path) -> None:
    clash = Settings(nic=("nic",), file=((sysroot / FOLDER / "modules.dep", "/init"),))
    assert "init" in refusal(sysroot, clash).message


HASH = "$6$salt$abcdefghijklmnopqrstuvwxyz./0123456789"


@pytest.mark.parametrize(
    ("password", "fact", "files"),
    [
        (None, "shell=open", set()),
        (HASH, "shell=password", {contract.USERS_FILE, contract.SHADOW_FILE}),
    ],
)
def test_an_emergency_shell(sysroot: Path, password: str | None, fact: str, files: set[str]) -> None:
    made = plan(sysroot, Settings(nic=("nic",), emergency_shell=True, emergency_password=password))
    paths = {entry.path: entry for entry in made.entries}
    assert {contract.USERS_FILE, contract.SHADOW_FILE} & set(paths) == files
    assert {f"usr/bin/{applet}" for applet in contract.SHELL_APPLETS} <= set(paths)
    assert fact in content(made, contract.IMAGE_FILE).splitlines()
    if password:
        assert content(made, contract.SHADOW_FILE) == f"root:{HASH}:::::::\n"
        shadow = paths[contract.SHADOW_FILE]
        assert isinstance(shadow, File)
        assert shadow.mode == 0o600


def test_no_emergency_shell_unasked(sysroot: Path) -> None:
    made = plan(sysroot)
    assert "shell=" not in content(made, contract.IMAGE_FILE)
    assert not {f"usr/bin/{applet}" for applet in contract.SHELL_APPLETS} & {
        entry.path for entry in made.entries
    }


def test_a_password_for_a_shell_that_is_not_there(sysroot: Path) -> None:
    with pytest.raises(ConfigError, match="no shell"):
        plan(sysroot, Settings(nic=("nic",), emergency_password=HASH))
