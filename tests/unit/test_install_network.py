"""The plan that keeps the interface under the root up: what it adds, and that it can be undone."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aoeinit.errors import AoeinitError, ConfigError
from aoeinit.install.network.interface import BootInterface
from aoeinit.install.network.links import recorded
from aoeinit.install.network.plan import RECORD, plan_network, plan_undo
from aoeinit.install.record import ChangePlan, record_text
from aoeinit.install.state import Change, Present
from aoeinit.system.changes import apply, remove_folders
from tests.unit.network_samples import BOOT, INTERFACES, LINK, MAC, make_debian
from tests.unit.tree_samples import put, tree

OTHER = BootInterface("lan-0", "52:54:00:11:00:02")
RULES = "etc/udev/rules.d/61-aoeinit-etherd.rules"
MANAGER = "etc/NetworkManager/conf.d/zz-aoeinit.conf"
OWN = "etc/network/interfaces.d/aoeinit"
UNIT = "etc/systemd/system/ifup@enp1s0.service.d/aoeinit.conf"
MASKS = {
    f"etc/systemd/system/{name}.target"
    for name in ("sleep", "suspend", "hibernate", "hybrid-sleep", "suspend-then-hibernate")
}


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    return make_debian(tmp_path)


def carry_out(sysroot: Path, plan: ChangePlan) -> None:
    for change in plan.changes:
        apply(sysroot, change)
    record = Present(record_text(plan.record), 0o600) if plan.record.changes else None
    apply(sysroot, Change(RECORD, None, record, ""))
    if record is None:
        remove_folders(sysroot, plan.record.folders)


def contents(plan: ChangePlan) -> dict[str, str | None]:
    return {each.path: each.after.content.decode() if each.after else None for each in plan.changes}


def test_a_debian_gets_files_of_its_own_and_no_warning(debian: Path) -> None:
    plan = plan_network(debian, BOOT)
    assert {each.path for each in plan.changes} == {LINK, RULES, MANAGER, OWN, UNIT} | MASKS
    assert all(each.before is None for each in plan.changes)
    assert plan.warnings == ()


def test_each_file_names_the_interface(debian: Path) -> None:
    found = contents(plan_network(debian, BOOT))
    assert f"[Match]\nMACAddress={MAC}\nType=ether\n" in str(found[LINK])
    assert "NamePolicy=keep\nName=enp1s0\n" in str(found[LINK])
    assert f"match-device=mac:{MAC};interface-name:=enp1s0\n" in str(found[MANAGER])
    assert str(found[OWN]).endswith("\nno-auto-down enp1s0\n")
    assert {found[mask] for mask in MASKS} == {"/dev/null"}


def test_only_what_is_there_gets_a_file(tmp_path: Path) -> None:
    put(tmp_path, "lib/systemd/systemd", mode=0o755)
    assert {each.path for each in plan_network(tmp_path, BOOT).changes} == MASKS


def test_a_folder_that_is_no_system_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="neither udev nor a network service"):
        plan_network(tmp_path, BOOT)


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("source /etc/network/interfaces.d/*", OWN),
        ("source interfaces.d/*", OWN),
        ("source-directory /etc/network/interfaces.d", OWN),
        ("source-directory interfaces.d/", OWN),
        ("source /etc/network/interfaces.d/*.cfg", INTERFACES),
        ("# source /etc/network/interfaces.d/*", INTERFACES),
        ("source", INTERFACES),
        ("", INTERFACES),
    ],
)
def test_ifupdown_gets_a_file_where_it_would_be_read(debian: Path, line: str, where: str) -> None:
    put(debian, INTERFACES, f"{line}\nauto enp1s0\n")
    found = contents(plan_network(debian, BOOT))
    assert [path for path in (OWN, INTERFACES) if path in found] == [where]
    assert str(found[where]).endswith("\nno-auto-down enp1s0\n")


@pytest.mark.parametrize("end", ["", "\n", "\\", "\\\n"])
def test_a_line_added_to_a_file_never_continues_another(debian: Path, end: str) -> None:
    put(debian, INTERFACES, f"auto enp1s0{end}", mode=0o640)
    carry_out(debian, plan_network(debian, BOOT))
    text = (debian / INTERFACES).read_text()
    assert "no-auto-down enp1s0" in text.replace("\\\n", "").split("\n")
    assert (debian / INTERFACES).stat().st_mode & 0o777 == 0o640


def test_a_second_run_changes_nothing(debian: Path) -> None:
    carry_out(debian, plan_network(debian, BOOT))
    assert plan_network(debian, BOOT).changes == ()


def test_a_run_for_another_interface_takes_back_what_was_for_the_first(debian: Path) -> None:
    before = tree(debian)
    carry_out(debian, plan_network(debian, BOOT))
    plan = plan_network(debian, OTHER)
    carry_out(debian, plan)
    assert contents(plan)[UNIT] is None
    assert r"etc/systemd/system/ifup@lan\x2d0.service.d/aoeinit.conf" in contents(plan)
    assert recorded(debian) == OTHER
    carry_out(debian, plan_undo(debian))
    assert tree(debian) == before


def test_another_interface_takes_the_line_of_the_first_in_a_file_of_others(debian: Path) -> None:
    put(debian, INTERFACES, "auto enp1s0\n")
    carry_out(debian, plan_network(debian, BOOT))
    carry_out(debian, plan_network(debian, OTHER))
    assert (debian / INTERFACES).read_text().count("no-auto-down") == 1
    carry_out(debian, plan_undo(debian))
    assert (debian / INTERFACES).read_text() == "auto enp1s0\n"


TEXTS = st.text(st.sampled_from("auto iface enp1s0\n\\#\t=[]MatchNetworkBridge\x00é"), max_size=80)
PLACES = (
    *(INTERFACES, "etc/network/interfaces.d/lan", "etc/udev/rules.d/70-persistent-net.rules", LINK, MANAGER),
    *("etc/systemd/network/10-lan.network", "etc/systemd/network/05-lan.link", "etc/netplan/50-cloud.yaml"),
    *("etc/NetworkManager/system-connections/a.nmconnection", "etc/sysconfig/network/ifcfg-enp1s0"),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(texts=st.dictionaries(st.sampled_from(PLACES), TEXTS))
def test_undo_restores_every_byte_of_any_files(debian: Path, texts: dict[str, str]) -> None:
    for path, text in texts.items():
        put(debian, path, text)
    before = tree(debian)
    carry_out(debian, plan_network(debian, BOOT))
    assert plan_network(debian, BOOT).changes == ()
    carry_out(debian, plan_undo(debian))
    assert tree(debian) == before


def test_undo_takes_our_line_out_of_a_file_that_was_changed_since(debian: Path) -> None:
    put(debian, INTERFACES, "auto enp1s0\n")
    carry_out(debian, plan_network(debian, BOOT))
    file = debian / INTERFACES
    file.write_text(f"# by hand\n{file.read_text()}auto enp2s0\n")
    plan = plan_undo(debian)
    assert plan.warnings == ()
    carry_out(debian, plan)
    assert file.read_text() == "# by hand\nauto enp1s0\nauto enp2s0\n"


def test_undo_leaves_a_file_of_ours_that_was_changed_since(debian: Path) -> None:
    carry_out(debian, plan_network(debian, BOOT))
    put(debian, MANAGER, "# mine now\n")
    plan = plan_undo(debian)
    assert plan.warnings == (f"/{MANAGER} was changed since it was installed, and stays as it is",)
    carry_out(debian, plan)
    assert (debian / MANAGER).read_text() == "# mine now\n"


@pytest.mark.parametrize("path", [LINK, INTERFACES, "etc/systemd/system/sleep.target"])
def test_a_folder_in_the_place_of_a_file_is_an_error(debian: Path, path: str) -> None:
    (debian / path).unlink(missing_ok=True)
    (debian / path).mkdir(parents=True)
    if path == INTERFACES:
        assert OWN not in contents(plan_network(debian, BOOT))
        return
    with pytest.raises(AoeinitError, match="neither a file nor a link"):
        plan_network(debian, BOOT)
