import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from aoeinit.errors import ConfigError
from aoeinit.install.command import Command
from aoeinit.install.migrate import rewriting
from aoeinit.install.migrate.handover import firmware_advice, server_lines
from aoeinit.install.migrate.layout import lay_out
from aoeinit.install.migrate.layout_file import read_layout
from aoeinit.install.migrate.plan import Action, Files
from aoeinit.install.state import Change
from tests.unit.migrate_samples import (
    DISK,
    E11,
    GIB,
    MIB,
    debian,
    fedora_btrfs,
    migration_of,
    mounted,
    source_of,
)

FSTAB = """\
# by the installer
#
UUID=a1 /     ext4 errors=remount-ro 0 1
UUID=a2 /boot ext4 defaults 0 2
UUID=a3 none  swap sw 0 0
"""
ONE = '[[partition]]\nmount = "/"\nsize = "rest"\n'


def put(sysroot: Path, path: str, text: str = "") -> None:
    file = sysroot / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.fixture
def sysroot(tmp_path: Path) -> Path:
    put(tmp_path, "etc/fstab", FSTAB)
    put(tmp_path, "etc/default/grub", 'GRUB_CMDLINE_LINUX=""\n')
    put(tmp_path, "usr/sbin/grub-install")
    put(tmp_path, "usr/sbin/grub-mkconfig")
    put(tmp_path, "usr/sbin/debconf-set-selections")
    put(tmp_path, "usr/bin/debconf-set-selections")
    put(tmp_path, "boot/grub/grub.cfg")
    put(tmp_path, "usr/lib/grub/i386-pc/moddep.lst")
    return tmp_path


def changes(actions: Iterable[Action]) -> dict[str, Change]:
    return {
        change.path: change for action in actions if isinstance(action, Files) for change in action.changes
    }


def content(change: Change) -> str:
    assert change.after
    return change.after.content.decode()


def test_fstab_names_the_partitions_of_the_target(sysroot: Path) -> None:
    text = content(changes(rewriting.fstab(sysroot, migration_of(debian())))["etc/fstab"])
    assert text.splitlines() == [
        "# by the installer",
        "#",
        "/dev/etherd/e11.0p3 /     ext4 errors=remount-ro 0 1",
        "/dev/etherd/e11.0p1 /boot ext4 defaults 0 2",
        "/dev/etherd/e11.0p2 none  swap sw 0 0",
    ]


def test_a_line_whose_file_system_became_a_part_of_another_becomes_a_comment(sysroot: Path) -> None:
    source = debian()
    asked = read_layout(ONE.encode(), source, "layout.toml")
    migration = migration_of(source, lay_out(asked.wanted, DISK.size, firmware="bios"))
    found = tuple(rewriting.fstab(sysroot, migration))
    lines = content(changes(found)["etc/fstab"]).splitlines()
    assert lines[2].startswith("/dev/etherd/e11.0p1 / ")
    assert lines[3] == "# is a part of another file system now: UUID=a2 /boot ext4 defaults 0 2"
    assert lines[4] == "# has no partition any more: UUID=a3 none  swap sw 0 0"
    warnings = [each for action in found if isinstance(action, Files) for each in action.warnings]
    assert warnings == []


def test_a_file_system_that_is_new_gets_a_line_and_so_does_swap(sysroot: Path) -> None:
    text = ONE + "".join(
        f'[[partition]]\nmount = "{point}"\nsize = "1G"\n' for point in ("/boot", "/home", "swap", "swap")
    )
    source = debian()
    asked = read_layout(text.encode(), source, "layout.toml")
    migration = migration_of(source, lay_out(asked.wanted, DISK.size, firmware="bios", table="gpt"))
    found = tuple(rewriting.fstab(sysroot, migration))
    assert content(changes(found)["etc/fstab"]).splitlines()[2:] == [
        "/dev/etherd/e11.0p2 /     ext4 errors=remount-ro 0 1",
        "/dev/etherd/e11.0p3 /boot ext4 defaults 0 2",
        "/dev/etherd/e11.0p5 none  swap sw 0 0",
        "/dev/etherd/e11.0p4 /home ext4 defaults 0 2",
        "/dev/etherd/e11.0p6 none swap sw 0 0",
    ]
    warnings = [each for action in found if isinstance(action, Files) for each in action.warnings]
    assert not any("no line" in each for each in warnings)


def warnings_of(actions: Iterable[Action]) -> list[str]:
    return [each for action in actions if isinstance(action, Files) for each in action.warnings]


@pytest.mark.parametrize(
    ("options", "fitting"),
    [
        ("rw,noatime,subvolid=257,subvol=/home", "rw,noatime,subvol=/home"),
        ("subvolid=257", "subvol=/home"),
        ("compress=zstd:1,subvolid=257", "compress=zstd:1,subvol=/home"),
        ("subvol=home,ssd", "subvol=home,ssd"),
        ("defaults", "defaults"),
    ],
)
def test_a_subvolume_is_named_as_its_number_is_not_kept(sysroot: Path, options: str, fitting: str) -> None:
    other = "UUID=z  /srv  btrfs  subvolid=300,subvol=/srv 0 0"
    put(
        sysroot, "etc/fstab", f"UUID=b / btrfs subvol=root 0 0\nUUID=b\t/home btrfs {options}  0 0\n{other}\n"
    )
    found = list(rewriting.fstab(sysroot, migration_of(fedora_btrfs())))
    lines = content(changes(found)["etc/fstab"]).splitlines()
    assert lines[0].endswith(" / btrfs subvol=root 0 0")
    assert lines[1].endswith(f"\t/home btrfs {fitting}  0 0")
    assert lines[2] == other
    assert not any("subvolid" in each for each in warnings_of(found))


def test_the_top_level_of_a_btrfs_keeps_its_number(sysroot: Path) -> None:
    put(sysroot, "etc/fstab", "UUID=b / btrfs subvolid=5,ssd 0 0\n")
    source = source_of([mounted("/", "/dev/vda1", "btrfs", options="rw,subvolid=5,subvol=/")])
    text = content(changes(rewriting.fstab(sysroot, migration_of(source)))["etc/fstab"])
    assert text == "/dev/etherd/e11.0p1 / btrfs subvolid=5,ssd 0 0\n"


@pytest.mark.parametrize(
    ("kind", "options", "line"),
    [
        ("ext4", "errors=remount-ro", "xfs defaults 0 1"),
        ("auto", "data=ordered,noatime,x-systemd.growfs", "auto noatime,x-systemd.growfs 0 1"),
        ("ext4", "defaults", "xfs defaults 0 1"),
    ],
)
def test_another_type_gets_only_options_that_every_type_takes(
    sysroot: Path, kind: str, options: str, line: str
) -> None:
    put(sysroot, "etc/fstab", f"UUID=a1 / {kind} {options} 0 1\n")
    source = debian()
    asked = read_layout(f'{ONE}filesystem = "xfs"\n'.encode(), source, "layout.toml")
    found = list(
        rewriting.fstab(sysroot, migration_of(source, lay_out(asked.wanted, DISK.size, firmware="bios")))
    )
    assert content(changes(found)["etc/fstab"]) == f"/dev/etherd/e11.0p1 / {line}\n"
    assert not any("takes the options" in each for each in warnings_of(found))


def test_a_system_without_fstab_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="etc/fstab is not there"):
        list(rewriting.fstab(tmp_path, migration_of(debian())))


def test_every_image_gets_to_know_the_target_once(sysroot: Path) -> None:
    migration = migration_of(debian())
    change = changes(rewriting.configuration(sysroot, migration))["etc/aoeinit.d/50-target.toml"]
    assert 'target = "e11.0"' in content(change)
    put(sysroot, "etc/aoeinit.toml", 'target = "e11.0"\n')
    assert list(rewriting.configuration(sysroot, migration)) == []


def test_large_frames_stay_large_and_the_agent_starts_with_them(sysroot: Path) -> None:
    put(sysroot, "usr/lib/udev/rules.d/50-default.rules")
    put(sysroot, "etc/systemd/network/lan.network", "[Match]\nName=enp0s3\n[Link]\nMTUBytes=9000\n")
    put(sysroot, "etc/systemd/network/lan.link", "[Match]\nOriginalName=*\n[Link]\nMTUBytes=9000\n")
    large = replace(migration_of(debian()), mtu=9000)
    assert not any("MTU" in each for each in warnings_of(list(rewriting.network(sysroot, large))))
    assert warnings_of(list(rewriting.network(sysroot, replace(large, mtu=1500))))
    for migration, added in ((large, True), (replace(large, mtu=1500), False)):
        text = content(changes(list(rewriting.grub(sysroot, migration)))["etc/default/grub"])
        assert ('GRUB_CMDLINE_LINUX="rd.aoe.mtu=9000"' in text) == added


def test_grub_is_put_on_the_target_and_told_the_root(sysroot: Path) -> None:
    actions = list(rewriting.grub(sysroot, migration_of(debian())))
    assert 'GRUB_DEVICE="/dev/etherd/e11.0p3"' in content(changes(actions)["etc/default/grub"])
    words = [action.words for action in actions if isinstance(action, Command)]
    assert ("grub-install", "--target=i386-pc", "--recheck", "/dev/etherd/e11.0") in words
    assert words[-1][0] == "grub-mkconfig"


def test_a_btrfs_root_is_mounted_by_its_subvolume(sysroot: Path) -> None:
    migration = migration_of(replace(fedora_btrfs(), firmware="bios"))
    text = content(changes(rewriting.grub(sysroot, migration))["etc/default/grub"])
    assert "rootflags=subvol=root" in text


def test_packages_are_told_the_targets_own_name_also_on_the_server(sysroot: Path) -> None:
    migration = replace(migration_of(debian()), disk=replace(DISK, node="/dev/loop7"))
    actions = [action for action in rewriting.grub(sysroot, migration) if isinstance(action, Command)]
    assert any("/dev/loop7" in action.words for action in actions)
    told = b"".join(action.input for action in actions)
    assert b"/dev/etherd/e11.0" in told
    assert b"/dev/loop7" not in told


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("SELINUX=enforcing\n", True),
        ("# SELINUX= x\nSELINUX = permissive\n", True),
        ("SELINUX=disabled\n", False),
        (None, False),
    ],
)
def test_labels_are_asked_for_where_selinux_is_in_use(
    sysroot: Path, text: str | None, *, asked: bool
) -> None:
    if text is not None:
        put(sysroot, "etc/selinux/config", text)
    assert (".autorelabel" in changes(rewriting.relabel(sysroot))) == asked


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no partitions"),
        ("partition = 3", "has no partitions"),
        ("[[partition]]\nmount=", "is not TOML"),
        ('table = "mbr"\n' + ONE, "table is 'mbr'"),
        ("disk = 1\n" + ONE, "unknown key 'disk'"),
        ('[[partition]]\nmount = "/boot"\nsize = "1G"', "no partition for /"),
        (ONE + ONE, "mounts / twice"),
        ("table = []\n" + ONE, r"table is \[\]"),
        *(
            (ONE + f'[[partition]]\nmount = "{point}"\nsize = "1G"', "partition 2: mount is ")
            for point in ("/a b", "/a/../b", "//home", "/home/", "/./x", "")
        ),
        (ONE + '[[partition]]\nmount = "/home"\nsize = "rest"', "the rest to several"),
        (ONE + '[[partition]]\nmount = "home"\nsize = "1G"', "partition 2: mount is 'home'"),
        (ONE + '[[partition]]\nmount = "/home"\nsize = "much"', "partition 2: size is 'much'"),
        (ONE + '[[partition]]\nmount = "/home"', "partition 2: size is ''"),
        (ONE + '[[partition]]\nmount = "/home"\nsize = "1G"\nfilesystem = "ntfs"', "filesystem is 'ntfs'"),
        (ONE + '[[partition]]\nmount = "/boot"\nsize = "20M"', "/boot needs 130 MiB, and gets 20"),
        (ONE + '[[partition]]\nmount = "swap"\nsize = "1G"\nuse = 1', "partition 2: unknown key 'use'"),
    ],
)
def test_a_layout_that_cannot_be_meant_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        read_layout(text.encode(), debian(), "layout.toml")


def test_a_file_system_may_be_split_into_parts_smaller_than_itself() -> None:
    source = source_of([mounted("/", "/dev/sda1", used=100 * GIB, size=200 * GIB)])
    text = '[[partition]]\nmount = "/"\nsize = "30G"\n[[partition]]\nmount = "/home"\nsize = "rest"\n'
    asked = read_layout(text.encode(), source, "layout.toml")
    layout = lay_out(asked.wanted, 150 * GIB, firmware="bios")
    assert [each.size // GIB for each in layout.partitions] == [30, 119]


def test_what_is_not_split_has_to_fit() -> None:
    source = source_of(
        [mounted("/", "/dev/sda1"), mounted("/var", "/dev/sda2", used=9 * GIB)], fstab=["/", "/var"]
    )
    text = ONE + '[[partition]]\nmount = "/var"\nsize = "5G"\n'
    with pytest.raises(ConfigError, match="/var needs"):
        read_layout(text.encode(), source, "layout.toml")
    cut = text + '[[partition]]\nmount = "/var/lib"\nsize = "5G"\n'
    assert [each.used for each in read_layout(cut.encode(), source, "x").wanted] == [GIB, 0, 0]


def test_a_layout_keeps_types_and_subvolumes_and_may_give_others() -> None:
    text = (
        ONE
        + '[[partition]]\nmount = "/boot/efi"\nsize = "100M"\n[[partition]]\nmount = "swap"\nsize = "2G"\n'
    )
    text += '[[partition]]\nmount = "/boot"\nsize = "1G"\nfilesystem = "xfs"\nlabel = "start"\n'
    asked = read_layout(text.encode(), fedora_btrfs(), "layout.toml")
    layout = lay_out(asked.wanted, 20 * GIB, firmware="efi")
    assert [(each.name, each.filesystem, each.label) for each in layout.partitions] == [
        ("/", "btrfs", "root"),
        ("/boot/efi", "vfat", "BOOT-EFI"),
        ("swap", "swap", "swap"),
        ("/boot", "xfs", "start"),
    ]
    assert [volume.point for volume in layout.root.volumes] == ["/", "/home"]
    assert layout.root.size == 20 * GIB - (100 + 2048 + 1024 + 2) * MIB


def test_the_server_gets_all_that_admits_the_machine() -> None:
    text = "\n".join(server_lines(E11, "52:54:00:11:00:01"))
    assert "vblade -m 52:54:00:11:00:01 11 0 " in text
    assert 'dhcp-option=tag:e11.0,option:root-path,"aoe:e11.0"' in text
    assert 'filename "";' in text
    assert "BIOS" in "\n".join(firmware_advice("bios"))
    assert "UEFI" in "\n".join(firmware_advice("efi"))


def test_the_layout_in_the_documentation_is_one() -> None:
    text = (Path(__file__).parents[2] / "docs/how-to.md").read_text()
    (example,) = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    asked = read_layout(example.encode(), debian(), "layout.toml")
    assert asked.table == "gpt"
    assert [each.label for each in asked.wanted] == ["boot", "swap", "root"]
