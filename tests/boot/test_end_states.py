"""Machines that cannot find a root say which part is missing: driver, link, file system, init."""

import secrets

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import DirectBoot, Nic
from tests.lab.bench import BOOT_SECONDS, Bench
from tests.lab.disk import MIB, Disk, make_disk

ROOT = "root=/dev/etherd/e11.0p1"
IMPATIENT = f"{ROOT} rd.aoe.timeout=10"
NIC = Nic("virtio-net-pci")
STRANGER = Nic("e1000")


def test_names_the_card_without_a_driver(bench: Bench) -> None:
    boot = bench.boot(IMPATIENT, image=bench.build("--nic", "virtio_net"))
    said = last_words(bench, boot, bench.tiny_disk(secrets.token_hex(8)), STRANGER)
    assert "no network interface; there are: none; hardware without a driver in this image: " in said
    assert "(pci:v00008086d0000100E" in said


def test_names_the_firmware_without_which_a_card_cannot_be_raised(bench: Bench) -> None:
    nic = Nic("i82551")
    boot = bench.boot(IMPATIENT, image=bench.build("--nic", "e100"))
    said = last_words(bench, boot, bench.tiny_disk(secrets.token_hex(8)), nic, earlier=True)
    assert f"cannot raise aoe0 ({nic.mac}): " in said
    assert said.endswith("firmware that is not in the image: e100/d102e_ucode.bin")


def test_names_the_interface_without_a_carrier(bench: Bench) -> None:
    disk = bench.tiny_disk(secrets.token_hex(8))
    said = last_words(bench, bench.boot(IMPATIENT), disk, NIC, linked=False)
    assert f"no carrier on aoe0 ({NIC.mac}) within 10 s" in said


def test_names_the_card_without_a_driver_beside_the_one_without_a_carrier(bench: Bench) -> None:
    disk = bench.tiny_disk(secrets.token_hex(8))
    boot = bench.boot(IMPATIENT, image=bench.build("--nic", "virtio_net"))
    stranger = Nic("e1000", mac="52:54:00:11:00:02", tap="tap1")
    said = last_words(bench, boot, disk, NIC, stranger, linked=False)
    assert f"no carrier on aoe0 ({NIC.mac}) within 10 s" in said
    assert "; hardware without a driver in this image: " in said
    assert "(pci:v00008086d0000100E" in said


def test_names_the_file_systems_it_knows(bench: Bench) -> None:
    disk = bench.tiny_disk(secrets.token_hex(8))
    with disk.path.open("r+b") as file:
        file.seek(disk.start)
        file.write(bytes(MIB))
    said = last_words(bench, bench.boot(ROOT), disk, NIC)
    assert "cannot mount /dev/etherd/e11.0p1 (type any, options ro): " in said
    assert "the kernel has the file systems " in said
    assert {"btrfs", "ext4", "xfs"} <= set(said.rpartition("file systems ")[2].split(", "))


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        ("", "no init on /dev/etherd/e11.0p1: looked for /sbin/init, /etc/init, /bin/init"),
        (" init=/bin/none", "init=/bin/none: no such program on /dev/etherd/e11.0p1"),
    ],
    ids=["anywhere", "as-told"],
)
def test_says_where_it_looked_for_an_init(parameter: str, words: str, bench: Bench) -> None:
    tree = bench.folder / "empty"
    tree.mkdir()
    disk = make_disk(bench.folder / "disk", tree, mib=32)
    assert words in last_words(bench, bench.boot(ROOT + parameter), disk, NIC)


@pytest.mark.parametrize(
    ("wish", "end"), [("reboot", "reboot: Restarting system"), ("poweroff", "reboot: Power down")]
)
def test_ends_as_it_was_told(wish: str, end: str, bench: Bench) -> None:
    boot = bench.boot(f"root=/dev/sda1 rd.aoe.onfail={wish}")
    with network() as net, bench.machine(net, boot, NIC) as client:
        client.run_to_end(BOOT_SECONDS)
    assert any(end in line.text for line in client.lines)


def last_words(
    bench: Bench,
    boot: DirectBoot,
    disk: Disk,
    *nics: Nic,
    linked: bool = True,
    earlier: bool = False,
) -> str:
    """What the agent said last, with level error, before the machine restarted, or had said earlier."""
    with (
        network(taps=len(nics)) as net,
        vblade(net, disk.path, masks=[nics[0].mac]),
        bench.machine(net, boot, *nics) as client,
    ):
        client.plug(nics[0], linked=linked)
        client.run_to_end(BOOT_SECONDS)
    said = [line.text for line in client.lines if "aoeinit: " in line.text]
    assert not any("aoelab-" in line.text for line in client.lines)
    return said[-1] if earlier or "earlier in this boot" not in said[-1] else said[-2]
