"""``aoeinit build``: plan an image, then write it."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aoeinit.cli.settings import setting_options, settings_for

if TYPE_CHECKING:
    from aoeinit.build import ImagePlan


@click.command()
@click.option("--kernel", metavar="KVER", help="Kernel release.  [default: the running one]")
@click.option("--sysroot", type=click.Path(path_type=Path), default="/", help="Where the system is.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The image.  [default: /boot/initramfs-KVER.img, or the name the distribution uses]",
)
@setting_options
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
    sysfs: Path,
    dry_run: bool,
    as_json: bool,
    verbose: bool,
    quiet: bool,
    **chosen: object,
) -> None:
    """Build an initramfs image for one kernel release.

    What the options leave open, /etc/aoeinit.toml and /etc/aoeinit.d/*.toml say: see aoeinit config show.
    """
    from aoeinit.cli.making import plan, write
    from aoeinit.system import machine

    started = time.monotonic()
    release = kernel or machine.running_kernel()
    output = output or machine.default_output(sysroot, release)
    settings = settings_for(sysroot, chosen)
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
    lines += [f"microcode {name}" for name in image.microcode]
    lines += [f"program {name}" for name in image.programs]
    return "\n".join([*lines, f"{len(image.entries)} entries"])


def as_data(image: "ImagePlan", output: Path, size: int | None) -> str:
    """Give the same as JSON; ``size`` is in bytes, ``null`` for a plan."""
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
            "microcode": image.microcode,
            "programs": image.programs,
            "early_entries": [entry.path for entry in image.early],
            "entries": [entry.path for entry in image.entries],
            "warnings": image.warnings,
        },
        indent=2,
    )
