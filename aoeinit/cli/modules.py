"""``aoeinit modules``: what has to be loaded for a module, in order, and the firmware it may ask for."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from aoeinit.kernel.closure import LoadOrder
    from aoeinit.kernel.firmware import FirmwareFound
    from aoeinit.kernel.index import ModuleIndex


@click.command()
@click.option("--kernel", metavar="KVER", help="Kernel release.  [default: the running one]")
@click.option(
    "--sysroot",
    type=click.Path(path_type=Path),
    default="/",
    show_default=True,
    help="Where the system is.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.argument("names", metavar="NAME|ALIAS...", nargs=-1, required=True)
def modules(kernel: str | None, sysroot: Path, as_json: bool, names: tuple[str, ...]) -> None:
    """Print what has to be loaded for modules or aliases, in order, and their firmware.

    The lines are those of modprobe --show-depends. A comment marks a soft dependency, which may fail to load
    without harm, and what is missing.
    """
    from aoeinit.kernel.closure import load_order
    from aoeinit.kernel.firmware import find_firmware
    from aoeinit.kernel.index import ModuleIndex

    release = kernel or os.uname().release
    index = ModuleIndex.read(sysroot, release)
    order = load_order(index, names)
    firmware = find_firmware(sysroot, release, wanted_firmware(index, order))
    if as_json:
        import json

        click.echo(json.dumps(as_values(release, order, firmware), indent=2))
    else:
        click.echo("\n".join(as_lines(release, order, firmware)))


def wanted_firmware(index: "ModuleIndex", order: "LoadOrder") -> Iterator[tuple[str, str]]:
    """Give pairs of a module and the firmware that it names."""
    from aoeinit.kernel.modfile import read_module
    from aoeinit.kernel.modinfo import read_modinfo

    for item in order.items:
        elf = read_module(index.module_file(item.module))
        for firmware in read_modinfo(elf, item.module.name).firmware:
            yield item.module.name, firmware


def as_lines(release: str, order: "LoadOrder", firmware: "FirmwareFound") -> Iterator[str]:
    """Write the result as ``modprobe --show-depends`` does; whoever splits lines at blanks may go on."""
    yield from (f"builtin {name}" for name in order.builtin)
    for item in order.items:
        comment = "" if item.required else "  # optional"
        yield f"insmod /lib/modules/{release}/{item.module.path}{comment}"
    yield from (f"firmware /{file.source}" for file in firmware.files)
    yield from (f"# missing: {soft.name}, a soft dependency of {soft.module}" for soft in order.missing)
    yield from (f"# missing: firmware {each.name} of {each.module}" for each in firmware.missing)


def as_values(release: str, order: "LoadOrder", firmware: "FirmwareFound") -> dict[str, object]:
    """Write the result as values for JSON."""
    from dataclasses import asdict

    return {
        "kernel": release,
        "modules": [
            {"name": item.module.name, "path": item.module.path, "required": item.required}
            for item in order.items
        ],
        "builtin": order.builtin,
        "missing": [asdict(soft) for soft in order.missing],
        "firmware": [asdict(file) for file in firmware.files],
        "missing_firmware": [asdict(each) for each in firmware.missing],
    }
