"""``aoeinit kernel-install``: what the hooks call when a kernel is installed or removed."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aoeinit.errors import AoeinitError

if TYPE_CHECKING:
    from aoeinit.install.kernel_install import Build, Request


@click.command()
@click.option(
    "--sysroot",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default="/",
    show_default=True,
    help="Where the system is.",
)
@click.argument("command", metavar="add|remove")
@click.argument("release", metavar="KVER")
@click.argument("places", metavar="[ENTRY_DIR [KERNEL [INITRD]...]]", nargs=-1)
def kernel_install(sysroot: Path, command: str, release: str, places: tuple[str, ...]) -> None:
    """Make or remove the image of a kernel that is installed or removed.

    This is what the hooks call, with the arguments of a plugin of kernel-install(8) and its environment
    (KERNEL_INSTALL_LAYOUT, _STAGING_AREA, _BOOT_ROOT, ...). An image is made by the configuration files.
    """
    from aoeinit.install import hooks
    from aoeinit.install.kernel_install import Build, Remove, Request, decide
    from aoeinit.system import machine

    request = Request.parse([command, release, *places], os.environ, sysroot)
    image_name = machine.default_output(sysroot, release).name
    configured, _ = hooks.configured_generator(sysroot)
    todo = decide(request, image_name=image_name, configured=configured)
    if isinstance(todo, Build):
        try:
            build(todo, sysroot)
        except BaseException:
            try:
                drop_dead_entries(request, todo)
            except AoeinitError as error:
                # It must not hide what went wrong first.
                click.echo(f"aoeinit: {error.message}; {error.hint}", err=True)
            raise
    elif isinstance(todo, Remove):
        remove(todo.image, request)
    elif request.verbose or request.generator is None:
        # A person who calls this by hand should not be left to guess.
        click.echo(f"aoeinit: nothing to do: {todo.why}")


def build(todo: "Build", sysroot: Path) -> None:
    """Make the image, and see to it that what is copied by later plugins will fit."""
    from aoeinit.cli.making import plan, write
    from aoeinit.cli.settings import settings_for

    settings = settings_for(sysroot, {})
    image = plan(settings, release=todo.release, sysroot=sysroot)
    for warning in image.warnings:
        click.echo(f"aoeinit: warning: {warning}", err=True)
    write(image, todo.image, settings)
    require_space(todo)
    click.echo(f"aoeinit: {todo.image}: {size(todo.image)} bytes, {len(image.modules)} modules")


def require_space(todo: "Build") -> None:
    """Refuse before a later plugin removes the old files for new ones that will not fit.

    Raises :class:`AoeinitError`.
    """
    if not todo.copies:
        return
    folder = next(each for each in todo.booted.parents if each.is_dir())
    try:
        found = os.statvfs(folder)
    except OSError as error:
        raise AoeinitError(f"cannot tell what is free in {folder}: {error.strerror}") from error
    free = found.f_bavail * found.f_frsize
    for copy, sources in todo.copies:
        needed = sum(size(source) for source in sources) + todo.overhead
        free += size(copy) if copy.is_file() else 0
        if needed > free:
            raise AoeinitError(
                f"{copy} would take {needed} bytes, and there are {max(free, 0)} in {folder}",
                "remove an old kernel, and install this one again; nothing was replaced",
            )
        free -= needed


def size(path: Path) -> int:
    """Give the bytes of a file; raises :class:`AoeinitError` where it is not there."""
    try:
        return path.stat().st_size
    except OSError as error:
        raise AoeinitError(
            f"cannot read {path}: {error.strerror}", "install the kernel's package again"
        ) from error


def remove(image: Path, request: "Request") -> None:
    """Remove an image that is no longer of use."""
    try:
        image.unlink(missing_ok=True)
    except OSError as error:
        raise AoeinitError(f"cannot remove {image}: {error.strerror}", "remove it by hand") from error
    if request.verbose:
        click.echo(f"aoeinit: removed {image}")


def drop_dead_entries(request: "Request", todo: "Build") -> None:
    """Remove the boot entries of a kernel that has no image, not even an old one: they could only fail."""
    if todo.booted.exists():
        click.echo(f"aoeinit: {todo.booted} is kept as it was", err=True)
        return
    for entry in entries_of(request, todo.booted):
        try:
            entry.unlink()
        except OSError as error:
            raise AoeinitError(
                f"{entry} names an image that is not there: {error.strerror}", "remove it"
            ) from error
        click.echo(f"aoeinit: removed {entry}: kernel {request.release} has no image", err=True)


def entries_of(request: "Request", image: Path) -> list[Path]:
    """Find the boot entries of the kernel that name the image.

    Raises :class:`AoeinitError` where they cannot be read.
    """
    from aoeinit.install.kernel_install import is_entry, names_image

    found: list[Path] = []
    place = folder = request.boot / "loader/entries"
    try:
        for name in sorted(os.listdir(folder)) if folder.is_dir() else ():
            place = folder / name
            if is_entry(name, request) and names_image(place.read_text(errors="replace"), image):
                found.append(place)
    except OSError as error:
        raise AoeinitError(
            f"cannot read {place}: {error.strerror}", f"see whether an entry there names {image}"
        ) from error
    return found
