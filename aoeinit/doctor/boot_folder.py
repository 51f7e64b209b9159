"""The folder /boot: whether it is the one that the boot loader reads, and has room for another image."""

from collections.abc import Iterator

from aoeinit.doctor.findings import Finding, warning
from aoeinit.doctor.system import ReadImage, System
from aoeinit.install.fstab.plan import is_on
from aoeinit.install.grub.esp import names_in


def examine(system: System) -> Iterator[Finding]:
    """Look whether it is mounted, and for the room that a new image takes beside the old."""
    for line in system.fstab:
        if not line.is_disk or line.mount_point not in {"/boot", "/boot/efi", "/efi"}:
            continue
        point = line.mount_point
        mounted = system.running.mounted if system.running else None
        here = point in mounted if mounted is not None else bool(names_in(system.sysroot, point.lstrip("/")))
        if not here and "x-systemd.automount" not in line.options:
            place = f"{system.sysroot}".rstrip("/") + point
            device = (
                ""
                if system.running or not (system.target and is_on(line, system.target))
                else f"{line.source} "
            )
            yield warning(
                f"{point} is not mounted: new images and menus would go where no boot loader looks",
                f"mount {device}{place}",
            )
    largest = max((each.size for each in system.images.values() if isinstance(each, ReadImage)), default=0)
    if system.free is not None and system.free < largest:
        yield warning(
            f"/boot has {system.free >> 20} MiB left, and a new image takes {-(-largest >> 20)}",
            "remove an old kernel",
        )
