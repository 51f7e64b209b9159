import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from aoeinit.aoe.target import Target
from aoeinit.errors import AoeinitError, ConfigError
from aoeinit.install.grub.cmdline import Parameters
from aoeinit.install.grub.config import RECORD, GrubConfig, names_boot, plan_grub_config, plan_grub_undo
from aoeinit.install.grub.defaults import rewrite_defaults
from aoeinit.install.grub.entries import BootFileSystem, rewrite_entry, rewrite_environment
from aoeinit.install.grub.esp import rewrite_stub
from aoeinit.install.record import record_text
from aoeinit.install.state import Change, Present
from aoeinit.system.changes import apply
from tests.unit.grub_samples import (
    DEBIAN_DEFAULTS,
    DEBIAN_STUB,
    ENTRY,
    ENTRY_FILE,
    ENVIRONMENT,
    FEDORA_DEFAULTS,
    FEDORA_STUB,
    NEW_UUID,
    RELEASE,
    UUID,
    environment_block,
    fill,
    make_debian,
    make_fedora,
)

ROOT = "root=/dev/etherd/e11.0p2"
PARAMETERS = Parameters("/dev/etherd/e11.0p2", Target(11, 0))
OWN = BootFileSystem(NEW_UUID, "")
SHARED = BootFileSystem(NEW_UUID, "/boot")
FILES = {f"vmlinuz-{RELEASE}", f"initramfs-{RELEASE}.img"}
OFF = "GRUB_DISABLE_LINUX_UUID=true\nGRUB_DISABLE_OS_PROBER=true\n"
DEVICE = 'GRUB_DEVICE="/dev/etherd/e11.0p2"\n'


def contents(planned: GrubConfig) -> dict[str, bytes | None]:
    return {each.path: each.after.content if each.after else None for each in planned.plan.changes}


def carry_out(sysroot: Path, planned: GrubConfig) -> None:
    for change in planned.plan.changes:
        apply(sysroot, change)
    apply(sysroot, Change(RECORD, None, Present(record_text(planned.plan.record), 0o600), ""))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("GRUB_TIMEOUT=1", "GRUB_TIMEOUT=1\n"),
        ("GRUB_CMDLINE_LINUX=\n", "GRUB_CMDLINE_LINUX=\n"),
        ("GRUB_CMDLINE_LINUX=root=UUID=1 # mine\n", 'GRUB_CMDLINE_LINUX="" # mine\n'),
        ("GRUB_CMDLINE_LINUX='root=UUID=1 b=\"c d\"'\n", "GRUB_CMDLINE_LINUX='b=\"c d\"'\n"),
        ('export GRUB_CMDLINE_LINUX="a root=/dev/sda1"\t# "b"\n', 'export GRUB_CMDLINE_LINUX="a"\t# "b"\n'),
        (
            'GRUB_CMDLINE_LINUX="root=UUID=1 a"\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX root=x b"\n',
            'GRUB_CMDLINE_LINUX="a"\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX b"\n',
        ),
        (
            'GRUB_CMDLINE_LINUX=""\nGRUB_CMDLINE_LINUX_DEFAULT="quiet root=UUID=1"\n',
            'GRUB_CMDLINE_LINUX=""\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\n',
        ),
        ("#GRUB_CMDLINE_LINUX=root=UUID=1\n", "#GRUB_CMDLINE_LINUX=root=UUID=1\n"),
        (DEBIAN_DEFAULTS, DEBIAN_DEFAULTS),
        (
            FEDORA_DEFAULTS,
            FEDORA_DEFAULTS.replace("rd.lvm.lv=fedora/root resume=/dev/mapper/fedora-swap ", ""),
        ),
    ],
)
def test_defaults_of_the_menu_name_the_root_for_the_one_word_that_the_menu_has(
    before: str, after: str
) -> None:
    assert rewrite_defaults(before.encode(), PARAMETERS)[0].decode() == after + DEVICE + OFF
    assert rewrite_defaults((after + DEVICE + OFF).encode(), PARAMETERS) == (
        (after + DEVICE + OFF).encode(),
        (),
    )


def test_words_beside_the_root_come_into_the_last_line_of_the_command_line() -> None:
    subvolume = replace(PARAMETERS, others=("rootflags=subvol=root",))
    for before, after in (
        ("", 'GRUB_CMDLINE_LINUX="rootflags=subvol=root"\n'),
        ('GRUB_CMDLINE_LINUX="root=UUID=1 a"\n', 'GRUB_CMDLINE_LINUX="rootflags=subvol=root a"\n'),
    ):
        assert rewrite_defaults(before.encode(), subvolume)[0].decode() == after + DEVICE + OFF


def test_a_menu_that_names_partitions_by_their_uuid_does_so_no_more() -> None:
    before = b"GRUB_DISABLE_LINUX_PARTUUID=false\nGRUB_DEVICE=/dev/sda1\n"
    after = f"GRUB_DISABLE_LINUX_PARTUUID=true\n{DEVICE}{OFF}"
    assert rewrite_defaults(before, PARAMETERS)[0].decode() == after


@pytest.mark.parametrize(
    "line",
    [
        'GRUB_CMDLINE_LINUX="a',
        'GRUB_CMDLINE_LINUX="a"; b',
        "GRUB_CMDLINE_LINUX=`cat /cmdline`",
        'GRUB_CMDLINE_LINUX="$(cat "/cmdline")"',
        "GRUB_CMDLINE_LINUX='a'\"b\"",
        "GRUB_CMDLINE_LINUX=a b",
    ],
)
def test_a_line_that_only_the_shell_understands_is_refused_by_number(line: str) -> None:
    with pytest.raises(ConfigError) as refused:
        rewrite_defaults(f"# first\n{line}\n".encode(), PARAMETERS)
    assert refused.value.message == f"/etc/default/grub: line 2 cannot be understood: {line}"


def test_a_file_that_is_no_text_is_refused() -> None:
    with pytest.raises(ConfigError, match="/etc/default/grub is no text"):
        rewrite_defaults(b"GRUB_TIMEOUT=1\n\0", PARAMETERS)


def test_characters_of_another_encoding_survive() -> None:
    before = b'# \xff\nGRUB_CMDLINE_LINUX="a"\n'
    assert rewrite_defaults(before, PARAMETERS)[0].startswith(b"# \xff\n")


def test_an_entry_changes_in_its_options_only() -> None:
    done = rewrite_entry(ENTRY, PARAMETERS, OWN, FILES)
    assert done.text == ENTRY.replace(f"root=UUID={UUID}", ROOT).replace(" rd.lvm.lv=fedora/root", "")
    assert done.dropped == ("rd.lvm.lv=fedora/root",)


def test_an_entry_follows_boot_into_the_roots_file_system() -> None:
    text = rewrite_entry(ENTRY, PARAMETERS, SHARED, FILES).text
    assert f"linux /boot/vmlinuz-{RELEASE}\n" in text
    assert f"initrd /boot/initramfs-{RELEASE}.img $tuned_initrd\n" in text
    assert (
        rewrite_entry(text, PARAMETERS, OWN, FILES).text == rewrite_entry(ENTRY, PARAMETERS, OWN, FILES).text
    )


@pytest.mark.parametrize(
    ("initrd", "expected"),
    [
        ("", f"initrd /initramfs-{RELEASE}.img\n"),
        (f"initrd /initrd.img-{RELEASE}\n", f"initrd /initramfs-{RELEASE}.img\n"),
        ("initrd /gone.img $tuned_initrd\n", f"initrd /initramfs-{RELEASE}.img $tuned_initrd\n"),
        ("initrd /ucode.img /gone.img\n", "initrd /ucode.img /gone.img\n"),
    ],
)
def test_an_entry_without_an_image_that_is_there_gets_its_kernels(initrd: str, expected: str) -> None:
    entry = f"version {RELEASE}\nlinux /vmlinuz-{RELEASE}\n{initrd}options {ROOT}\n"
    done = rewrite_entry(entry, PARAMETERS, None, {*FILES, "ucode.img"})
    assert done.text == f"version {RELEASE}\nlinux /vmlinuz-{RELEASE}\n{expected}options {ROOT}\n"


def test_an_entry_of_an_entry_folder_keeps_its_paths() -> None:
    entry = f"version {RELEASE}\nlinux /id/{RELEASE}/linux\ninitrd /id/{RELEASE}/initrd\noptions {ROOT}\n"
    assert rewrite_entry(entry, PARAMETERS, SHARED, FILES).text == entry


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("options $kernelopts $tuned_params\n", "options $kernelopts $tuned_params\n"),
        ("options root=UUID=1 $kernelopts\n", "options $kernelopts\n"),
        ("options root=UUID=1 a\noptions root=UUID=2 b\n", f"options {ROOT} a\noptions b\n"),
        ("", f"options {ROOT}\n"),
    ],
)
def test_variables_and_several_lines_of_options(options: str, expected: str) -> None:
    assert rewrite_entry(f"title a\n{options}", PARAMETERS, None, ()).text == f"title a\n{expected}"


def test_an_environment_block_keeps_its_size_and_other_variables() -> None:
    content, dropped = rewrite_environment(environment_block(), PARAMETERS, Path("/grubenv"))
    wanted = ENVIRONMENT.replace(f"root=UUID={UUID} ro resume=UUID=swap rhgb quiet ", f"{ROOT} ro rhgb quiet")
    assert content == environment_block(wanted)
    assert dropped == ("resume=UUID=swap",)


def test_an_environment_block_without_options_is_left_alone() -> None:
    block = environment_block("# GRUB Environment Block\nsaved_entry=1\n")
    assert rewrite_environment(block, PARAMETERS, Path("/grubenv")) == (block, ())


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (b"", "/grubenv is no environment block of GRUB"),
        (b"\0" * 1024, "/grubenv is no environment block of GRUB"),
        (
            b"# GRUB Environment Block\nkernelopts=" + b"x" * 980 + b"\n###",
            "kernelopts do not fit into the 1020 bytes of /grubenv",
        ),
    ],
)
def test_an_environment_block_that_cannot_hold_it_is_refused(block: bytes, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        rewrite_environment(block, PARAMETERS, Path("/grubenv"))
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("text", "boot", "expected"),
    [
        (FEDORA_STUB, OWN, FEDORA_STUB.replace(UUID, NEW_UUID)),
        (
            FEDORA_STUB,
            SHARED,
            FEDORA_STUB.replace(UUID, NEW_UUID).replace("($dev)/grub2", "($dev)/boot/grub2"),
        ),
        (DEBIAN_STUB, SHARED, DEBIAN_STUB.replace(UUID, NEW_UUID)),
        (DEBIAN_STUB, OWN, DEBIAN_STUB.replace(UUID, NEW_UUID).replace("/boot/grub", "/grub")),
        (f"search --fs-uuid {UUID}\nlinux /vmlinuz\n", OWN, f"search --fs-uuid {UUID}\nlinux /vmlinuz\n"),
        ("configfile /other.cfg\n", OWN, "configfile /other.cfg\n"),
    ],
)
def test_the_small_configuration_on_the_esp_finds_the_new_boot(
    text: str, boot: BootFileSystem, expected: str
) -> None:
    assert rewrite_stub(text, boot) == expected


def test_fedora_gets_its_root_everywhere_and_its_menu_made_anew(tmp_path: Path) -> None:
    planned = plan_grub_config(make_fedora(tmp_path), PARAMETERS, OWN)
    found = contents(planned)
    assert list(found) == [
        "etc/default/grub",
        "etc/kernel/cmdline",
        ENTRY_FILE,
        "boot/grub2/grubenv",
        "boot/efi/EFI/fedora/grub.cfg",
        "boot/grub2/device.map",
        "etc/rpm/macros.aoeinit",
    ]
    assert found["etc/kernel/cmdline"] == f"{ROOT} ro rhgb quiet\n".encode()
    assert found["boot/grub2/device.map"] is None
    assert found["etc/rpm/macros.aoeinit"] == b"%_netsharedpath /boot/efi/EFI/BOOT/fbx64.efi\n"
    assert [each.words for each in planned.commands] == [("grub2-mkconfig", "-o", "/boot/grub2/grub.cfg")]
    assert all(each.inside for each in planned.commands)
    assert len(planned.plan.warnings) == 3


def test_nothing_remains_to_change_and_undo_puts_every_byte_back(tmp_path: Path) -> None:
    fedora, untouched = make_fedora(tmp_path / "fedora"), make_fedora(tmp_path / "untouched")
    carry_out(fedora, plan_grub_config(fedora, PARAMETERS, OWN))
    assert plan_grub_config(fedora, PARAMETERS, OWN).plan.changes == ()
    undo = plan_grub_undo(fedora)
    assert [each.words[0] for each in undo.commands] == ["grub2-mkconfig"]
    carry_out(fedora, undo)
    for folder in ("etc/rpm", "var"):
        shutil.rmtree(fedora / folder)
    assert snapshot(fedora) == snapshot(untouched)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def test_the_entry_of_a_kernel_that_was_removed_is_not_put_back(tmp_path: Path) -> None:
    fedora = make_fedora(tmp_path)
    carry_out(fedora, plan_grub_config(fedora, PARAMETERS, OWN))
    (fedora / ENTRY_FILE).unlink()
    undo = plan_grub_undo(fedora)
    assert ENTRY_FILE not in contents(undo)
    assert undo.plan.warnings == ()


def test_undo_without_a_record_does_nothing(tmp_path: Path) -> None:
    undo = plan_grub_undo(make_fedora(tmp_path))
    assert (undo.plan.changes, undo.commands) == ((), ())


def test_a_link_stays_and_what_it_leads_to_changes(tmp_path: Path) -> None:
    fedora = make_fedora(tmp_path)
    (fedora / "boot/grub2/grubenv").rename(fedora / "boot/efi/EFI/fedora/grubenv")
    (fedora / "boot/grub2/grubenv").symlink_to("/boot/efi/EFI/fedora/grubenv")
    assert "boot/efi/EFI/fedora/grubenv" in contents(plan_grub_config(fedora, PARAMETERS, OWN))


@pytest.mark.parametrize("path", ["boot/grub2/grubenv", ENTRY_FILE, "etc/default/grub", "etc/kernel/cmdline"])
def test_a_link_to_nothing_is_refused(tmp_path: Path, path: str) -> None:
    fedora = make_fedora(tmp_path)
    (fedora / path).unlink(missing_ok=True)
    (fedora / path).symlink_to("/not/mounted")
    with pytest.raises(AoeinitError, match=f"/{path} is a link to /not/mounted, and nothing is there"):
        plan_grub_config(fedora, PARAMETERS, OWN)


def test_what_is_no_entry_and_no_drop_in_is_left_alone(tmp_path: Path) -> None:
    fedora = make_fedora(tmp_path)
    (fedora / "boot/loader/entries/old").mkdir()
    (fedora / "etc/default/grub.d").mkdir()
    (fedora / "etc/default/grub.d/gone.cfg").symlink_to("/not/there")
    (fedora / "etc/default/grub.d/folder.cfg").mkdir()
    assert plan_grub_config(fedora, PARAMETERS, OWN).plan.changes


def test_without_the_file_system_of_boot_what_names_it_stays(tmp_path: Path) -> None:
    fedora = make_fedora(tmp_path)
    assert names_boot(fedora)
    assert "boot/efi/EFI/fedora/grub.cfg" not in contents(plan_grub_config(fedora, PARAMETERS))


def test_comments_and_several_lines_of_the_kernels_command_line(tmp_path: Path) -> None:
    fill(tmp_path, {"etc/kernel/cmdline": "# mine\n\nro root=UUID=1\nquiet root=UUID=2"})
    planned = plan_grub_config(tmp_path, PARAMETERS)
    assert contents(planned) == {"etc/kernel/cmdline": f"# mine\n\nro {ROOT}\nquiet".encode()}
    assert planned.commands == ()


def test_debian_is_warned_of_what_has_the_last_word(tmp_path: Path) -> None:
    debian = make_debian(tmp_path)
    fill(
        debian,
        {
            "etc/default/grub.d/cloud.cfg": 'GRUB_CMDLINE_LINUX_DEFAULT="console=ttyS0"\n',
            "etc/default/grub.d/quiet.cfg": "# GRUB_CMDLINE_LINUX=\nGRUB_TIMEOUT=0\n",
            "etc/default/grub.d/root.cfg": "GRUB_FORCE_PARTUUID=1234\n",
            "boot/initrd.img-6.1": "",
            "boot/initramfs-6.1.img": "",
        },
    )
    last_word, forced, rival = plan_grub_config(debian, PARAMETERS).plan.warnings
    assert last_word.startswith("/etc/default/grub.d/cloud.cfg sets GRUB_CMDLINE_LINUX, too")
    assert forced.startswith("/etc/default/grub.d/root.cfg sets GRUB_FORCE_PARTUUID, too")
    assert rival.startswith("GRUB takes /boot/initrd.img-6.1 rather than /boot/initramfs-6.1.img:")


def test_a_system_without_a_boot_loader_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has neither GRUB nor boot entries"):
        plan_grub_config(tmp_path, PARAMETERS)
