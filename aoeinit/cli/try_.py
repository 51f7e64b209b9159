"""``aoeinit try``: an image boots in an emulated machine before the real one has to."""

from math import isnan
from pathlib import Path

import click

from aoeinit.cli.changes import common_options
from aoeinit.cli.given import reading_given


@click.command("try")
@click.argument("image", required=False, type=click.Path(path_type=Path))
@click.option(
    "--kernel",
    metavar="KVER|FILE",
    help="The kernel, by its release or its file.  [default: the image's, or the running one]",
)
@click.option("--target", metavar="eX.Y", help="The name of the target.  [default: the image's, or e11.0]")
@click.option(
    "--disk",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Boot from a copy of this disk, an image or a device, which is only read.  [default: a small one]",
)
@click.option(
    "--firmware",
    type=click.Choice(("bios", "uefi")),
    help="Start from the network card, as a machine without a disk does; with --disk, what is on the disk.",
)
@click.option("--nic", metavar="MODEL", help="The card, by QEMU's name for it.  [default: by the drivers]")
@click.option(
    "--append", metavar="TEXT", default="", help="More kernel parameters; the last of a name counts."
)
@click.option("--all-kernels", is_flag=True, help="Try every kernel that is installed, with its image.")
@click.option(
    "--memory",
    metavar="MIB",
    type=click.IntRange(64, 1 << 20),
    default=1024,
    show_default=True,
    help="The machine's memory.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(1, 86400),
    default=300,
    show_default=True,
    help="How long the boot may take.",
)
@click.option(
    "--log",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Keep the console.  [default: only of a boot that failed, in the folder for temporary files]",
)
@common_options
def try_(
    image: Path | None,
    kernel: str | None,
    target: str | None,
    disk: Path | None,
    firmware: str | None,
    nic: str | None,
    append: str,
    all_kernels: bool,
    memory: int,
    timeout: float,
    log: Path | None,
    sysroot: Path,
    as_json: bool,
) -> int:
    """Boot an image in QEMU from an AoE target, and tell whether it reaches its root; exit code 1 if not.

    The target is served by vblade in a network of its own, cut off from the machine's: the real one is left
    alone. No root is needed where users may make namespaces.
    """
    if disk and firmware and (image or kernel or append):
        raise click.UsageError("with --disk and --firmware the disk itself says what is started, and how")
    if isnan(timeout):
        raise click.BadParameter("it is no number of seconds", param_hint="--timeout")
    if all_kernels and (image or kernel or log or disk):
        raise click.UsageError("--all-kernels takes no IMAGE, --kernel, --disk or --log")
    from aoeinit.aoe.target import Target
    from aoeinit.cli.trying import Wish, try_all, try_one
    from aoeinit.trial.plan import checked_parameters

    with reading_given():
        wish = Wish(
            target=Target.parse(target) if target is not None else None,
            disk=disk,
            firmware=firmware,
            nic=nic,
            append=checked_parameters(append),
            memory=memory,
            seconds=timeout,
        )
    if all_kernels:
        return try_all(wish, sysroot, as_json=as_json)
    return try_one(wish, sysroot, (image, kernel), log, as_json=as_json)
