"""``aoeinit man``: manual pages, made of the same words as ``--help``.

Source of the format: groff_man(7).
"""

from collections.abc import Iterator
from pathlib import Path

import click

from aoeinit import __version__

PAGE_MODE = 0o644


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.pass_context
def man(ctx: click.Context, folder: Path) -> None:
    """Write the manual pages, one a command, to a folder: /usr/local/share/man/man1, for instance."""
    from aoeinit.system.files import replace_file

    for name, page in pages(ctx.find_root().command).items():
        with replace_file(folder / f"{name}.1", mode=PAGE_MODE) as stream:
            stream.write(page.encode())


def pages(command: click.Command) -> dict[str, str]:
    """Give the page of a command, and of all below it, by its name: ``aoeinit-build``."""
    root = click.Context(command, info_name="aoeinit", **command.context_settings)
    return {page_name(ctx): "\n".join(page(ctx)) + "\n" for ctx in walk(root)}


def walk(ctx: click.Context) -> Iterator[click.Context]:
    """Give a command and those below it."""
    yield ctx
    yield from (each for below in subcommands(ctx) for each in walk(below))


def subcommands(ctx: click.Context) -> list[click.Context]:
    """Give the commands directly below one."""
    group = ctx.command
    if not isinstance(group, click.Group):
        return []
    found = ((name, group.get_command(ctx, name)) for name in group.list_commands(ctx))
    return [click.Context(each, info_name=name, parent=ctx) for name, each in found if each]


def page_name(ctx: click.Context) -> str:
    """Give the name of a command's page."""
    return ctx.command_path.replace(" ", "-")


def page(ctx: click.Context) -> Iterator[str]:
    """Write a command's page, line by line."""
    command = ctx.command
    name = page_name(ctx)
    # Without a date, so that the same version always makes the same page.
    yield f'.TH "{escape(name.upper())}" "1" "" "aoeinit {__version__}" "aoeinit"'
    yield ".SH NAME"
    yield f"{escape(name)} \\- {escape(command.get_short_help_str(limit=1000).rstrip('.'))}"
    yield ".SH SYNOPSIS"
    yield f"\\fB{escape(ctx.command_path)}\\fR {escape(' '.join(command.collect_usage_pieces(ctx)))}"
    yield ".SH DESCRIPTION"
    yield from paragraphs(command.help or "")
    records = [record for each in command.get_params(ctx) if (record := each.get_help_record(ctx))]
    yield from definitions("OPTIONS", records)
    below = [(page_name(each), each.command.get_short_help_str(limit=1000)) for each in subcommands(ctx)]
    yield from definitions("COMMANDS", [(f"{each}(1)", meaning) for each, meaning in below])
    yield ".SH EXIT STATUS"
    yield from paragraphs(ctx.find_root().command.epilog or "")
    if ctx.parent:
        yield ".SH SEE ALSO"
        yield f".BR {escape(page_name(ctx.parent))} (1)"


def definitions(title: str, records: list[tuple[str, str]]) -> Iterator[str]:
    """Write a section of terms and their meanings; none where there are none."""
    if records:
        yield f".SH {title}"
    for term, meaning in records:
        yield ".TP"
        yield f"\\fB{escape(term)}\\fR"
        yield escape(meaning)


def paragraphs(text: str) -> Iterator[str]:
    """Write a help text; a paragraph after a backspace keeps its lines, as it does in click."""
    for number, paragraph in enumerate(text.strip().split("\n\n")):
        if number:
            yield ".PP"
        if paragraph.startswith("\b"):
            yield ".nf"
            yield from (escape(line) for line in paragraph.split("\n")[1:])
            yield ".fi"
        else:
            yield escape(" ".join(paragraph.split()))


def escape(text: str) -> str:
    """Make roff print ``text`` as it is; a line must not begin like one of its requests."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("\n", " ")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
