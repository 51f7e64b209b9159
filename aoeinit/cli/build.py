"""``aoeinit build``: plan an image, then write it."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aoeinit.config import COMPRESSIONS, HOST, Settings, file_pair
from aoeinit.errors import ConfigError

if TYPE_CHECKING:
    from aoeinit.aoe.target import Target
    from aoeinit.build import ImagePlan


def read_target(_ctx: click.Context, _param: click.Parameter, value: str | None) -> "Target | None":
    """Read a target's name, or end with a usage error."""
    from aoeinit.aoe.target import Target

    if value is None:
        return None
    try:
        return Target.parse(value)
    except ConfigError as error:
        raise click.BadParameter(f"{error.message}; {error.hint}") from error


def read_files(
    _ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[Path, str], ...]:
    """Read ``SRC[:DST]`` pairs, or end with a usage error."""
    try:
        return tuple(file_pair(value) for value in values)
    except ConfigError as error:
        raise click.BadParameter(f"{error.message}; {error.hint}") from error


@click.command()
@click.option("--kernel", metavar="KVER", help="Kernel release.  [default: the running one]")
@click.option("--sysroot", type=click.Path(path_type=Path), default="/", help="Where the system is.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The image.  [default: /boot/initramfs-KVER.img, or the name the distribution uses]",
)
@click.option(
    "--target", callback=read_target, metavar="eX.Y", help="Target to boot from if nobody says else."
)
@click.option(
    "--nic",
    "nics",
    metavar="host|all|MODULE",
    multiple=True,
    help="Network drivers: for this machine's hardware, all Ethernet ones, or by name.  [default: host]",
)
@click.option(
    "--filesystem",
    "filesystems",
    metavar="FS",
    multiple=True,
    help="File system of the root.  [default: the running root's]",
)
@click.option("--module", "modules", metavar="M", multiple=True, help="One more module, loaded first.")
@click.option(
    "--program", "programs", metavar="PATH", multiple=True, help="One more program, with its libraries."
)
@click.option(
    "--file",
    "files",
    metavar="SRC[:DST]",
    callback=read_files,
    multiple=True,
    help="One more file or folder.",
)
@click.option(
    "--compress",
    type=click.Choice(COMPRESSIONS),
    default=COMPRESSIONS[0],
    show_default=True,
    help="How the image is compressed.",
)
@click.option("--level", type=int, metavar="N", help="Compression level.  [default: quick and small]")
@click.option(
    "--sysfs",
    type=click.Path(path_type=Path),
    default="/sys",
    show_default=True,
    help="Where --nic host reads the hardware.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result, or the plan, as JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Print what goes into the image.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors and warnings only.")
def build(
    kernel: str | None,
    sysroot: Path,
    output: Path | None,
    target: "Target | None",
    nics: tuple[str, ...],
    filesystems: tuple[str, ...],
    modules: tuple[str, ...],
    programs: tuple[str, ...],
    files: tuple[tuple[Path, str], ...],
    compress: str,
    level: int | None,
    sysfs: Path,
    dry_run: bool,
    as_json: bool,
    verbose: bool,
    quiet: bool,
) -> None:
    """Build an initramfs image for one kernel release."""
    from aoeinit.cli.making import plan, write
    from aoeinit.system import machine

    started = time.monotonic()
    release = kernel or machine.running_kernel()
    output = output or machine.default_output(sysroot, release)
    settings = Settings(
        nic=nics or (HOST,),
        filesystem=filesystems,
        target=target,
        module=modules,
        program=programs,
        file=files,
        compress=compress,
        level=level,
    )
    image = plan(settings, release=release, sysroot=sysroot, sysfs=sysfs)
    for warning in image.warnings:
        click.echo(f"aoeinit: warning: {warning}", err=True)
    if not dry_run:
        write(image, output, settings)
    size = None if dry_run else output.stat().st_size
    if as_json:
        click.echo(as_data(image, output, size))
    elif not quiet:
        if verbose or dry_run:
            click.echo(contents(image))
        done = f"{size} bytes" if size is not None else "would be written"
        click.echo(f"{output}: {done}, {len(image.modules)} modules, {time.monotonic() - started:.2f} s")


def contents(image: "ImagePlan") -> str:
    """Say for people what an image holds."""
    lines = [f"kernel {image.release}"]
    for each in image.modules:
        when = each.stage or "by alias"
        lines.append(f"module {when:10} {'required' if each.required else 'optional'} {each.module.path}")
    lines += [f"built-in {name}" for name in image.builtins]
    lines += [f"firmware {name}" for name in image.firmware]
    lines += [f"program {name}" for name in image.programs]
    return "\n".join([*lines, f"{len(image.entries)} entries"])


def as_data(image: "ImagePlan", output: Path, size: int | None) -> str:
    """Give the same as JSON; ``size`` is in bytes, ``null`` for a image."""
    import json

    return json.dumps(
        {
            "image": str(output),
            "size": size,
            "kernel": image.release,
            "modules": [
                {
                    "name": each.module.name,
                    "path": each.module.path,
                    "stage": each.stage,
                    "required": each.required,
                }
                for each in image.modules
            ],
            "builtins": image.builtins,
            "firmware": image.firmware,
            "programs": image.programs,
            "entries": [entry.path for entry in image.entries],
            "warnings": image.warnings,
        },
        indent=2,
    )
