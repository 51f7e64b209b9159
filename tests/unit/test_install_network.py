"""The plan that keeps the interface under the root up: what it adds, and that it can be undone."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aoeinit.cli.network import network, require_card
from aoeinit.errors import AoeinitError, ConfigError
from aoeinit.install.network.interface import BootInterface, choose, require_card_name
from aoeinit.install.network.links import recorded
from aoeinit.install.network.plan import RECORD, plan_network, plan_undo
from aoeinit.install.record import ChangePlan, record_text
from aoeinit.install.state import Change, Present
from aoeinit.system.changes import apply, remove_folders

MAC = "52:54:00:11:00:01"
BOOT = BootInterface("enp1s0", MAC)
OTHER = BootInterface("lan-0", "52:54:00:11:00:02")
LINK = "etc/systemd/network/00-aoeinit.link"
RULES = "etc/udev/rules.d/61-aoeinit-etherd.rules"
MANAGER = "etc/NetworkManager/conf.d/zz-aoeinit.conf"
INTERFACES = "etc/network/interfaces"
OWN = "etc/network/interfaces.d/aoeinit"
UNIT = "etc/systemd/system/ifup@enp1s0.service.d/aoeinit.conf"
MASKS = {
    f"etc/systemd/system/{name}.target"
    for name in ("sleep", "suspend", "hibernate", "hybrid-sleep", "suspend-then-hibernate")
}
DEBIAN = """\
# This file describes the network interfaces available on your system
# and how to activate them. For more information, see interfaces(5).

source /etc/network/interfaces.d/*

# The loopback network interface
auto lo
iface lo inet loopback

# The primary network interface
allow-hotplug enp1s0
iface enp1s0 inet dhcp
"""


def put(sysroot: Path, path: str, text: str = "", mode: int = 0o644) -> None:
    file = sysroot / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)


def tree(sysroot: Path) -> dict[str, tuple[bytes, int]]:
    """Everything below a folder: content, or where a link leads, and mode."""
    found = {}
    for path in sysroot.rglob("*"):
        content = str(path.readlink()).encode() if path.is_symlink() else b""
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else content
        found[str(path.relative_to(sysroot))] = (content, path.lstat().st_mode)
    return found


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    """A system with all that the plan knows."""
    (tmp_path / "usr/lib/udev/rules.d").mkdir(parents=True)
    put(tmp_path, "usr/lib/systemd/systemd", mode=0o755)
    put(tmp_path, "usr/lib/systemd/system/ifup@.service")
    put(tmp_path, "usr/sbin/ifup", mode=0o755)
    put(tmp_path, "usr/sbin/NetworkManager", mode=0o755)
    put(tmp_path, INTERFACES, DEBIAN)
    return tmp_path


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


@pytest.mark.parametrize(
    ("name", "mac"),
    [
        ("", MAC),
        ("a b", MAC),
        ("enp1s0\nauto lo", MAC),
        ("../etc", MAC),
        ("-x", MAC),
        ("sixteen-letters-", MAC),
        ("enp1s0", ""),
        ("enp1s0", "52:54:00:11:00"),
        ("enp1s0", "01:00:5e:00:00:01"),
        ("enp1s0", "00:00:00:00:00:00"),
        ("enp1s0", "52:54:00:11:00:0g"),
    ],
)
def test_names_and_macs_that_no_interface_has_are_refused(name: str, mac: str) -> None:
    with pytest.raises(ConfigError):
        BootInterface.checked(name, mac)


def test_a_mac_may_be_written_in_capitals_and_with_hyphens() -> None:
    assert BootInterface.checked("enp1s0", "52-54-00-AA-BB-0C").mac == "52:54:00:aa:bb:0c"


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("lo", "the loopback"),
        ("eth0.5", "a virtual LAN"),
        ("vlan5", "a virtual LAN"),
        ("br0", "a bridge"),
        ("br-lan", "a bridge"),
        ("virbr0", "a bridge"),
        ("bond0", "made of several cards"),
        ("veth0a1b", "made by software"),
        ("wlp2s0", "wireless"),
        ("wlan0", "wireless"),
    ],
)
def test_what_is_no_ethernet_card_is_known_by_its_name(name: str, what: str, debian: Path) -> None:
    with pytest.raises(ConfigError, match=f"{name} is {what}, and no Ethernet card"):
        call(debian, "--interface", name, "--mac", MAC)


@pytest.mark.parametrize(
    "name", ["enp1s0", "eth0", "end0", "enP2p1s0f1np1", "lan-0", "wan", "uplink", "bridge", "long"]
)
def test_cards_may_have_any_other_name(name: str) -> None:
    require_card_name(name)


def test_what_is_made_of_cards_is_none_of_this_machine(tmp_path: Path) -> None:
    for path, text in (
        ("class/net/home/uevent", "DEVTYPE=vlan\nINTERFACE=home\n"),
        ("class/net/guests/uevent", "DEVTYPE=bridge\nINTERFACE=guests\n"),
        ("class/net/guests/lower_enp1s0/x", ""),
        ("class/net/home/lower_enp2s0/x", ""),
        ("class/net/lo/uevent", "INTERFACE=lo\n"),
        ("class/net/enp1s0/uevent", "INTERFACE=enp1s0\n"),
        ("class/net/enp1s0/type", "1\n"),
        ("class/net/enp1s0/address", f"{MAC}\n"),
        ("class/net/enp1s0/device/x", ""),
    ):
        put(tmp_path, path, text)
    for name in ("enp1s0", "of-another-one"):
        require_card(name, tmp_path)
    for name, what, way_out in (
        ("home", "home is no Ethernet card but a vlan", "enp2s0; boot with rd.aoe.vlan="),
        ("guests", "guests is no Ethernet card but a bridge", "the card below it: enp1s0"),
        ("lo", "lo is no Ethernet card", "name an Ethernet card"),
    ):
        with pytest.raises(ConfigError, match=f"^{what}$") as refused:
            require_card(name, tmp_path)
        assert way_out in f"{refused.value.hint}"


FIRST, SECOND = ("enp1s0", MAC), ("enp2s0", "52:54:00:11:00:02")


@pytest.mark.parametrize(
    ("known", "name", "mac", "serving", "found"),
    [
        ([FIRST], None, None, [], FIRST),
        ([FIRST, SECOND], None, None, ["enp2s0"], SECOND),
        ([FIRST, SECOND], None, None, [MAC], FIRST),
        ([FIRST, SECOND], "enp2s0", None, ["enp1s0"], SECOND),
        ([FIRST, SECOND], None, "52-54-00-11-00-02", [], SECOND),
        ([FIRST], None, None, ["br0"], FIRST),
    ],
)
def test_the_interface_of_this_machine_is_found(
    known: list[tuple[str, str]],
    name: str | None,
    mac: str | None,
    serving: list[str],
    found: tuple[str, str],
) -> None:
    assert choose(known, name=name, mac=mac, serving=serving) == found


@pytest.mark.parametrize(
    ("known", "name", "serving", "message"),
    [
        ([FIRST, SECOND], None, [], r"which interface .* enp1s0 \(.*\), enp2s0"),
        ([FIRST, SECOND], None, ["enp1s0", "enp2s0"], "which interface"),
        ([FIRST], "wlan0", [], "no interface wlan0, only these: enp1s0"),
        ([], None, [], "no interface an Ethernet card, only these: none"),
    ],
)
def test_an_interface_that_is_not_sure_is_asked_for(
    known: list[tuple[str, str]], name: str | None, serving: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        choose(known, name=name, mac=None, serving=serving)


def call(sysroot: Path, *words: str) -> str:
    done = CliRunner().invoke(
        network, ["--sysroot", str(sysroot), *words], catch_exceptions=False, standalone_mode=False
    )
    assert done.return_value == 0, done.output
    return done.output


def test_a_warning_is_no_failure_but_what_costs_the_root_is_one(debian: Path) -> None:
    words = ["--sysroot", str(debian), "--interface", "enp1s0", "--mac", MAC]
    put(debian, "etc/network/interfaces.d/local", "iface enp1s0 inet dhcp\n  mtu 9000\n")
    warned = CliRunner().invoke(network, words, standalone_mode=False)
    assert warned.return_value == 0
    assert "aoeinit: warning: /etc/network/interfaces.d/local:2: the MTU" in warned.output
    put(debian, "etc/network/interfaces.d/local", "iface br0 inet dhcp\n  bridge_ports enp1s0\n")
    for more in (["--dry-run"], []):
        failed = CliRunner().invoke(network, [*words, *more], standalone_mode=False)
        assert failed.return_value == 1
        assert (
            "aoeinit: error: /etc/network/interfaces.d/local:2: enp1s0 becomes part of br0" in failed.output
        )
    assert (debian / LINK).is_file()


def test_the_command_remembers_the_interface_and_undoes_all(debian: Path) -> None:
    before = tree(debian)
    assert "would write /etc/systemd/network/00-aoeinit.link" in call(
        debian, "--dry-run", "--interface", "enp1s0", "--mac", MAC
    )
    assert tree(debian) == before
    call(debian, "--interface", "enp1s0", "--mac", MAC)
    assert call(debian) == "nothing to change: all is settled\n"
    told = json.loads(call(debian, "--undo", "--json"))
    assert {each["what"] for each in told["changes"]} == {"remove"}
    assert tree(debian) == before
    assert call(debian, "--undo") == "nothing to change: nothing to undo\n"
    assert told["changed"] is True
    assert json.loads(call(debian, "--undo", "--json"))["changed"] is False


def test_another_system_has_to_be_told_its_interface(debian: Path) -> None:
    with pytest.raises(ConfigError, match="does not tell the interface"):
        call(debian, "--interface", "enp1s0")


@pytest.mark.parametrize("path", [LINK, INTERFACES, "etc/systemd/system/sleep.target"])
def test_a_folder_in_the_place_of_a_file_is_an_error(debian: Path, path: str) -> None:
    (debian / path).unlink(missing_ok=True)
    (debian / path).mkdir(parents=True)
    if path == INTERFACES:
        assert OWN not in contents(plan_network(debian, BOOT))
        return
    with pytest.raises(AoeinitError, match="neither a file nor a link"):
        plan_network(debian, BOOT)
