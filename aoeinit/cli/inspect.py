"""``aoeinit inspect``: what is in an image, ours or another tool's, and whether it would boot."""

import sys
from pathlib import Path

import click

JSON_TOO = {"--list", "--diff", "--check"}
VIEWS = ("list", "json", "cat", "extract", "diff", "treemap", "check")


@click.command()
@click.argument("image")
@click.option("--list", "as_list", is_flag=True, help="List all entries, as ls -l does.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON: everything, or one view.")
@click.option("--cat", metavar="PATH", help="Print the content of a file in it.")
@click.option(
    "--extract", metavar="DIR", type=click.Path(path_type=Path), help="Write its files to a new folder."
)
@click.option("--diff", metavar="OTHER", help="Tell what is different in the image OTHER.")
@click.option(
    "--treemap",
    metavar="FILE.svg",
    type=click.Path(path_type=Path),
    help="Draw what takes how much space.",
)
@click.option("--check", is_flag=True, help="Tell whether it would boot an AoE root; exit code 1 if not.")
@click.option("--kernel", metavar="KVER|FILE", help="With --check: the kernel it is to boot with.")
@click.option("--devices", is_flag=True, help="With --extract: make device nodes, too. Needs root.")
@click.option(
    "--limit",
    metavar="MIB",
    type=click.IntRange(1, 1 << 20),
    default=1024,
    show_default=True,
    help="How much it may hold unpacked.",
)
@click.option("-v", "--verbose", is_flag=True, help="Shorten no list of the default view.")
def inspect(  # noqa: C901 - a branch for each view
    image: str,
    as_list: bool,
    as_json: bool,
    cat: str | None,
    extract: Path | None,
    diff: str | None,
    treemap: Path | None,
    check: bool,
    kernel: str | None,
    devices: bool,
    limit: int,
    verbose: bool,
) -> None:
    """Show what is in an initramfs image or a unified kernel image, whichever tool made it."""
    chosen = (
        *(as_list, as_json, cat is not None, extract is not None),
        *(diff is not None, treemap is not None, check),
    )
    names = [f"--{view}" for view, asked in zip(VIEWS, chosen, strict=True) if asked]
    if len(names) > 1 and not (len(names) == 2 and as_json and set(names) & JSON_TOO):  # noqa: PLR2004 - a pair
        raise click.UsageError(f"only one view at a time: {' or '.join(names)}")
    if kernel is not None and not check:
        raise click.UsageError("--kernel belongs to --check")
    if devices and not extract:
        raise click.UsageError("--devices belongs to --extract")
    from aoeinit.cli import views

    size = limit << 20
    if hasattr(sys.stdout, "reconfigure"):
        # Names may hold letters that the terminal's encoding has not.
        sys.stdout.reconfigure(errors="backslashreplace")
    if as_list and not as_json:
        from aoeinit.cli.listing import print_listing

        print_listing(image, size)
    elif cat is not None:
        views.print_file(image, cat, size)
    elif extract:
        views.extract_to(image, extract, size, devices=devices)
    elif diff is not None:
        views.print_diff(image, diff, size, as_json=as_json)
    elif treemap:
        views.write_treemap(image, treemap, size)
    elif check:
        views.print_check(image, kernel, size, as_json=as_json)
    elif as_json:
        (views.print_entries if as_list else views.print_json)(image, size)
    else:
        views.print_summary(image, size, full=verbose)
