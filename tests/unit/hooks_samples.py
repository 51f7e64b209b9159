"""A Fedora and a Debian for hooks to be installed in, and the files of the hooks."""

from pathlib import Path

from aoeinit.install.hooks import RECORD, UPDATE_INITRAMFS, VENDOR_CONF, plan_install
from aoeinit.install.record import ChangePlan, record_text
from aoeinit.install.state import Change, Present
from aoeinit.system.changes import apply
from tests.unit.tree_samples import put

COMMAND = "/opt/aoeinit/bin/aoeinit"
PLUGIN = "etc/kernel/install.d/52-aoeinit.install"
COPY_PLUGIN = "etc/kernel/install.d/95-aoeinit.install"
POSTINST = "etc/kernel/postinst.d/initramfs-aoeinit"
POSTRM = "etc/kernel/postrm.d/initramfs-aoeinit"
MASK = "etc/kernel/install.d/85-initrd.install"
TOOLS = "etc/kernel/postinst.d/initramfs-tools"


def make_fedora(sysroot: Path) -> Path:
    put(sysroot, "usr/bin/kernel-install", mode=0o755)
    put(sysroot, "usr/lib/kernel/install.d/50-dracut.install", mode=0o755)
    put(sysroot, VENDOR_CONF, "# vendor\nlayout=bls\n")
    return sysroot


def make_debian(sysroot: Path) -> Path:
    put(sysroot, "usr/bin/kernel-install", mode=0o755)
    put(sysroot, "usr/sbin/update-initramfs", mode=0o755)
    put(sysroot, "usr/lib/kernel/install.d/85-initrd.install", mode=0o755)
    put(sysroot, TOOLS, "#!/bin/sh\n", mode=0o755)
    put(sysroot, UPDATE_INITRAMFS, "# comment\nupdate_initramfs=yes\nbackup_initramfs=no\n")
    return sysroot


def by_path(plan: ChangePlan) -> dict[str, Change]:
    return {change.path: change for change in plan.changes}


def install(sysroot: Path, *, is_debian: bool, command: str = COMMAND) -> None:
    plan = plan_install(sysroot, command=command, debian=is_debian)
    for change in plan.changes:
        apply(sysroot, change)
    apply(sysroot, Change(RECORD, None, Present(record_text(plan.record), 0o600), ""))
