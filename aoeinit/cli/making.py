"""Making an image from settings: what ``aoeinit build`` and the hooks have in common."""

from pathlib import Path
from typing import TYPE_CHECKING

from aoeinit.build import BuildOptions, ImagePlan, plan_image
from aoeinit.config import ALL, HOST, Settings
from aoeinit.errors import ImageError
from aoeinit.image.archive import front_archive, write_image
from aoeinit.image.check import verify_image
from aoeinit.kernel.config import require_decompressor
from aoeinit.kernel.hardware import network_interfaces
from aoeinit.kernel.microcode import read_processor
from aoeinit.system import machine
from aoeinit.system.files import replace_file

if TYPE_CHECKING:
    from aoeinit.image.uki import UkiParts

# Nobody but root may read an image: it can hold whatever --file put there.
MODE = 0o600


def plan(settings: Settings, *, release: str, sysroot: Path, sysfs: Path = Path("/sys")) -> ImagePlan:
    """Plan the image that the settings mean on this machine."""
    require_decompressor(sysroot, release, settings.compress)
    # An image with the drivers of any machine, or of those that somebody named, is for any processor, too.
    this_machine = HOST in settings.nic and ALL not in settings.nic
    return plan_image(
        BuildOptions(
            release=release,
            sysroot=sysroot,
            settings=settings,
            filesystems=settings.filesystem or (machine.root_filesystem(sysroot),),
            interfaces=network_interfaces(sysfs) if HOST in settings.nic else (),
            processor=read_processor(sysfs) if this_machine else None,
        )
    )


def write(image: ImagePlan, output: Path, settings: Settings) -> None:
    """Write the image to ``output``: beside it, held against the plan, and put in place."""
    mtime = machine.source_date_epoch()
    front = front_archive(image.early, mtime=mtime)

    def check(path: Path) -> None:
        verify_image(path, image.entries, early=image.early, front=len(front))

    with replace_file(output, mode=MODE, check=check) as stream:
        stream.write(front)
        write_image(image.entries, stream, compression=settings.compress, level=settings.level, mtime=mtime)


def write_uki(image: ImagePlan, output: Path, settings: Settings, parts: "UkiParts") -> None:
    """Write the image and ``parts`` as one unified kernel image to ``output``."""
    from tempfile import TemporaryDirectory

    try:
        with TemporaryDirectory(prefix="aoeinit-") as folder:
            unified = unify(image, settings, parts, Path(folder))
    except OSError as error:
        raise ImageError(f"cannot make the unified kernel image: {error}", "check TMPDIR") from error
    with replace_file(output, mode=MODE) as stream:
        stream.write(unified)


def unify(image: ImagePlan, settings: Settings, parts: "UkiParts", folder: Path) -> bytes:
    """Let ukify put image and ``parts`` together in an empty folder, and check that the image is in it."""
    from aoeinit.image.uki import ukify_arguments
    from aoeinit.system.ukify import find_ukify, run_ukify

    initrd, cmdline, output = (folder / name for name in ("initrd", "cmdline", "uki"))
    write(image, initrd, settings)
    cmdline.write_text(parts.cmdline)
    run_ukify(find_ukify(), ukify_arguments(parts, initrd=initrd, cmdline=cmdline, output=output))
    unified = output.read_bytes()
    if initrd.read_bytes() not in unified:
        raise ImageError("the unified kernel image that ukify made does not hold the image")
    return unified
