"""The hooks: whether the next kernel gets an image, and of nobody else."""

from collections.abc import Iterator

from aoeinit.doctor.findings import Finding, warning
from aoeinit.doctor.system import System
from aoeinit.errors import ConfigError
from aoeinit.install.hooks import status
from aoeinit.install.kernel_install import GENERATOR


def examine(system: System) -> Iterator[Finding]:
    """Ask how the hooks stand."""
    try:
        found = status(system.sysroot, debian=system.debian)
    except ConfigError as failure:
        if system.kernels:
            yield warning(failure.message, failure.hint or "see there")
        return
    fix = system.command("hooks install --yes")
    if found.command is None and not system.kernels:
        return  # what starts this machine is elsewhere, and so are its images
    if found.command is None:
        names = " and ".join(dict.fromkeys(each.name for each in found.others))
        replaced = f", and the next run of {names} replaces the present one" if names else ""
        yield warning(f"no hook is installed: the next kernel gets no image of ours{replaced}", fix)
        return
    if not system.command_is_there:
        yield warning(f"the hooks call {found.command}, which is not there", f"{fix} --command PATH")
    if found.generator not in {None, GENERATOR}:
        yield warning(f"/{found.generator_file} names {found.generator} as the generator of images", fix)
    for path in found.missing:
        yield warning(f"/{path} is not there: it belongs to the hooks", fix)
    for path in found.differing:
        yield warning(f"/{path} is not as the hooks need it", fix)
    for other in found.others:
        yield warning(f"{other.name} is active, too (/{other.trigger}): it may replace the image", fix)
