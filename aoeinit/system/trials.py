"""Running a trial: a network, the target's server in it, and the machine that is to boot from it."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from aoeinit.errors import TrialError
from aoeinit.system.commands import require_program
from aoeinit.system.disk_copy import disk_copy
from aoeinit.system.namespace import Network, network
from aoeinit.system.qemu import Machine, machine
from aoeinit.system.servers import dhcp, vblade
from aoeinit.system.small_disk import make_small_disk
from aoeinit.trial.console import Line, Outcome, hands_over, is_stuck, judge, lives, plain
from aoeinit.trial.hardware import Boot, DirectBoot, EfiNetworkBoot, NetworkBoot
from aoeinit.trial.plan import IMAGE_FILE, KERNEL_FILE, SCRIPT_FILE, Trial, ipxe_script
from aoeinit.trial.small_root import small_root

FIRMWARE: Final = (
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
)
"""Where Debian and Fedora have OVMF: its code, and its variables as they are at first."""

PROGRAMS: Final = {
    "qemu-system-x86_64": "qemu-system-x86 or qemu-system-x86-core",
    "vblade": "vblade",
    "ip": "iproute2 or iproute",
    "setpriv": "util-linux",
    "nsenter": "util-linux",
    "unshare": "util-linux",
}

GRACE_SECONDS: Final = 10
"""How long the init of a system may say nothing; one that cannot run makes the kernel panic by then."""


def require_programs(*, with_disk: bool, firmware: str | None) -> None:
    """Find every program that a trial runs; raises :class:`aoeinit.errors.AoeinitError` for a missing one.

    It is with a disk of the user's or without, and through ``firmware`` or through none.
    """
    needed = dict(PROGRAMS)
    if not with_disk:
        needed |= {"sfdisk": "fdisk or util-linux", "mke2fs": "e2fsprogs"}
    if firmware:
        needed["dnsmasq"] = "dnsmasq-base or dnsmasq"
    if firmware == "uefi":
        find_ovmf()
    for name, package in needed.items():
        require_program(name, package)


def run_trial(
    trial: Trial, log: Path, tell: Callable[[Line], None], warn: Callable[[str], None]
) -> tuple[Outcome, tuple[Line, ...]]:
    """Boot, and give how it ended with all that the console said, which is also kept in ``log``.

    ``tell`` gets each line as it comes, ``warn`` what the user should know. Raises
    :class:`aoeinit.errors.AoeinitError` where it cannot be tried at all.
    """
    token = secrets.token_hex(8) if trial.disk is None else None
    with TemporaryDirectory(prefix="aoeinit-try-") as name, ExitStack() as stack:
        folder = Path(name)
        net = stack.enter_context(network())
        disk = stack.enter_context(trial_disk(net, trial, folder, token, warn))
        masks = [trial.hardware.nic.mac]
        stack.enter_context(vblade(net, disk, shelf=trial.target.shelf, slot=trial.target.slot, masks=masks))
        if trial.firmware:
            script = loader_script(trial, folder / "tftp") if trial.subject else None
            stack.enter_context(dhcp(net, folder, f"aoe:{trial.target}", script))
        client = stack.enter_context(machine(net, trial.hardware, boot_of(trial, folder), log))
        off = follow(client, trial, tell)
        said = tuple(client.said())
        if off and client.process.wait():
            words = [text for each in said if (text := plain(each.text).strip())] or ["without a word"]
            raise TrialError(f"QEMU failed: {words[-1]}", "see --memory, and the packages that QEMU needs")
        return judge(said, token, off=off), said


@contextmanager
def trial_disk(
    net: Network, trial: Trial, folder: Path, token: str | None, warn: Callable[[str], None]
) -> Iterator[Path]:
    """Give the disk to boot from: a copy of the user's, or a small one whose root knows the token."""
    if trial.disk is None or token:
        yield make_small_disk(folder, small_root(Path("/"), f"{token}"))
        return
    with disk_copy(net, trial.disk, folder, warn) as copy:
        yield copy


def loader_script(trial: Trial, folder: Path) -> Path:
    """Put what iPXE loads into a new folder."""
    folder.mkdir()
    if trial.subject:
        for source, name in ((trial.subject.vmlinuz, KERNEL_FILE), (trial.subject.image, IMAGE_FILE)):
            shutil.copyfile(source, folder / name)
            # dnsmasq gives away only what everybody may read; the folder above is closed to others.
            (folder / name).chmod(0o644)
    (folder / SCRIPT_FILE).write_text(ipxe_script(trial))
    return folder / SCRIPT_FILE


def boot_of(trial: Trial, folder: Path) -> Boot:
    """Choose what the machine starts from."""
    if trial.firmware == "uefi":
        code, variables = find_ovmf()
        shutil.copyfile(variables, folder / "variables")
        return EfiNetworkBoot(code, folder / "variables")
    if trial.firmware or trial.subject is None:
        return NetworkBoot()
    return DirectBoot(trial.subject.vmlinuz, trial.subject.image, trial.parameters())


def find_ovmf() -> tuple[Path, Path]:
    """Find EFI firmware for QEMU: its code and its variables. Raises :class:`TrialError` without."""
    for code, variables in FIRMWARE:
        if os.access(code, os.R_OK) and os.access(variables, os.R_OK):
            return Path(code), Path(variables)
    raise TrialError("there is no EFI firmware for QEMU", "install the package ovmf or edk2-ovmf")


def follow(client: Machine, trial: Trial, tell: Callable[[Line], None]) -> bool:
    """Let the machine run until nothing more is to be learnt; tell whether it went off by itself.

    The small root switches it off. A real system goes on for ever: it has come up when its init says
    something, or nothing that speaks against that for a while.
    """
    seen, patience = 0, trial.seconds
    while (heard := client.hear(patience)) is not None:
        for line in client.lines[seen:]:
            tell(line)
        for line in client.said()[seen:]:
            if trial.disk and hands_over(line.text):
                patience = min(patience, line.seconds + GRACE_SECONDS)
            elif is_stuck(line.text):
                patience = min(patience, line.seconds + 1)
            elif trial.disk and lives(line.text):
                return False
        seen = len(client.lines)
        if not heard:
            return True
    return False
