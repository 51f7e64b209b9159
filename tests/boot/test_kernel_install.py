"""Kernels that the real kernel-install of a Debian system has added, with our hooks, boot from the target."""

import re
import secrets
import shutil
from pathlib import Path

import pytest

from aoeinit.system.namespace import network
from aoeinit.system.qemu import machine
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import CONSOLE, Boot, DirectBoot, Hardware, Nic
from tests.lab.bench import BOOT_SECONDS
from tests.lab.disk import make_disk
from tests.lab.efi import efi_boot
from tests.lab.installation import (
    BOOKWORM,
    COMMAND,
    MACHINE_ID,
    TRIXIE,
    Installation,
    Suite,
    installation,
    make_project,
    make_wheel,
)
from tests.lab.kernels import debian_kernel
from tests.lab.report import read_report
from tests.lab.tiny_root import make_tiny_root

NIC = Nic("e1000")
PARAMETERS = f"{CONSOLE} root=/dev/etherd/e11.0p1"


@pytest.mark.parametrize(
    ("suite", "layout"), [(BOOKWORM, "bls"), (TRIXIE, "uki")], ids=["bookworm-bls", "trixie-uki"]
)
def test_a_kernel_that_was_added_boots(
    suite: Suite, layout: str, workspace: Path, log: Path, accelerator: str
) -> None:
    kernel = debian_kernel(suite.name)
    (workspace / "wheel").mkdir()
    project = make_project(workspace / "project", make_wheel(workspace / "wheel"), suite)
    with installation(suite, project, kernel) as system:
        add_kernel(system, layout)
        boot = BOOTS[layout](system, workspace)
    token = secrets.token_hex(8)
    make_tiny_root(workspace / "root", token)
    disk = make_disk(workspace / "disk", workspace / "root", mib=32)
    hardware = Hardware(NIC, memory=1024, accelerator=accelerator)
    with (
        network() as net,
        vblade(net, disk.path, masks=[NIC.mac]),
        machine(net, hardware, boot, log) as client,
    ):
        client.run_to_end(BOOT_SECONDS)
    report = read_report(client.lines)
    assert (report.one("token"), report.one("release")) == (token, kernel.release)
    assert report.one("parameters") == f"{PARAMETERS} systemd.machine_id={MACHINE_ID}"
    assert report.state["root"] == "/dev/etherd/e11.0p1"


def add_kernel(system: Installation, layout: str) -> None:
    system.run(COMMAND, "hooks", "install", "--yes")
    with system.file("/etc/kernel/install.conf").open("a") as file:
        file.write(f"layout={layout}\n")
    system.file("/etc/kernel/cmdline").write_text(f"{PARAMETERS}\n")
    system.run("kernel-install", "add", system.release, system.vmlinuz)


def through_entry(system: Installation, workspace: Path) -> Boot:
    """Take from the boot entry what a boot loader would."""
    entry = system.file(f"/boot/loader/entries/{MACHINE_ID}-{system.release}.conf").read_text()
    fields = dict(re.findall(r"^(\S+)\s+(.*?)\s*$", entry, re.MULTILINE))
    for name in ("linux", "initrd"):
        shutil.copy(system.file(fields[name]), workspace / name)
    return DirectBoot(workspace / "linux", workspace / "initrd", fields["options"])


def through_firmware(system: Installation, workspace: Path) -> Boot:
    return efi_boot(workspace, system.file(f"/boot/EFI/Linux/{MACHINE_ID}-{system.release}.efi"))


BOOTS = {"bls": through_entry, "uki": through_firmware}
