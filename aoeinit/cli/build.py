"""``aoeinit build``: plan an image, then write it."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

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
    return tuple(read_file_pair(value) for value in values)


def read_file_pair(value: str) -> tuple[Path, str]:
    """Split at the last colon; without one the file keeps its own absolute path."""
    source, colon, destination = value.rpartition(":")
    if not colon:
        source, destination = value, os.path.abspath(value)
    if not source or not destination.startswith("/"):
        raise click.BadParameter(f"{value!r}: DST is an absolute path in the image, as in ./key:/etc/key")
    return Path(source), destination


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
    type=click.Choice(["zstd", "xz", "gzip", "lz4", "none"]),
    default="zstd",
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
    from aoeinit.build import HOST, BuildOptions, plan_image
    from aoeinit.kernel.config import require_decompressor
    from aoeinit.kernel.hardware import network_interfaces
    from aoeinit.system import machine

    started = time.monotonic()
    release = kernel or machine.running_kernel()
    output = output or machine.default_output(sysroot, release)
    mtime = machine.source_date_epoch()
    nics = nics or (HOST,)
    require_decompressor(sysroot, release, compress)
    plan = plan_image(
        BuildOptions(
            release=release,
            sysroot=sysroot,
            filesystems=filesystems or (machine.root_filesystem(sysroot),),
            nics=nics,
            interfaces=network_interfaces(sysfs) if HOST in nics else (),
            target=target,
            modules=modules,
            programs=programs,
            files=files,
        )
    )
    for warning in plan.warnings:
        click.echo(f"aoeinit: warning: {warning}", err=True)
    if not dry_run:
        write(plan, output, compress, level, mtime)
    size = None if dry_run else output.stat().st_size
    if as_json:
        click.echo(as_data(plan, output, size))
    elif not quiet:
        if verbose or dry_run:
            click.echo(contents(plan))
        done = f"{size} bytes" if size is not None else "would be written"
        click.echo(f"{output}: {done}, {len(plan.modules)} modules, {time.monotonic() - started:.2f} s")


def write(plan: "ImagePlan", output: Path, compress: str, level: int | None, mtime: int) -> None:
    """Write the image beside ``output``, hold it against the plan, and put it in place."""
    from aoeinit.image.archive import write_image
    from aoeinit.image.check import verify_image
    from aoeinit.system.files import replace_file

    # Nobody but root may read it: it can hold what --file put there.
    with replace_file(output, mode=0o600, check=lambda image: verify_image(image, plan.entries)) as stream:
        write_image(plan.entries, stream, compression=compress, level=level, mtime=mtime)


def contents(plan: "ImagePlan") -> str:
    """Say for people what an image holds."""
    lines = [f"kernel {plan.release}"]
    for each in plan.modules:
        when = each.stage or "by alias"
        lines.append(f"module {when:10} {'required' if each.required else 'optional'} {each.module.path}")
    lines += [f"built-in {name}" for name in plan.builtins]
    lines += [f"firmware {name}" for name in plan.firmware]
    lines += [f"program {name}" for name in plan.programs]
    return "\n".join([*lines, f"{len(plan.entries)} entries"])


def as_data(plan: "ImagePlan", output: Path, size: int | None) -> str:
    """Give the same as JSON; ``size`` is in bytes, ``null`` for a plan."""
    import json

    return json.dumps(
        {
            "image": str(output),
            "size": size,
            "kernel": plan.release,
            "modules": [
                {
                    "name": each.module.name,
                    "path": each.module.path,
                    "stage": each.stage,
                    "required": each.required,
                }
                for each in plan.modules
            ],
            "builtins": plan.builtins,
            "firmware": plan.firmware,
            "programs": plan.programs,
            "entries": [entry.path for entry in plan.entries],
            "warnings": plan.warnings,
        },
        indent=2,
    )
