"""Faults planted one at a time in a system that has none: each is found, and graded."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from aoeinit.cli.doctor_facts import gather
from aoeinit.install.migrate.source import Source
from aoeinit.install.migrate.steps import steps
from aoeinit.install.migrate.titles import title_of
from tests.unit import doctor_samples as sample
from tests.unit.doctor_faults import FAULTS, FSTAB, INTERFACES, LINUX, both, migration, removed
from tests.unit.doctor_samples import IMAGE, KERNEL, MENU, respell, run_doctor
from tests.unit.kernel_samples import FOLDER, RELEASE
from tests.unit.migrate_samples import debian, fedora_btrfs, fedora_lvm, migration_of


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample.make_system(tmp_path_factory.mktemp("good") / "system")


@pytest.fixture
def sysroot(good: Path, tmp_path: Path) -> Path:
    """A copy of the good system, with the time stamps that it has."""
    shutil.copytree(good.parent, tmp_path / "copy", symlinks=True)
    return tmp_path / "copy" / good.name


def test_a_good_system_has_no_finding(sysroot: Path) -> None:
    code, text = run_doctor(sysroot, "--json")
    assert (code, json.loads(text)["findings"]) == (0, [])
    assert run_doctor(sysroot)[1].endswith(f"{sysroot}: nothing found that keeps it from booting\n")


def test_what_may_not_be_read_is_no_fault(sysroot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aoeinit.cli.doctor_facts.os.access", lambda _path, _mode: False)
    system, findings, left_out = gather(sysroot, None)
    assert (dict(system.images), findings) == ({}, [])
    assert f"{sysroot / IMAGE}: only root may read it" in left_out


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(name: str, sysroot: Path) -> None:
    fault = FAULTS[name]
    fault.plant(sysroot)
    code, text = run_doctor(sysroot, "--json")
    findings = json.loads(text)["findings"]
    found = [each for each in findings if fault.what in each["what"]]
    assert found, findings
    assert [each["level"] for each in found] == ["error" if fault.fatal else "warning"]
    assert "as it says" not in [each["fix"] for each in findings]
    assert code == fault.fatal


def test_a_migration_that_was_cut_short_is_all_that_is_told(sysroot: Path) -> None:
    both(migration('["table", "copy /"]'), removed(IMAGE, FSTAB))(sysroot)
    code, text = run_doctor(sysroot)
    assert code == 1
    assert text.splitlines()[:2] == [
        "error: the migration to e11.0 was not finished: it ended after the step 'copy /'",
        "  fix: on the machine that it is copied from: aoeinit migrate --target e11.0 --resume",
    ]
    assert "not looked at: everything else: a migration that goes on does what is left to be done" in text
    assert text.endswith(f"{sysroot}: would not boot: 1 error\n")


def test_the_menu_of_another_system_is_made_by_a_command_that_mounts_what_it_needs(sysroot: Path) -> None:
    (sysroot / KERNEL).unlink()
    assert f"  fix: aoeinit grub config --sysroot {sysroot}\n" in run_doctor(sysroot)[1]


def test_the_way_out_of_a_bridge_is_told_once_and_as_such(sysroot: Path) -> None:
    FAULTS["interface in a bridge"].plant(sysroot)
    lines = run_doctor(sysroot)[1].splitlines()
    (at,) = [number for number, line in enumerate(lines) if "becomes part of br0" in line]
    assert lines[at].endswith("AoE frames no longer reach the driver, and the root is lost")
    assert lines[at + 1].startswith("  fix: give that another card")


def test_a_warning_that_says_all_has_no_fix(sysroot: Path) -> None:
    shutil.copy(sysroot / IMAGE, sysroot / f"boot/initramfs-{RELEASE}.img")
    lines = run_doctor(sysroot)[1].splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.startswith("warning: GRUB takes")]
    assert not lines[at + 1].startswith("  fix:")


@pytest.mark.parametrize("system", [debian, fedora_lvm, fedora_btrfs])
def test_steps_are_named_as_the_migration_shows_them(system: Callable[[], Source]) -> None:
    for step in steps(migration_of(system())):
        assert step.what.partition(" by ")[0] == title_of(step.name)


@pytest.mark.parametrize(
    ("words", "level"),
    [("rd.aoe=e12.0", "warning"), ("rd.aoe=e12.0x", "error"), ("", "error")],
)
def test_the_target_of_the_image_counts_where_the_command_line_names_none(
    words: str, level: str, sysroot: Path
) -> None:
    respell(sysroot, "etc/aoeinit.toml", "e11.0", "e12.0")
    respell(sysroot, MENU, LINUX, f"root=UUID=aaaa {words} ro")
    findings = json.loads(run_doctor(sysroot, "--json")[1])["findings"]
    told = [each["level"] for each in findings if "is for target e11.0, not e12.0" in each["what"]]
    assert told == [level]


@pytest.mark.parametrize(
    ("words", "target"),
    [
        ("root=/dev/etherd/e12.0p2 rd.aoe=e13.0", "e12.0"),
        ("root=UUID=aaaa rd.aoe=e13.0,e11.0", "e11.0"),
        ("root=UUID=aaaa rd.aoe=e13.0", "e14.0"),
        ("root=UUID=aaaa", "e14.0"),
    ],
)
def test_the_target_is_the_one_that_the_agent_would_take(words: str, target: str, sysroot: Path) -> None:
    respell(sysroot, "etc/aoeinit.toml", "e11.0", "e14.0")
    respell(sysroot, MENU, LINUX, f"{words} ro")
    system, findings, _ = gather(sysroot, None)
    assert str(system.target) == target
    told = f"target = e14.0 in /etc/aoeinit.toml, and the next boot takes {target}"
    assert (told in [each.what for each in findings]) == (target != "e14.0")


def test_a_test_of_the_memory_needs_no_image(sysroot: Path) -> None:
    menu = sysroot / MENU
    (sysroot / "boot/memtest86+x64.bin").touch()
    menu.write_text(menu.read_text() + "menuentry 'Memory test' {\n\tlinux /memtest86+x64.bin\n}\n")
    code, text = run_doctor(sysroot, "--json")
    assert (code, json.loads(text)["findings"]) == (0, [])


READ = (
    *("etc/fstab", "etc/aoeinit.toml", "etc/default/grub", "etc/os-release", INTERFACES, MENU),
    *(sample.GRUBENV, IMAGE, KERNEL, "var/lib/aoeinit/network.json", "etc/systemd/network/00-aoeinit.link"),
    *("etc/kernel/postinst.d/initramfs-aoeinit", f"{FOLDER}/modules.dep", f"{FOLDER}/modules.alias"),
    *("boot/efi/EFI/Linux/a.efi", "boot/loader/entries/a.conf", "etc/aoeinit/migrate.json", "sbin/init"),
)


def garbage(file: Path) -> None:
    file.write_bytes(bytes(range(256)) * 9)


def loop(file: Path) -> None:
    file.symlink_to(file.name)


@pytest.mark.parametrize("become", [garbage, loop])
@pytest.mark.parametrize("path", READ)
def test_no_file_makes_it_fail(path: str, become: Callable[[Path], None], sysroot: Path) -> None:
    file = sysroot / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    become(file)
    code, text = run_doctor(sysroot)
    assert code in {0, 1}
    assert f"{sysroot}: " in text.splitlines()[-1]
