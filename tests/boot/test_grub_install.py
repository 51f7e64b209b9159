"""A system that has put GRUB on its target by itself starts from there, through iPXE, on BIOS and on EFI."""

import hashlib
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aoeinit.system.namespace import Network, network
from aoeinit.system.qemu import Machine, machine
from aoeinit.system.servers import dhcp, vblade
from aoeinit.trial.hardware import CONSOLE, Boot, DirectBoot, Hardware, NetworkBoot, Nic
from tests.lab.disk import MIB, Disk, make_disk, make_efi_disk, make_empty
from tests.lab.efi import efi_network_boot
from tests.lab.image import build_image
from tests.lab.installation import BOOKWORM, make_project, make_wheel
from tests.lab.kernels import debian_kernel
from tests.lab.programs import run
from tests.lab.report import Report, read_report
from tests.lab.system import make_system

NIC = Nic("e1000")
TRIAL = Path(__file__).parents[1] / "lab/grub_trial.sh"
PACKAGES = ("systemd-sysv", "udev", "python3", "libarchive13", "fdisk", "kmod", "busybox-static")
UNIT = """\
[Unit]
Before=aoelab.service

[Service]
Type=oneshot
ExecStart=/usr/lib/aoelab/grub-trial
"""
OLD = "11111111-2222-3333-4444-555555555555"
DEFAULTS = f"""\
GRUB_DISTRIBUTOR=Debian
GRUB_TIMEOUT=0
GRUB_TERMINAL=console
GRUB_CMDLINE_LINUX_DEFAULT="root=UUID={OLD}"
GRUB_CMDLINE_LINUX="{CONSOLE} resume=/dev/sda2"
"""
MODULES = ("vfat", "nls_cp437", "nls_ascii")
SECONDS = 600


@dataclass(frozen=True, slots=True)
class Way:
    """A firmware's: the package that Debian has for it, what goes with it, and the root's partition."""

    package: str
    more: tuple[str, ...]
    root: str


BIOS = Way("grub-pc", (), "/dev/etherd/e11.0p1")
EFI = Way("grub-efi-amd64", ("grub-efi-amd64-signed", "shim-signed", "dosfstools"), "/dev/etherd/e11.0p2")


def test_bios_starts_a_target_that_got_grub_from_its_own_system(
    workspace: Path, log: Path, accelerator: str
) -> None:
    trial = Trial(BIOS, workspace, log, accelerator, secrets.token_hex(8))
    disk = make_disk(workspace / "disk", trial.make_tree(), mib=1024)
    with network() as net:
        report = trial.put_grub(net, disk)
        assert "ran grub-install --target=i386-pc --recheck /dev/etherd/e11.0" in report.every("install")
        assert "grub-install success for /dev/etherd/e11.0" in report.every("update")
        assert report.every("refused")[0] == (
            "aoeinit: /dev/etherd/e12.0 has a GPT without a BIOS boot partition: no room for GRUB"
        )
        assert report.every("elsewhere")[0] == (
            "aoeinit: /boot is on /dev/etherd/e11.0p1, not on /dev/etherd/e13.0"
        )
        trial.start(net, disk, NetworkBoot())


def test_efi_firmware_starts_the_signed_programs_of_the_targets_own_partition(
    workspace: Path, log: Path, accelerator: str
) -> None:
    trial = Trial(EFI, workspace, log, accelerator, secrets.token_hex(8))
    tree = trial.make_tree()
    with (tree / "etc/fstab").open("a") as file:
        file.write("/dev/etherd/e11.0p1 /boot/efi vfat defaults 0 0\n")
    (tree / "boot/efi").mkdir()
    signed = {
        "EFI/BOOT/BOOTX64.EFI": tree / "usr/lib/shim/shimx64.efi.signed",
        "EFI/BOOT/grubx64.efi": tree / "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed",
    }
    disk = make_efi_disk(workspace / "disk", tree, {}, mib=1024)
    with network() as net:
        report = trial.put_grub(net, disk)
        files = dict(line.split()[:2] for line in report.every("esp"))
        for name, source in signed.items():
            assert files[name] == hashlib.sha256(source.read_bytes()).hexdigest()
        # What the signed GRUB reads, once the package has installed it anew, too.
        assert "EFI/debian/grub.cfg" in files
        # shim would start it instead of GRUB, and it would write boot entries to the firmware.
        assert not [name for name in files if name.lower().startswith("efi/boot/fb")]
        trial.start(net, disk, efi_network_boot(workspace))


@dataclass(frozen=True, slots=True)
class Trial:
    """A system that is to start from its target, by one way, and the token by which it is known."""

    way: Way
    folder: Path
    log: Path
    accelerator: str
    token: str

    def make_tree(self) -> Path:
        """The system: GRUB's packages, a kernel, its image and aoeinit; the command line names a disk."""
        kernel = debian_kernel("bookworm")
        tree = self.folder / "root"
        make_system(
            tree, "bookworm", self.token, self.way.root, (*PACKAGES, self.way.package, *self.way.more)
        )
        shutil.copy(kernel.vmlinuz, tree / f"boot/vmlinuz-{kernel.release}")
        modules = [word for name in MODULES for word in ("--module", name)]
        build_image(kernel, self.image, ["--nic", "e1000", *modules])
        (tree / "boot/grub").mkdir(exist_ok=True)
        (tree / "etc/default/grub").write_text(DEFAULTS)
        (tree / "etc/aoelab/package").write_text(self.way.package)
        shutil.copy(TRIAL, tree / "usr/lib/aoelab/grub-trial")
        units = tree / "etc/systemd/system"
        (units / "grub-trial.service").write_text(UNIT)
        (units / "multi-user.target.wants/grub-trial.service").symlink_to("../grub-trial.service")
        (self.folder / "wheel").mkdir()
        make_project(tree / "opt/aoeinit", make_wheel(self.folder / "wheel"), BOOKWORM)
        return tree

    @property
    def image(self) -> Path:
        return self.folder / f"root/boot/initrd.img-{debian_kernel('bookworm').release}"

    def put_grub(self, net: Network, disk: Disk) -> Report:
        """Let the system, started by QEMU, put GRUB on its target; two more have no room, or no system."""
        boot = DirectBoot(
            debian_kernel("bookworm").vmlinuz, self.image, f"{CONSOLE} root={self.way.root} quiet"
        )
        others = [self.folder / name for name in ("gpt", "dos")]
        for other in others:
            make_empty(other, 64 * MIB)
            run(["sfdisk", "--quiet", str(other)], stdin=f"label: {other.name}\nstart=2048\n")
        with (
            vblade(net, others[0], shelf=12),
            vblade(net, others[1], shelf=13),
            self.running(net, disk, boot) as client,
        ):
            client.run_to_end(SECONDS)
        report = read_report(client.lines)
        for key in ("config", "install", "again", "update"):
            assert report.every(key)[-1] == "exit code 0"
        assert report.every("again")[0] == (
            "the files are right; would only run grub-mkconfig -o /boot/grub/grub.cfg"
        )
        assert report.every("left") == []
        return report

    def start(self, net: Network, disk: Disk, boot: Boot) -> None:
        """Start a machine without a disk: firmware, GRUB, menu and image all come from the target."""
        with (
            dhcp(net, self.folder, "aoe:e11.0"),
            self.running(net, disk, boot) as client,
        ):
            client.run_to_end(SECONDS)
        report = read_report(client.lines)
        assert report.one("token") == self.token
        words = report.one("parameters").split()
        assert words[0] == f"BOOT_IMAGE=/boot/vmlinuz-{debian_kernel('bookworm').release}"
        assert [word for word in words if word.startswith("root=")] == [f"root={self.way.root}"]
        assert not [word for word in words if word.startswith("resume=") or OLD in word]
        assert report.state["root"] == self.way.root

    @contextmanager
    def running(self, net: Network, disk: Disk, boot: Boot) -> Iterator[Machine]:
        hardware = Hardware(NIC, memory=1024, accelerator=self.accelerator)
        with vblade(net, disk.path), machine(net, hardware, boot, self.log) as client:
            yield client
