"""The part of /sys that tells of a machine's network hardware, for the cards that QEMU emulates."""

from pathlib import Path

from aoeinit.trial.hardware import Nic

PCI_SLOT = "devices/pci0000:00/0000:00:03.0"

DEVICES = {
    "e1000": {
        PCI_SLOT: "pci:v00008086d0000100Esv00001AF4sd00001100bc02sc00i00",
    },
    "virtio-net-pci": {
        PCI_SLOT: "pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00",
        f"{PCI_SLOT}/virtio0": "virtio:d00000001v00001AF4",
    },
}
"""For each model the device's folder in sysfs and its modalias, and so for the bus that the device makes;
as QEMU shows them to a guest. The last one has the interface."""


def make_sysfs(folder: Path, nic: Nic) -> Path:
    """Write what sysfs says of a machine with one network card, and return ``folder``."""
    devices = DEVICES[nic.model]
    for path, modalias in devices.items():
        (folder / path).mkdir(parents=True)
        (folder / path / "modalias").write_text(modalias + "\n")
    device = list(devices)[-1]
    interface = folder / device / "net/eth0"
    interface.mkdir(parents=True)
    (interface / "address").write_text(nic.mac + "\n")
    (interface / "type").write_text("1\n")
    (interface / "device").symlink_to(f"../../../{Path(device).name}")
    listed = folder / "class/net/eth0"
    listed.parent.mkdir(parents=True)
    listed.symlink_to(f"../../{device}/net/eth0")
    return folder
