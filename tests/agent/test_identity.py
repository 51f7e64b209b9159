"""What file systems and partitions are called, read from what real tools have written."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.agent.machine import Machine
from tests.agent.test_abft import memory, put_bytes

UUID = "11112222-3333-4444-5555-66667777888a"
RAW = bytes.fromhex(UUID.replace("-", ""))
SHOW = 'read_superblock /dev/etherd/x && echo "$kind $uuid [$label]"'
MIB = 1 << 20


def tool(*command: str, text: str = "") -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def device(machine: Machine) -> Path:
    path = machine.root / "dev/etherd/x"
    path.parent.mkdir()
    path.touch()
    return path


def sized(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    return path


@pytest.mark.parametrize("kind", ["ext2", "ext3", "ext4"])
@pytest.mark.parametrize("label", ["", "root", "läb el*$(x)", "sixteen letters!"])
def test_ext(machine: Machine, device: Path, kind: str, label: str) -> None:
    tool("mke2fs", "-q", "-t", kind, "-U", UUID, "-L", label, str(sized(device, 2 * MIB)))
    assert machine.run(SHOW).output == f"ext {UUID} [{label}]\n"


@pytest.mark.parametrize(
    ("kind", "pieces"),
    [
        # Offsets: xfs_dsb in the kernel's fs/xfs/libxfs/xfs_format.h; btrfs_super_block in fs/btrfs/ctree.h.
        ("xfs", [(0, b"XFSB"), (32, RAW), (108, b"twelve bytes")]),
        ("btrfs", [(65536 + 32, RAW), (65536 + 64, b"_BHRfS_M"), (65536 + 299, b"twelve bytes")]),
    ],
)
def test_xfs_and_btrfs(machine: Machine, kind: str, pieces: list[tuple[int, bytes]]) -> None:
    put_bytes(machine, "dev/etherd/x", memory(*pieces))
    assert machine.run(SHOW).output == f"{kind} {UUID} [twelve bytes]\n"


@pytest.mark.parametrize("content", [b"", bytes(1081), bytes(MIB), b"XFS" * 400])
def test_no_file_system_that_is_known(machine: Machine, content: bytes) -> None:
    put_bytes(machine, "dev/etherd/x", content)
    assert machine.run(f"{SHOW} || echo none").output == "none\n"


@pytest.mark.parametrize(
    "script",
    [
        "label: dos\nlabel-id: 0x00ab12cd\nsize=1M\nsize=1M, type=5\nsize=1M",
        "label: dos\nstart=2048, size=2048\nstart=6144, type=5\nstart=8192, size=2048",
        "label: gpt\nsize=1M\nsize=1M, name=root",
        "label: gpt\ntable-length: 4\nsize=1M\nsize=1M\nsize=1M",
        "label: gpt\nstart=8192, size=2048, uuid=C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
    ],
)
def test_partition_uuids_are_those_that_sfdisk_tells(machine: Machine, device: Path, script: str) -> None:
    disk = sized(device.with_name("e11.0"), 16 * MIB)
    tool("sfdisk", "--quiet", str(disk), text=script)
    table = json.loads(tool("sfdisk", "--json", str(disk)))["partitiontable"]
    assert table["partitions"]
    for partition in table["partitions"]:
        name = Path(partition["node"]).name
        number = int(name.removeprefix("e11.0p"))
        expected = partition.get("uuid", f"{table['id'].removeprefix('0x')}-{number:02x}")
        found = machine.run(f'read_partition_uuid {name}; echo "$partition_uuid"').output
        assert found == f"{expected.lower()}\n"


def test_a_gpt_that_a_new_msdos_table_hides(machine: Machine, device: Path) -> None:
    """The kernel goes by the protective entry of the first sector."""
    disk = sized(device.with_name("e11.0"), 16 * MIB)
    tool("sfdisk", "--quiet", str(disk), text="label: gpt\nsize=1M")
    with disk.open("r+b") as file:
        file.seek(440)
        file.write(b"\x78\x56\x34\x12".ljust(70, b"\0"))
    assert machine.run('read_partition_uuid e11.0p1; echo "$partition_uuid"').output == "12345678-01\n"


def test_a_whole_disk_has_no_partition_uuid(machine: Machine) -> None:
    assert machine.run("read_partition_uuid e11.0 || echo none").output == "none\n"


@pytest.mark.parametrize(("line", "label"), [("PARTNAME=my root=*\n", "my root=*"), ("", "")])
def test_partition_labels_are_the_kernel_s(machine: Machine, line: str, label: str) -> None:
    machine.put("sys/class/block/etherd!e11.0p1/uevent", f"MAJOR=259\n{line}PARTN=1\n")
    assert machine.run('read_partition_label e11.0p1; echo "$partition_label"').output == f"{label}\n"
