"""What ``aoeinit inspect`` prints and writes, one function a view."""

import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from aoeinit.errors import AoeinitError, ImageError
from aoeinit.inspect.cpio import Item
from aoeinit.inspect.facts import find_facts, keep_facts
from aoeinit.inspect.listing import shown
from aoeinit.inspect.reading import keep_none, open_image
from aoeinit.inspect.summary import Paint, summary
from aoeinit.inspect.tree import LoopError, Tree, content_of

if TYPE_CHECKING:
    from aoeinit.inspect.check import Checked
    from aoeinit.inspect.findings import Finding

COLOURS: dict[str, dict[str, str | bool]] = {
    "heading": {"bold": True},
    "name": {"fg": "green"},
    "size": {"fg": "cyan"},
    "faint": {"dim": True},
    "error": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow"},
    "note": {"dim": True},
    "+": {"fg": "green"},
    "-": {"fg": "red"},
    "~": {"fg": "yellow"},
}


def print_summary(path: str, limit: int, *, full: bool) -> None:
    """Print the default view."""
    image = open_image(path, limit=limit, keep=keep_facts)
    tree = Tree(image.items, parents=True)
    print_lines(summary(image, tree, find_facts(image, tree), painter(), full=full))


def print_values(values: dict[str, object]) -> None:
    """Print values as JSON."""
    import json

    click.echo(json.dumps(values, indent=2))


def print_entries(path: str, limit: int) -> None:
    """Print the entries as JSON."""
    image = open_image(path, limit=limit, keep=keep_none)
    print_values({"image": path, "entries": [as_values(item) for item in image.items]})


def print_json(path: str, limit: int) -> None:
    """Print all that is known as JSON."""
    image = open_image(path, limit=limit, keep=keep_facts)
    tree = Tree(image.items, parents=True)
    facts = asdict(find_facts(image, tree))
    segments = [
        {name: getattr(segment, name) for name in ("offset", "packed", "size", "compression", "entries")}
        for segment in image.segments
    ]
    values = {"image": path, "size": image.size, "segments": segments, **facts}
    print_values({**values, "entries": [as_values(item) for item in image.items]})


def as_values(item: Item) -> dict[str, object]:
    """Write an entry as values for JSON."""
    values: dict[str, object] = {
        "path": item.path,
        "mode": item.mode,
        "uid": item.uid,
        "gid": item.gid,
        "size": item.size,
        "mtime": item.mtime,
    }
    if item.is_link:
        values["target"] = item.link
    if item.is_device:
        values["device"] = item.rdevice
    return values


def print_file(path: str, wanted: str, limit: int) -> None:
    """Print the content of the file that ``wanted`` leads to inside the image, byte by byte."""
    tree = Tree(open_image(path, limit=limit).items, parents=True)
    try:
        found = tree.resolve(wanted)
    except LoopError as error:
        raise ImageError(
            f"{wanted} in {path} leads in a circle of links", "--list shows the links"
        ) from error
    item = tree.files.get(found or "")
    if item is None:
        near = get_close_matches(wanted.strip("/"), tree.files, cutoff=0.7)
        hint = f"did you mean {' or '.join(map(shown, near))}?" if near else "--list names what there is"
        raise ImageError(f"{path} has no file {wanted}", hint)
    content = content_of(item)
    if content is None:
        kind = "a folder" if item.is_directory else "no regular file"
        raise ImageError(f"{wanted} in {path} is {kind}", "--list names what there is")
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def extract_to(path: str, folder: Path, limit: int, *, devices: bool) -> None:
    """Write the files of the image below a new folder."""
    from aoeinit.system.unpacking import extract

    if devices and os.geteuid() != 0:
        raise AoeinitError("device nodes can be made by root only", "run as root, or leave out --devices")
    tree = Tree(open_image(path, limit=limit).items, parents=True)
    left_out = extract(tree, folder, devices=devices)
    for name in left_out:
        click.echo(f"aoeinit: warning: left out {shown(name)}: no file, folder or link", err=True)
    click.echo(f"{folder}: {len(tree.files) - len(left_out)} files, folders and links")


def print_diff(path: str, other: str, limit: int, *, as_json: bool) -> None:
    """Print what is different in ``other``."""
    from aoeinit.inspect.diff import compare, diff_lines

    before, after = (Tree(open_image(each, limit=limit).items, parents=True) for each in (path, other))
    changes = compare(before, after)
    if as_json:
        print_values({"image": path, "other": other, "differences": [asdict(change) for change in changes]})
        return
    colour = painter()
    *lines, total = diff_lines(changes)
    print_lines([*(colour(line, line[0]) for line in lines), total])


def write_treemap(path: str, output: Path, limit: int) -> None:
    """Draw the image into the file ``output``."""
    from aoeinit.inspect.treemap import treemap
    from aoeinit.system.files import replace_file

    tree = Tree(open_image(path, limit=limit, keep=keep_none).items, parents=True)
    with replace_file(output, mode=0o644) as stream:
        stream.write(treemap(tree, Path(path).name).encode(errors="backslashreplace"))
    click.echo(f"{output}: {sum(item.is_file for item in tree.files.values())} files")


def checked(path: str, release: str | None, limit: int) -> "tuple[Checked, tuple[Finding, ...]]":
    """Read an image, and find all that speaks against it booting an AoE root on a kernel."""
    from aoeinit.inspect.check import Checked, check_image
    from aoeinit.system.unpacking import extract

    image = open_image(path, limit=limit)
    tree = Tree(image.items)
    with TemporaryDirectory(prefix="aoeinit-check-") as folder:
        sysroot = Path(folder) / "image"
        extract(tree, sysroot)
        read = Checked(image, tree, find_facts(image, tree), sysroot)
        return read, check_image(read, release)


def findings_of(path: str, release: str | None, limit: int) -> "tuple[Finding, ...]":
    """Find all that speaks against an image booting an AoE root on a kernel."""
    return checked(path, release, limit)[1]


def print_check(path: str, kernel: str | None, limit: int, *, as_json: bool) -> None:
    """Print a line for each finding and a last one with the answer; end with exit code 1 if that is no."""
    from aoeinit.inspect.check import kernel_release
    from aoeinit.inspect.findings import verdict, would_boot

    _, findings = checked(path, None if kernel is None else kernel_release(kernel), limit)
    boots = would_boot(findings)
    if as_json:
        print_values({"image": path, "boots": boots, "findings": [asdict(each) for each in findings]})
    else:
        colour = painter()
        print_lines(f"{colour(f'{each.level}:', each.level)} {each.text}" for each in findings)
        click.echo(f"{path}: {verdict(findings)}")
    if not boots:
        sys.exit(1)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines as they come; colour is decided by whoever made them."""
    click.echo("\n".join(lines), color=True)


def painter() -> Paint:
    """Choose colour for a terminal, and none elsewhere or where NO_COLOR says so (no-color.org)."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return lambda text, _role: text
    return lambda text, role: click.style(text, **COLOURS[role])  # type: ignore[arg-type] # a table of styles
