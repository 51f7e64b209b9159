"""``aoeinit discover``: which targets answer on the network, and from which servers."""

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from aoeinit.cli.given import reading_given
from aoeinit.errors import AoeinitError, ConfigError

if TYPE_CHECKING:
    from aoeinit.aoe.discovery import Change, Discovery, Heads, Path
    from aoeinit.aoe.target import Target

MAC = r"[0-9a-f]{2}(:[0-9a-f]{2}){5}"
HEADINGS = (
    *("TARGET", "SERVER", "INTERFACE", "SIZE", "SECTORS", "BUFFERS", "FIRMWARE"),
    *("ROUND TRIP", "MODEL", "SERIAL", "CONFIG"),
)
SHOWN_CONFIG = 60
"""Characters of a config string in the table; --json has all of it."""
NO_ANSWER = "see that its server runs on this network; if vblade has a list of MACs (-m), put these in"


@click.command()
@click.option(
    "--interface",
    "interfaces",
    metavar="IF",
    multiple=True,
    help="Ask on this interface; repeatable.  [default: all Ethernet ones that are up and have carrier]",
)
@click.option(
    "--target", "name", metavar="eX.Y", help="Ask this target only; exit code 1 if nothing answers."
)
@click.option(
    "--heads",
    "declared",
    metavar="eX.Y=MAC,MAC",
    multiple=True,
    help="Servers that serve one target together: two that answer for it are no conflict; repeatable.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 60),
    default=1.0,
    show_default=True,
    help="How long to wait for answers; each target is asked three times meanwhile.",
)
@click.option(
    "--ping",
    "pings",
    metavar="[COUNT]",
    is_flag=False,
    flag_value="10",
    type=click.IntRange(1, 1000),
    help="Measure round trips, ten if no COUNT is given.",
)
@click.option(
    "--watch", "watching", is_flag=True, help="Go on, and tell what comes and goes; end with Ctrl-C."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print everything as JSON; with --watch an object a line."
)
def discover(
    interfaces: tuple[str, ...],
    name: str | None,
    declared: tuple[str, ...],
    timeout: float,
    pings: int | None,
    watching: bool,
    as_json: bool,
) -> int:
    """Ask the network which AoE targets there are; exit code 1 if nothing answers.

    No driver is needed, but the right to send any frame (root, or CAP_NET_RAW). A server that answers through
    two interfaces is two paths; two servers that answer for one target are a conflict, unless --heads
    declares them.
    """
    from aoeinit.aoe.target import Target
    from aoeinit.system import packets

    with reading_given():
        target = Target.parse(name) if name is not None else None
        heads = parse_heads(declared)
    if watching:
        if pings:
            raise click.UsageError("--watch and --ping exclude each other")
        follow(packets.watch(interfaces, target, heads=heads, seconds=timeout), as_json=as_json)
        return 0
    found = packets.discover(interfaces, target, heads=heads, seconds=timeout, pings=pings or 0)
    warn(found.warnings)
    if as_json:
        import json

        click.echo(json.dumps(as_data(found), indent=2))
    else:
        echo(found, heads)
    if not found.targets:
        asked = f" for {target}" if target else ""
        raise AoeinitError(f"nothing answers{asked} {on(found)}", NO_ANSWER)
    return 0


def parse_heads(declared: Iterable[str]) -> "dict[Target, set[str]]":
    """Read ``e11.0=MAC,MAC``. Raises :class:`ConfigError` for anything else."""
    from aoeinit.aoe.target import Target

    heads: dict[Target, set[str]] = {}
    for each in declared:
        name, equals, macs = each.lower().partition("=")
        servers = macs.split(",")
        if not equals or not all(re.fullmatch(MAC, server, re.ASCII) for server in servers):
            raise ConfigError(
                f"{each!r} does not declare the heads of a target",
                "write e<shelf>.<slot>=MAC,MAC, for example e11.0=00:40:63:01:02:03,00:40:63:01:02:04",
            )
        heads.setdefault(Target.parse(name), set()).update(servers)
    return heads


def warn(warnings: Iterable[str]) -> None:
    """Print what the user should know."""
    for warning in warnings:
        click.echo(f"aoeinit: warning: {warning}", err=True)


def on(found: "Discovery") -> str:
    """Say where nothing answered, with the MACs that a server's list must have."""
    return "on " + ", ".join(f"{link.name} ({link.mac})" for link in found.links)


def echo(found: "Discovery", heads: "Heads") -> None:
    """Print the paths as a table, and below it what is wrong."""
    from aoeinit.cli.views import painter, print_lines

    colour = painter()
    paths = [path for each in found.targets for path in each.paths]
    lines = list(table([HEADINGS, *map(row, paths)])) if paths else []
    lines[:1] = [colour(heading, "heading") for heading in lines[:1]]
    lines += [colour("conflict:", "error") + f" {text}" for text in conflicts(found, heads)]
    lines += [colour("warning:", "warning") + f" {text}" for text in remarks(found)]
    if lines:
        print_lines(lines)


def row(path: "Path") -> tuple[str, ...]:
    """Write a path as the cells of a line; what servers said of themselves is made harmless."""
    from aoeinit.cli.bar import amount
    from aoeinit.inspect.listing import shown

    identity, config = path.identity, path.config
    text = shown(config.text)
    return (
        str(path.place.target),
        path.place.server,
        path.place.interface,
        amount(identity.size) if identity else "-",
        str(config.sectors),
        str(config.buffers),
        f"{config.firmware:#06x}",
        round_trip(path),
        shown(identity.model) if identity else f"({path.refusal or 'no answer'})",
        shown(identity.serial) if identity else "-",
        text if len(text) <= SHOWN_CONFIG else f"{text[:SHOWN_CONFIG]}...",
    )


def round_trip(path: "Path") -> str:
    """Write minimum, median and maximum in milliseconds, and how many answers there were not."""
    measured = path.round_trips
    if measured is None:
        return ""
    times = (measured.minimum, measured.median, measured.maximum)
    milliseconds = "/".join(f"{1000 * each:.2f}" for each in times if each is not None)
    lost = f"{measured.sent - measured.answered} of {measured.sent} lost"
    return f"{milliseconds} ms, {lost}" if milliseconds else lost


def table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Write rows with columns of equal width; columns with nothing in them are left out."""
    columns = [column for column in zip(*rows, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    for cells in zip(*columns, strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def conflicts(found: "Discovery", heads: "Heads") -> Iterator[str]:
    """Say which targets may not be one disk, and what to do about those that are."""
    for each in found.targets:
        if each.conflict:
            yield f"{each.target}: {each.conflict}"
            one_disk = len(each.sizes) <= 1
            if one_disk and not set(each.servers) <= set(heads.get(each.target, ())):
                yield f"{each.target}: if it is one disk: --heads {each.target}={','.join(each.servers)}"


def remarks(found: "Discovery") -> Iterator[str]:
    """Say what else is not as it should be."""
    for each in found.targets:
        yield from (f"{each.target}: its head {mac} does not answer" for mac in each.missing)
    for reason, count in sorted(found.ignored.items()):
        yield f"ignored {count} {'frame' if count == 1 else 'frames'}: {reason}"


def as_data(found: "Discovery") -> dict[str, Any]:
    """Give all that was found as values for JSON."""
    return {
        "interfaces": [{"name": link.name, "mac": link.mac, "mtu": link.mtu} for link in found.links],
        "targets": [
            {
                "target": str(each.target),
                "conflict": each.conflict,
                "missing_heads": each.missing,
                "paths": [path_data(path) for path in each.paths],
            }
            for each in found.targets
        ],
        "ignored": dict(found.ignored),
        "warnings": found.warnings,
    }


def path_data(path: "Path") -> dict[str, Any]:
    """Give a path as values for JSON; times are in seconds, sizes in bytes."""
    identity = path.identity
    return {
        "server": path.place.server,
        "interface": path.place.interface,
        "firmware": path.config.firmware,
        "sectors_per_frame": path.config.sectors,
        "buffers": path.config.buffers,
        "config": path.config.text,
        "identity": {**asdict(identity), "size": identity.size} if identity else None,
        "refusal": path.refusal,
        "round_trips": asdict(path.round_trips) if path.round_trips else None,
    }


def follow(searches: "Iterator[tuple[Discovery, tuple[Change, ...]]]", *, as_json: bool) -> None:
    """Print what comes and goes until Ctrl-C."""
    try:
        for number, (found, changes) in enumerate(searches):
            if number == 0:
                warn(found.warnings)
                if not changes:
                    click.echo(f"aoeinit: nothing answers {on(found)} yet", err=True)
            when = time.time()
            for change in changes:
                click.echo(change_line(change, when, as_json=as_json))
    except KeyboardInterrupt:
        return


def change_line(change: "Change", when: float, *, as_json: bool) -> str:
    """Write an arrival or a departure as one line, with the local time."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(when))
    target, server = change.path.place.target, change.path.place.server
    if as_json:
        import json

        event = {"time": stamp, "event": "came" if change.came else "gone", "target": str(target)}
        return json.dumps({**event, "conflict": change.conflict, **path_data(change.path)})
    conflict = f"; conflict: {change.conflict}" if change.conflict else ""
    where = f"{server} on {change.path.place.interface}"
    return f"{stamp} {target} {'came' if change.came else 'gone'}: {where}{conflict}"
