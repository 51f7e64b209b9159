"""``aoeinit try`` for real: each boot is the command's own, in a process of its own."""

import hashlib
import json
import os
import secrets
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aoeinit.boot.contract import STEPS
from aoeinit.trial.hardware import CONSOLE
from tests.lab.bench import SYSTEM_SECONDS
from tests.lab.disk import Disk, make_disk
from tests.lab.grub import install_grub
from tests.lab.image import TOP, build_image, sysroot_for
from tests.lab.kernels import debian_kernel
from tests.lab.system import make_system
from tests.lab.tiny_root import make_tiny_root

# The interpreter and the project may be in root's own folders: whoever has another name may read them, and
# nothing else.
NOBODY = (
    *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
    *("--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search", "--"),
)
WRITING = """\
#!/bin/sh
mount -o remount,rw /
echo written >/witness
sync
echo "aoelab-witness=$(cat /witness)"
"""


@dataclass(frozen=True, slots=True)
class Tried:
    code: int
    told: dict[str, Any]
    log: Path

    @property
    def console(self) -> str:
        return self.log.read_text(errors="replace")


def attempt(folder: Path, *words: str | Path, user: Sequence[str] = ()) -> Tried:
    """Run the command; its console is in the folder."""
    log = folder / "console.log"
    command = [*user, sys.executable, "-m", "aoeinit", "try", "--json", "--log", f"{log}"]
    command += [*map(str, words), "--timeout", f"{SYSTEM_SECONDS}"]
    environment = {**os.environ, "TMPDIR": f"{folder}", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=TOP, env=environment, check=False, capture_output=True, text=True)
    assert done.stdout.startswith("{"), done.stderr
    return Tried(done.returncode, json.loads(done.stdout), log)


def make_image(folder: Path, nic: str, suite: str = "bookworm") -> tuple[Path, str]:
    """Build an image, and give it with the option that says where its kernel is."""
    kernel = debian_kernel(suite)
    build_image(kernel, folder / "image", ["--nic", nic])
    return folder / "image", f"--sysroot={sysroot_for(kernel)}"


def make_tiny_disk(folder: Path, token: str, *, exercise: str = "", mib: int = 32) -> Disk:
    tree = folder / "root"
    make_tiny_root(tree, token)
    if exercise:
        script = tree / "usr/lib/aoelab/exercise"
        script.write_text(exercise)
        script.chmod(0o755)
    return make_disk(folder / "disk", tree, mib=mib)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_boots_from_a_small_disk_of_its_own_by_a_card_that_the_image_drives(workspace: Path) -> None:
    image, system = make_image(workspace, "virtio_net", "trixie")
    tried = attempt(workspace, image, system, "--target", "e7.3")
    assert tried.code == 0, tried.console
    assert tried.told["reached"]
    assert tried.told["kernel"] == debian_kernel("trixie").release
    assert (tried.told["card"], tried.told["target"]) == ("virtio-net-pci", "e7.3")
    assert tried.told["state"]["root"] == "/dev/etherd/e7.3p1"
    assert [each["name"] for each in tried.told["steps"]] == list(STEPS)
    assert 0 < tried.told["agent_seconds"] < tried.told["seconds"]


def test_boots_without_root_from_a_disk_and_by_firmware(workspace: Path) -> None:
    image, _ = make_image(workspace, "e1000")
    for path in (workspace, image):
        path.chmod(path.stat().st_mode | stat.S_IROTH | stat.S_IXOTH)
    folder = workspace / "nobodys"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    kernel = shutil.copy(debian_kernel("bookworm").vmlinuz, workspace / "vmlinuz")
    disk = make_tiny_disk(workspace, secrets.token_hex(8), exercise=WRITING).path
    for path in (Path(kernel), disk):
        path.chmod(0o644)
    before = digest(disk)
    tried = attempt(folder, image, "--kernel", kernel, "--disk", disk, "--target", "e4.2", user=NOBODY)
    assert tried.code == 0, tried.console
    assert "aoelab-witness=written" in tried.console
    assert digest(disk) == before
    tried = attempt(folder, image, "--kernel", kernel, "--firmware", "bios", user=NOBODY)
    assert tried.code == 0, tried.console


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_boots_by_firmware_which_alone_tells_the_target(firmware: str, workspace: Path) -> None:
    image, system = make_image(workspace, "e1000")
    tried = attempt(workspace, image, system, "--firmware", firmware)
    assert tried.code == 0, tried.console
    assert "target e11.0, as the firmware's aBFT says" in tried.console
    assert tried.told["state"]["root"] == "/dev/etherd/e11.0p1"


def test_what_a_disk_starts_writes_to_a_copy(workspace: Path) -> None:
    image, _ = make_image(workspace, "e1000")
    token = secrets.token_hex(8)
    tree = workspace / "root"
    make_tiny_root(tree, token)
    (tree / "usr/lib/aoelab/exercise").write_text(WRITING)
    (tree / "usr/lib/aoelab/exercise").chmod(0o755)
    (tree / "boot").mkdir()
    shutil.copy(debian_kernel("bookworm").vmlinuz, tree / "boot/vmlinuz")
    shutil.copy(image, tree / "boot/initrd.img")
    disk = make_disk(workspace / "disk", tree, mib=128)
    install_grub(disk, CONSOLE)
    before = digest(disk.path)
    tried = attempt(workspace, "--disk", disk.path, "--firmware", "bios", "--nic", "e1000")
    assert tried.code == 0, tried.console
    assert f"aoelab-token={token}" in tried.console
    assert "aoelab-witness=written" in tried.console
    assert tried.told["state"]["init"] == "/sbin/init"
    assert digest(disk.path) == before
    assert "fuse" not in [line.split(" - ")[1].split()[0] for line in mounts() if str(workspace) in line]


def test_a_system_that_boots_quietly_is_known_by_its_prompt(workspace: Path) -> None:
    tree = workspace / "root"
    make_system(tree, "bookworm", "unused", "/dev/etherd/e11.0p1")
    units = tree / "etc/systemd/system"
    (units / "serial-getty@ttyS0.service").unlink()
    (units / "multi-user.target.wants/aoelab.service").unlink()
    image, _ = make_image(workspace, "e1000")
    shutil.copy(debian_kernel("bookworm").vmlinuz, tree / "boot/vmlinuz")
    shutil.copy(image, tree / "boot/initrd.img")
    disk = make_disk(workspace / "disk", tree, mib=1024)
    install_grub(disk, "console=ttyS0 quiet")
    tried = attempt(workspace, "--disk", disk.path, "--firmware", "bios", "--nic", "e1000")
    assert tried.code == 0, tried.console
    assert "aoelab login:" in tried.console or tried.console.rstrip().endswith("aoelab ttyS0")
    assert "aoeinit: " not in tried.console


def mounts() -> list[str]:
    return Path("/proc/self/mountinfo").read_text().splitlines()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--nic", "pcnet"), "the agent gave up: no network interface"),
        (
            ("--append", "root=/dev/etherd/e11.0p9 rd.aoe.timeout=10"),
            "target e11.0 has no partition 9, it has e11.0p1",
        ),
    ],
    ids=["no-driver", "no-root"],
)
def test_a_boot_that_fails_is_told_by_the_agent(words: tuple[str, ...], why: str, workspace: Path) -> None:
    image, system = make_image(workspace, "e1000")
    tried = attempt(workspace, image, system, *words)
    assert tried.code == 1
    assert not tried.told["reached"]
    assert why in tried.told["why"]
    assert tried.told["log"] == str(tried.log)
    assert why.removeprefix("the agent gave up: ") in tried.console


def test_every_installed_kernel_is_tried_and_one_that_fails_is_told(workspace: Path) -> None:
    system = workspace / "system"
    (system / "boot").mkdir(parents=True)
    image, _ = make_image(workspace, "e1000")
    kernels = [debian_kernel(suite) for suite in ("bookworm", "trixie")]
    for kernel in kernels:
        modules = system / "lib/modules" / kernel.release
        modules.mkdir(parents=True)
        shutil.copy(kernel.modules / "modules.dep", modules)
        shutil.copy(kernel.vmlinuz, system / "boot")
        # The second one gets the image of the first, as a broken update leaves it.
        shutil.copy(image, system / f"boot/initramfs-{kernel.release}.img")
    command = [sys.executable, "-m", "aoeinit", "try", "--all-kernels", f"--sysroot={system}"]
    command += ["--timeout", f"{SYSTEM_SECONDS}"]
    done = subprocess.run(command, cwd=TOP, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    told = {line.partition(":")[0]: line for line in done.stdout.splitlines()}
    assert set(told) == {kernel.release for kernel in kernels}
    good, wrong = (told[kernel.release] for kernel in kernels)
    assert "root reached in" in good
    assert f"has modules for kernel {kernels[0].release}, not for {kernels[1].release}" in wrong
