import json
from pathlib import Path

import pytest

from aoeinit.errors import ConfigError
from aoeinit.install.command import Command
from aoeinit.install.grub.install import plan_grub_install
from aoeinit.install.grub.place import BIOS_BOOT, Firmware, Partition, Table, choose_firmware, read_table
from tests.unit.grub_samples import fill, make_debian, make_fedora

DEVICE = "/dev/etherd/e11.0"
ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
MIB = 1 << 20


def table(label: str, *partitions: tuple[int, int, str]) -> Table:
    """A table of partitions: first byte, length, type."""
    return Table(
        DEVICE,
        label,
        tuple(Partition(f"{DEVICE}p{number}", *each) for number, each in enumerate(partitions, start=1)),
    )


MSDOS = table("dos", (MIB, 64 * MIB, "83"))
OLD_MSDOS = table("dos", (64 * MIB, MIB, "82"), (63 * 512, 64 * MIB, "83"))
NARROW = table("dos", (32 * 512, 64 * MIB, "83"))
EFI = table("gpt", (MIB, 64 * MIB, ESP), (65 * MIB, MIB, LINUX))
BOTH = table("gpt", (MIB, MIB, BIOS_BOOT), (2 * MIB, 64 * MIB, ESP))
SMALL = table("gpt", (MIB, 16384, BIOS_BOOT))
PLAIN = table("gpt", (MIB, 64 * MIB, LINUX))


def test_reads_what_sfdisk_tells() -> None:
    said = {
        "partitiontable": {
            "label": "gpt",
            "device": DEVICE,
            "unit": "sectors",
            "sectorsize": 512,
            "partitions": [{"node": f"{DEVICE}p1", "start": 2048, "size": 131072, "type": ESP.lower()}],
        }
    }
    assert read_table(json.dumps(said)) == table("gpt", (MIB, 64 * MIB, ESP))


@pytest.mark.parametrize(
    "said", ["", "[]", "{}", '{"partitiontable": 1}', '{"partitiontable": {"label": "dos"}}']
)
def test_refuses_what_sfdisk_never_says(said: str) -> None:
    with pytest.raises(ConfigError, match="cannot be understood"):
        read_table(said)


@pytest.mark.parametrize(
    ("found", "kinds"),
    [
        (MSDOS, (Firmware.BIOS,)),
        (EFI, (Firmware.EFI,)),
        (BOTH, (Firmware.BIOS, Firmware.EFI)),
        (table("dos", (MIB, MIB, "EF")), (Firmware.BIOS, Firmware.EFI)),
    ],
)
def test_the_table_tells_by_which_firmware_it_can_start(found: Table, kinds: tuple[Firmware, ...]) -> None:
    assert choose_firmware(found) == kinds


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (NARROW, "the first partition of /dev/etherd/e11.0 begins at byte 16384: no room for GRUB"),
        (EFI, "/dev/etherd/e11.0 has a GPT without a BIOS boot partition: no room for GRUB"),
        (SMALL, "the BIOS boot partition /dev/etherd/e11.0p1 has 16384 bytes: too few for GRUB"),
        (table("sun"), "/dev/etherd/e11.0 has a partition table of the kind sun"),
    ],
)
def test_no_room_for_bios_is_told_before_anything_is_done(tmp_path: Path, found: Table, message: str) -> None:
    debian = make_debian(tmp_path, "i386-pc")
    with pytest.raises(ConfigError) as refused:
        plan_grub_install(debian, DEVICE, found, [Firmware.BIOS])
    assert refused.value.message == message
    assert refused.value.hint


def test_a_table_with_room_for_neither_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="neither a BIOS boot partition nor an EFI system partition"):
        plan_grub_install(make_debian(tmp_path, "i386-pc"), DEVICE, PLAIN)


@pytest.mark.parametrize("found", [MSDOS, OLD_MSDOS, table("dos")])
def test_debian_puts_grub_for_bios_on_the_target_now_and_later(tmp_path: Path, found: Table) -> None:
    install, answer = plan_grub_install(make_debian(tmp_path, "i386-pc"), DEVICE, found)
    assert install.words == ("grub-install", "--target=i386-pc", "--recheck", DEVICE)
    assert answer.words == ("debconf-set-selections",)
    assert answer.input.decode().splitlines() == [
        "grub-pc grub-pc/install_devices multiselect /dev/etherd/e11.0",
        "grub-pc grub-pc/install_devices_disks_changed multiselect /dev/etherd/e11.0",
        "grub-pc grub-pc/install_devices_empty boolean false",
    ]
    assert (install.inside, answer.inside) == (True, True)


def test_debian_puts_grub_for_efi_on_the_removable_path_and_into_no_variable(tmp_path: Path) -> None:
    debian = make_debian(tmp_path, "x86_64-efi")
    install, answer = plan_grub_install(debian, DEVICE, EFI, esp="boot/efi")
    assert install.words == (
        *("grub-install", "--target=x86_64-efi", "--efi-directory=/boot/efi", "--force-extra-removable"),
        *("--no-nvram", "--recheck"),
    )
    assert answer.input.decode().splitlines() == [
        "grub-efi-amd64 grub2/force_efi_extra_removable boolean true",
        "grub-efi-amd64 grub2/update_nvram boolean false",
    ]


def test_a_signed_grub_finds_its_configuration_in_the_folder_that_it_was_built_for(tmp_path: Path) -> None:
    debian = make_debian(tmp_path, "x86_64-efi")
    fill(debian, {"usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed": "MZ\0\3\0/EFI/debian\0\0"})
    install, _ = plan_grub_install(debian, DEVICE, EFI, esp="boot/efi")
    assert install.words[-1] == "--bootloader-id=debian"


def test_without_debconf_only_grub_install_runs(tmp_path: Path) -> None:
    other = make_debian(tmp_path, "i386-pc", "x86_64-efi")
    (other / "usr/bin/debconf-set-selections").unlink()
    bios, efi = plan_grub_install(other, DEVICE, BOTH, esp="efi")
    assert bios.words[0] == "grub-install"
    assert efi.words[2:] == ("--efi-directory=/efi", "--removable", "--no-nvram", "--recheck")


def test_of_two_places_that_is_taken_which_the_system_has_a_grub_for(tmp_path: Path) -> None:
    commands = plan_grub_install(make_debian(tmp_path, "i386-pc"), DEVICE, BOTH)
    assert [each.words[0] for each in commands] == ["grub-install", "debconf-set-selections"]


def test_fedora_has_grub2_for_bios(tmp_path: Path) -> None:
    fedora = make_fedora(tmp_path)
    fill(fedora, {"usr/lib/grub/i386-pc/moddep.lst": ""})
    (install,) = plan_grub_install(fedora, DEVICE, MSDOS)
    assert install.words == ("grub2-install", "--target=i386-pc", "--recheck", DEVICE)


def test_fedoras_signed_programs_are_copied_and_the_fallback_goes(tmp_path: Path) -> None:
    fedora = make_fedora(tmp_path)
    commands = plan_grub_install(fedora, DEVICE, EFI, esp="boot/efi")
    assert [each.words for each in commands] == [
        ("cp", "/boot/efi/EFI/fedora/shimx64.efi", "/boot/efi/EFI/BOOT/BOOTX64.EFI"),
        ("cp", "/boot/efi/EFI/fedora/grubx64.efi", "/boot/efi/EFI/BOOT/grubx64.efi"),
        ("cp", "/boot/efi/EFI/fedora/mmx64.efi", "/boot/efi/EFI/BOOT/mmx64.efi"),
        ("cp", "/boot/efi/EFI/fedora/grub.cfg", "/boot/efi/EFI/BOOT/grub.cfg"),
        ("rm", "/boot/efi/EFI/BOOT/fbx64.efi"),
    ]
    run_by_hand(fedora, commands)
    assert plan_grub_install(fedora, DEVICE, EFI, esp="boot/efi") == ()


def run_by_hand(sysroot: Path, commands: tuple[Command, ...]) -> None:
    """Do what the programs would do inside."""
    for command in commands:
        name, *files = command.words
        places = [sysroot / file.lstrip("/") for file in files]
        if name == "cp":
            places[1].write_bytes(places[0].read_bytes())
        else:
            places[0].unlink()


def test_efi_without_a_mounted_esp_says_what_to_mount(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        plan_grub_install(make_debian(tmp_path, "x86_64-efi"), DEVICE, EFI)
    assert refused.value.message == f"the EFI system partition of {DEVICE} is not mounted in {tmp_path}"
    assert refused.value.hint == f"mount {DEVICE}p1 at {tmp_path}/boot/efi"


@pytest.mark.parametrize(
    ("found", "kind", "message"),
    [
        (MSDOS, Firmware.BIOS, "has no GRUB for BIOS"),
        (EFI, Firmware.EFI, "has no GRUB for EFI"),
        (MSDOS, Firmware.EFI, "has no EFI system partition"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, found: Table, kind: Firmware, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan_grub_install(make_debian(tmp_path), DEVICE, found, [kind], esp="boot/efi")
