"""``aoeinit build``: plan an image, then write it."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aoeinit.cli.settings import setting_options, settings_for

if TYPE_CHECKING:
    from aoeinit.build import ImagePlan
    from aoeinit.config import Settings
    from aoeinit.image.uki import UkiParts

WARNING_LETTERS = 120


@click.command()
@click.option("--kernel", metavar="KVER", help="Kernel release.  [default: the running one]")
@click.option(
    "--sysroot",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default="/",
    help="Where the system is.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, readable=False),
    help="The image.  [default: /boot/initramfs-KVER.img, or as the distribution has it; none with --uki]",
)
@click.option(
    "--uki",
    metavar="FILE",
    type=click.Path(path_type=Path, readable=False),
    help="A unified kernel image, made by systemd's ukify.",
)
@click.option(
    "--cmdline", metavar="TEXT", help="Its kernel command line.  [default: that in /etc/kernel/cmdline]"
)
@click.option(
    "--vmlinuz",
    metavar="FILE",
    type=click.Path(path_type=Path, readable=False),
    help="Its kernel.  [default: that of KVER]",
)
@setting_options
@click.option(
    "--sysfs",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
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
    uki: Path | None,
    cmdline: str | None,
    vmlinuz: Path | None,
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
    from aoeinit.cli.making import plan, write, write_uki
    from aoeinit.system import machine

    if verbose and quiet:
        raise click.UsageError("--verbose and --quiet exclude each other")
    refuse_files(output, uki, parts_given=cmdline is not None or vmlinuz is not None)
    started = time.monotonic()
    release = kernel or machine.running_kernel()
    if uki is None:
        output = output or machine.default_output(sysroot, release)
    parts = uki and uki_parts(sysroot, release, vmlinuz, cmdline)
    settings = settings_for(sysroot, chosen)
    image = plan(settings, release=release, sysroot=sysroot, sysfs=sysfs)
    for warning in image.warnings:
        # Some drivers name twenty files that hardly anybody has.
        whole = verbose or len(warning) <= WARNING_LETTERS
        click.echo(
            f"aoeinit: warning: {warning if whole else warning[:WARNING_LETTERS] + '... (-v)'}", err=True
        )
    if output and not dry_run:
        write(image, output, settings)
    if uki and parts and not dry_run:
        write_uki(image, uki, settings, parts)
    made = {path: None if dry_run else path.stat().st_size for path in (output, uki) if path}
    if as_json:
        click.echo(as_data(image, made, output, uki))
    elif not quiet:
        if verbose or dry_run:
            click.echo(contents(image, settings))
        click.echo("\n".join(results(image, made, time.monotonic() - started)))


def refuse_files(output: Path | None, uki: Path | None, *, parts_given: bool) -> None:
    """End with a usage error where what is to be written makes no sense."""
    if Path() in (output, uki):
        raise click.UsageError("an empty name is no file: leave --output and --uki out, or name a file")
    if uki is None and parts_given:
        raise click.UsageError("--cmdline and --vmlinuz are parts of a unified kernel image: add --uki FILE")
    if uki is not None and uki == output:
        raise click.UsageError(f"--output and --uki both name {uki}: give each a file of its own")


def uki_parts(sysroot: Path, release: str, vmlinuz: Path | None, cmdline: str | None) -> "UkiParts":
    """Find all that a unified kernel image takes, before anything is made."""
    from aoeinit.image.uki import find_parts
    from aoeinit.system.ukify import find_ukify

    find_ukify()
    return find_parts(sysroot, release, vmlinuz=vmlinuz, cmdline=cmdline)


def results(image: "ImagePlan", made: Mapping[Path, int | None], seconds: float) -> Iterator[str]:
    """Say what was made; sizes are in bytes, ``None`` for a plan."""
    for path, size in made.items():
        done = f"{size} bytes" if size is not None else "would be written"
        yield f"{path}: {done}, {len(image.modules)} modules, {seconds:.2f} s"


def contents(image: "ImagePlan", settings: "Settings") -> str:
    """Say for people what an image holds."""
    from aoeinit.build import emergency_shell

    lines = [f"kernel {image.release}", f"shell {emergency_shell(settings) or 'none'}"]
    for each in image.modules:
        when = each.stage or "by alias"
        lines.append(f"module {when:10} {'required' if each.required else 'optional'} {each.module.path}")
    lines += [f"built-in {name}" for name in image.builtins]
    lines += [f"firmware {name}" for name in image.firmware]
    lines += [f"microcode {name}" for name in image.microcode]
    lines += [f"program {name}" for name in image.programs]
    return "\n".join([*lines, f"{len(image.entries)} entries"])


def as_data(
    image: "ImagePlan", made: Mapping[Path, int | None], output: Path | None, uki: Path | None
) -> str:
    """Give the same as JSON; ``null`` is the size of a plan, and what is not wanted."""
    import json

    return json.dumps(
        {
            "image": output and str(output),
            "size": output and made[output],
            "uki": uki and str(uki),
            "uki_size": uki and made[uki],
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
