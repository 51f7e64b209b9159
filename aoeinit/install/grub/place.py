"""The place for GRUB on a target: what its partition table leaves, and by which firmware it can start."""

import enum
import json
from dataclasses import dataclass
from typing import Final

from aoeinit.errors import ConfigError
from aoeinit.install.command import Command

BIOS_BOOT: Final = "21686148-6449-6E6F-744E-656564454649"
ESP: Final = frozenset({"C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "EF"})
"""The types of an EFI system partition in GPT and msdos tables."""

SECTOR: Final = 512
NEEDED: Final = 62 * SECTOR
"""The least room for GRUB's core image, in bytes: what the oldest tables leave, which begin at sector 63."""


class Firmware(enum.StrEnum):
    """What starts a machine."""

    BIOS = "bios"
    EFI = "efi"


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition: first byte, length in bytes, and type as its table has it."""

    device: str
    start: int
    size: int
    kind: str


@dataclass(frozen=True, slots=True)
class Table:
    """A partition table: ``label`` is dos or gpt."""

    device: str
    label: str
    partitions: tuple[Partition, ...]


def read_table_command(device: str) -> Command:
    """Give the program that tells a device's partition table."""
    return Command(("sfdisk", "--json", device), "reads the partition table", package="fdisk (util-linux)")


def read_table(text: str) -> Table:
    """Read what ``sfdisk --json`` says; raises :class:`ConfigError` for anything else."""
    try:
        plain = json.loads(text)["partitiontable"]
        sector = plain.get("sectorsize", SECTOR)
        partitions = tuple(
            Partition(each["node"], each["start"] * sector, each["size"] * sector, each["type"].upper())
            for each in plain.get("partitions", ())
        )
        return Table(plain["device"], plain["label"], partitions)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"sfdisk --json said what cannot be understood: {error!r}", "install util-linux 2.27 or newer"
        ) from error


def choose_firmware(table: Table) -> tuple[Firmware, ...]:
    """Tell by which firmware a target is made to start: both, if it has a place for both.

    Raises :class:`ConfigError` for one that has no place at all.
    """
    found = [Firmware.BIOS] if table.label == "dos" or _of_kind(table, BIOS_BOOT) else []
    if any(each.kind in ESP for each in table.partitions):
        found.append(Firmware.EFI)
    if not found:
        raise ConfigError(
            f"{table.device} has a GPT with neither a BIOS boot partition nor an EFI system partition",
            f"for BIOS {_MAKE_BIOS_BOOT}, for EFI one of type U with a FAT",
        )
    return tuple(found)


_MAKE_BIOS_BOOT: Final = f"add a partition of 1 MiB and type {BIOS_BOOT} with sfdisk"


def require_gap(table: Table) -> None:
    """Raise :class:`ConfigError` where BIOS would find no GRUB: there is no room for its core image.

    GRUB manual, "BIOS installation": behind an msdos table it lies in front of the first partition, with
    a GPT in a partition of its own.
    """
    if table.label == "gpt":
        _require_partition(table)
    elif table.label == "dos":
        first = min((each.start for each in table.partitions), default=None)
        if first is not None and first < SECTOR + NEEDED:
            raise ConfigError(
                f"the first partition of {table.device} begins at byte {first}: no room for GRUB",
                "make it begin at 1 MiB, as sfdisk does by itself",
            )
    else:
        raise ConfigError(
            f"{table.device} has a partition table of the kind {table.label}",
            "make it dos or gpt, with sfdisk",
        )


def _require_partition(table: Table) -> None:
    own = _of_kind(table, BIOS_BOOT)
    if not own:
        raise ConfigError(
            f"{table.device} has a GPT without a BIOS boot partition: no room for GRUB",
            f"{_MAKE_BIOS_BOOT}, or start it by EFI firmware",
        )
    if own[0].size < NEEDED:
        raise ConfigError(
            f"the BIOS boot partition {own[0].device} has {own[0].size} bytes: too few for GRUB",
            "make it 1 MiB large",
        )


def require_esp(table: Table) -> tuple[Partition, ...]:
    """Give the EFI system partitions; raises :class:`ConfigError` where there is none."""
    found = tuple(each for each in table.partitions if each.kind in ESP)
    if not found:
        raise ConfigError(
            f"{table.device} has no EFI system partition", "add one of type U with sfdisk, and a FAT on it"
        )
    return found


def _of_kind(table: Table, kind: str) -> tuple[Partition, ...]:
    return tuple(each for each in table.partitions if each.kind == kind)
