"""What is tried, and with what: command lines, cards, scripts, the small root and its network."""

from dataclasses import replace
from pathlib import Path

import pytest

from aoeinit.aoe.target import Target
from aoeinit.errors import ConfigError, ProgramError
from aoeinit.image.entries import File, Symlink
from aoeinit.trial.cards import CARDS, choose_card
from aoeinit.trial.hardware import DirectBoot, Hardware, Nic, qemu
from aoeinit.trial.layout import layout
from aoeinit.trial.plan import Subject, Trial, checked_parameters, ipxe_script
from aoeinit.trial.small_root import APPLETS, MIB, disk_size, small_root
from tests.unit.system_sample import make_busybox, make_system

SUBJECT = Subject("6.1.0-test", Path("/boot/vmlinuz"), Path("/boot/initrd"))
MODELS = frozenset(card.model for card in CARDS)
NAMES = {*APPLETS, "cat", "cp", "ls", "switch_root"}
COMMON = "console=ttyS0 panic=-1 no_timer_check rd.debug"


def trial(disk: Path | None = None, firmware: str | None = None, append: str = "") -> Trial:
    return Trial(SUBJECT, disk, Target(7, 3), firmware, Hardware(Nic("e1000")), append)


@pytest.mark.parametrize(
    ("disk", "firmware", "append", "words"),
    [
        (None, None, "", f"{COMMON} root=/dev/etherd/e7.3p1"),
        (None, None, "root=UUID=1 quiet", f"{COMMON} root=/dev/etherd/e7.3p1 root=UUID=1 quiet"),
        (Path("/disk"), None, "", COMMON),
        (Path("/disk"), None, "rw", f"{COMMON} rw"),
        (None, "bios", "", COMMON),
        (None, "uefi", "rw", f"{COMMON} rw"),
    ],
)
def test_only_a_small_root_is_named_and_not_where_firmware_tells(
    disk: Path | None, firmware: str | None, append: str, words: str
) -> None:
    assert trial(disk, firmware, append).parameters() == words


def test_a_target_that_was_named_is_named_for_a_disk() -> None:
    asked = replace(trial(Path("/disk"), append="rd.aoe=e1.1"), named=True)
    assert asked.parameters() == f"{COMMON} rd.aoe=e7.3 rd.aoe=e1.1"
    assert "rd.aoe" not in replace(asked, firmware="bios", append="").parameters()


def test_ipxe_has_the_target_before_it_loads_the_kernel() -> None:
    script = ipxe_script(trial(firmware="bios")).splitlines()
    assert script[0] == "#!ipxe"
    assert script[1].startswith("sanhook aoe:e7.3 ")
    assert script[2].startswith(f"kernel tftp://10.11.0.1/vmlinuz initrd=initrd.img {COMMON} ")


@pytest.mark.parametrize("text", ["a${b}", "a && b", "a || b", "a\nb", "a\0b", "ä", "\x1b[2J"])
def test_parameters_that_a_boot_loader_would_take_for_something_else_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot be given"):
        checked_parameters(text)


@pytest.mark.parametrize(
    ("modules", "own", "by_rom", "model"),
    [
        ({"e1000", "e1000e", "virtio_net", "virtio_pci"}, (), False, "e1000"),
        ({"e1000", "e1000e", "virtio_net", "virtio_pci"}, ("e1000e",), False, "e1000e"),
        ({"e1000", "r8169"}, ("r8169",), False, "e1000"),
        ({"virtio_net"}, (), False, None),
        ({"virtio_net", "virtio_pci"}, (), True, "virtio-net-pci"),
        ({"igb", "pcnet32"}, ("igb",), False, "igb"),
        ({"igb", "pcnet32"}, ("igb",), True, "pcnet"),
        ({"8139too"}, (), False, None),
        ({"r8169"}, ("r8169",), False, None),
        (set(), (), False, None),
    ],
)
def test_the_card_is_one_that_the_image_drives(
    modules: set[str],
    own: tuple[str, ...],
    by_rom: bool,  # noqa: FBT001 - pytest gives it by name
    model: str | None,
) -> None:
    card = choose_card(MODELS, modules, own, by_rom=by_rom)
    assert (card.model if card else None) == model


def test_a_card_that_this_qemu_lacks_is_not_chosen() -> None:
    assert choose_card(MODELS - {"igb"}, {"igb"}) is None


def test_qemu_is_told_of_the_machine() -> None:
    words = [*qemu("tcg"), *Hardware(Nic("e1000"), 256, more=(Nic("pcnet", tap="tap1"),)).arguments()]
    words += DirectBoot(SUBJECT.vmlinuz, SUBJECT.image, "quiet").arguments()
    assert words[:3] == ["qemu-system-x86_64", "-accel", "tcg"]
    assert "-no-reboot" in words
    assert [word.rpartition("model=")[2] for word in words if "model=" in word] == [
        "e1000,mac=52:54:00:11:00:01",
        "pcnet,mac=52:54:00:11:00:01",
    ]
    assert words[-6:] == ["-kernel", "/boot/vmlinuz", "-initrd", "/boot/initrd", "-append", "quiet"]


def test_a_network_has_a_tap_for_each_machine_on_its_bridge() -> None:
    lines = layout(["tap0", "tap1"], 9000).splitlines()
    assert "link set br0 mtu 9000 up" in lines
    assert [line for line in lines if "tap" in line] == [
        "tuntap add tap0 mode tap",
        "link set tap0 mtu 9000 master br0 up",
        "tuntap add tap1 mode tap",
        "link set tap1 mtu 9000 master br0 up",
    ]


def test_the_small_root_is_a_busybox_and_an_init_that_knows_the_token(tmp_path: Path) -> None:
    sysroot = make_system(tmp_path)
    make_busybox(sysroot, NAMES)
    entries = small_root(sysroot, "0123")
    files = {each.path: each for each in entries if isinstance(each, File)}
    assert files["etc/aoeinit-try"].content == b"0123\n"
    assert files["sbin/init"].mode == 0o755
    assert files["sbin/init"].content.startswith(b"#!/usr/lib/aoeinit/busybox sh\n")
    assert "usr/lib/aoeinit/busybox" in {each.path for each in entries if isinstance(each, File | Symlink)}
    assert disk_size(entries) % MIB == 0


def test_a_busybox_that_cannot_switch_off_is_refused(tmp_path: Path) -> None:
    sysroot = make_system(tmp_path)
    make_busybox(sysroot, NAMES - {"poweroff"})
    with pytest.raises(ProgramError, match="lacks the applets poweroff"):
        small_root(sysroot, "0123")
