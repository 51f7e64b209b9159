"""A whole small system to build images from."""

from pathlib import Path

from aoeinit.boot import contract
from aoeinit.kernel.hardware import NetworkInterface
from tests.unit.elf_files import MadeUp
from tests.unit.kernel_samples import FOLDER, dep_lines, make_release, module_elf, path_of

MODULES = {
    "aoe": "",
    "crc": "",
    "crc_fast": "",
    "jbd2": "",
    "ext4": "jbd2",
    "phy": "",
    "libphy": "",
    "nic": "libphy",
    "virtio_pci": "",
    "virtio_net": "",
    "drivers/net/ethernet/other": "",
}
CARD = NetworkInterface("enp1s0", "52:54:00:00:00:01", ("pci:v1d2",), "pci:v1d2", "nic")


def make_system(sysroot: Path) -> Path:
    """Make a system with one small kernel, some firmware and a busybox."""
    make_release(
        sysroot,
        dep=dep_lines(*(f"{name}: {needed}" for name, needed in MODULES.items())),
        softdep="softdep jbd2 pre: crc_fast crc\nsoftdep nic pre: phy\n",
        alias=(
            "alias fs-ext4 ext4\nalias fs-ext3 ext4\nalias pci:v1d* nic\n"
            "alias virtio:d1 virtio_net\nalias pci:v9d9 other\n"
        ),
        builtin="kernel/fs/xfs/xfs.ko\n",
    )
    for name in MODULES:
        file = sysroot / FOLDER / path_of(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        firmware = ("nic/one.bin", "nic/two.bin", "nic/gone.bin") if name == "nic" else ()
        file.write_bytes(module_elf(name, firmware=firmware))
    (sysroot / "lib/firmware/nic").mkdir(parents=True)
    (sysroot / "lib/firmware/nic/one.bin").write_bytes(b"code")
    (sysroot / "lib/firmware/nic/two.bin").symlink_to("one.bin")
    (sysroot / "bin").mkdir()
    make_busybox(sysroot, {*contract.APPLETS, *contract.SHELL_APPLETS, "zcat"})
    return sysroot


def make_busybox(sysroot: Path, applets: set[str]) -> None:
    table = b"".join(name.encode() + b"\0" for name in sorted(applets))
    busybox = sysroot / "bin/busybox"
    busybox.write_bytes(MadeUp().content() + b"\0" + table)
    busybox.chmod(0o4755)
