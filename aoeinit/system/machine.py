"""What the running machine, or a sysroot, says of itself."""

import os
import re
from pathlib import Path

from aoeinit.errors import AoeinitError, ConfigError

# Where distributions differ from the common name of an initramfs; keyed by ID and ID_LIKE of os-release(5).
IMAGE_NAMES = {
    "debian": "initrd.img-{}",
    "suse": "initrd-{}",
}
COMMON_IMAGE_NAME = "initramfs-{}.img"

OVERLAY_LOWER = "/run/aoeinit/lower"
"""Where the agent leaves the target's own file system of a root that is an overlay (rd.overlay)."""

DISKLESS = {
    "9p",
    "aufs",
    "ceph",
    "cifs",
    "fuse",
    "nfs",
    "nfs4",
    "overlay",
    "ramfs",
    "rootfs",
    "tmpfs",
    "virtiofs",
}


def running_kernel() -> str:
    """Give the release of the kernel that runs now."""
    return os.uname().release


def default_output(sysroot: Path, release: str) -> Path:
    """Give the name under which the sysroot's distribution keeps the initramfs of a kernel release."""
    for name in distribution_ids(sysroot):
        if name in IMAGE_NAMES:
            return sysroot / "boot" / IMAGE_NAMES[name].format(release)
    return sysroot / "boot" / COMMON_IMAGE_NAME.format(release)


def distribution_ids(sysroot: Path) -> tuple[str, ...]:
    """Give ID and then ID_LIKE of os-release(5); nothing where there is no such file."""
    for name in ("etc/os-release", "usr/lib/os-release"):
        try:
            text = (sysroot / name).read_text(errors="replace")
        except OSError:
            continue
        found = dict(re.findall(r"""^(ID|ID_LIKE)=["']?([^"'\n]*)""", text, re.MULTILINE))
        return (*found.get("ID", "").split(), *found.get("ID_LIKE", "").split())
    return ()


def root_filesystem(sysroot: Path) -> str:
    """Give the type of the root file system: the mounted one, or of another sysroot what its fstab says.

    On a machine whose root is an overlay over an AoE target, it is the target's. Raises :class:`ConfigError`
    where it cannot be told, and where it is none that a disk can have.
    """
    if os.path.realpath(sysroot) == "/":
        mountinfo = Path("/proc/self/mountinfo")
        source = "the running system"
        found = mounted_filesystem(mountinfo, OVERLAY_LOWER) or mounted_filesystem(mountinfo, "/")
    else:
        source = str(sysroot / "etc/fstab")
        found = fstab_filesystem(sysroot / "etc/fstab")
    if found is None or found in DISKLESS:
        says = "does not tell the type of the root file system" if found is None else f"has a root of {found}"
        raise ConfigError(
            f"{source} {says}{'' if found is None else ', which no target can hold'}",
            hint="name the type on the target with --filesystem, for example --filesystem ext4",
        )
    return found


def mounted_filesystem(mountinfo: Path, point: str) -> str | None:
    """Give the type mounted last on ``point`` (proc_pid_mountinfo(5)); ``None`` where there is none."""
    found = _mounted(mountinfo, point)
    return found[0] if found else None


def _mounted(mountinfo: Path, point: str) -> tuple[str, str] | None:
    """Give type and source of what was mounted last on ``point``."""
    found = None
    try:
        lines = mountinfo.read_text(errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) > 4 and fields[4] == point and after:  # noqa: PLR2004 - field 5 is the mount point
            kind, source, *_ = (*after.split(), "")
            found = kind, source
    return found


def root_device(mountinfo: Path) -> str | None:
    """Give the device of the running system's root, below the overlay if there is one; ``None`` without."""
    found = _mounted(mountinfo, OVERLAY_LOWER) or _mounted(mountinfo, "/")
    return found[1] if found and found[1].startswith("/dev/") else None


def is_on_target(device: str, sysfs: Path) -> bool | None:
    """Tell whether a device is a target's, or made of some that are; ``None`` where sysfs does not tell."""
    name = os.path.relpath(os.path.realpath(device), "/dev").replace("/", "!")
    if name.startswith("etherd!"):
        return True
    if name.startswith("loop") or not (sysfs / "class/block" / name).is_dir():
        return None
    below = sysfs / "class/block" / name / "slaves"
    found = {is_on_target(f"/dev/{each.name.replace('!', '/')}", sysfs) for each in sorted(below.glob("*"))}
    return True if True in found else None if None in found else False


def fstab_filesystem(fstab: Path) -> str | None:
    """Give the type of ``/`` in an fstab(5); ``None`` where it is not there or ``auto``."""
    try:
        lines = fstab.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AoeinitError(
            f"cannot read {fstab}: {error.strerror}",
            "name the type of the root file system with --filesystem",
        ) from error
    for line in lines:
        match line.split():
            case [device, "/", kind, *_] if not device.startswith("#") and kind not in {"auto", "none"}:
                return kind
    return None


def source_date_epoch() -> int:
    """Give the time for every entry of an image, in seconds since 1970: SOURCE_DATE_EPOCH, else 0.

    Source: the SOURCE_DATE_EPOCH specification of reproducible-builds.org, version 1.1.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH") or "0"
    # A newc header has eight hexadecimal digits for it.
    if not re.fullmatch(r"[0-9]{1,10}", text, re.ASCII) or int(text) > 0xFFFFFFFF:  # noqa: PLR2004
        raise ConfigError(
            f"SOURCE_DATE_EPOCH is {text!r}", hint="set it to whole seconds since 1970, or unset it"
        )
    return int(text)
