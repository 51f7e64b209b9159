"""``aoeinit server dhcp`` and ``ipxe``: what tells a machine without a disk where its disk is."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aoeinit.cli.given import reading_given
from aoeinit.errors import AoeinitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from aoeinit.server.fleet import Fleet
    from aoeinit.server.ipxe import Loading
    from aoeinit.server.lan import Client, Lan

FORMATS = ("dnsmasq", "dhcpd", "kea", "networkd")

fleet_option = click.option(
    "--fleet",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Take everything from the file of a fleet instead.",
)
target_option = click.option(
    "--target", "target", metavar="eX.Y", help="The target that the client boots from."
)
mac_option = click.option(
    "--mac", "macs", metavar="MAC[,MAC]", multiple=True, help="The client's network cards."
)
name_option = click.option("--name", default="client", show_default=True, help="The client's host name.")


@click.command()
@click.option("--format", "kind", type=click.Choice(FORMATS), required=True, help="Whose settings to write.")
@fleet_option
@target_option
@mac_option
@name_option
@click.option("--address", metavar="IP", help="The client's own address.  [default: one of the range]")
@click.option("--interface", metavar="NAME", help="The server's network card that the clients are on.")
@click.option("--server", metavar="IP/PREFIX", help="The server's address there.")
@click.option(
    "--range", "addresses", metavar="IP-IP", help="The addresses for clients without one of their own."
)
@click.option("--router", metavar="IP", help="The router that clients are told.  [default: none]")
@click.option(
    "--chainload", is_flag=True, help="Let cards without iPXE load undionly.kpxe or ipxe.efi by TFTP first."
)
@click.option(
    "--script", metavar="URL", help="Let iPXE run a script, as server ipxe prints, not boot at once."
)
def dhcp(
    kind: str,
    file: Path | None,
    target: str | None,
    macs: tuple[str, ...],
    name: str,
    address: str | None,
    interface: str | None,
    server: str | None,
    addresses: str | None,
    router: str | None,
    chainload: bool,
    script: str | None,
) -> None:
    """Print settings for a DHCP server, which names to each client its target in option 17 (root-path).

    dnsmasq reads it in /etc/dnsmasq.d, networkd in /etc/systemd/network. For dhcpd it is a dhcpd.conf or what
    one includes; for kea a whole configuration.
    """
    if file:
        if any((target, macs, address, interface, server, addresses, router, chainload, script)):
            raise click.UsageError("--fleet has everything: leave the options for one client out.")
        fleet = fleet_of(file)
        click.echo(render(kind, fleet.lan, fleet.clients)[1], nl=False)
        return
    if not (target and macs and interface and server and addresses):
        raise click.UsageError("give --target, --mac, --interface, --server and --range, or --fleet.")
    from aoeinit.server import lan as network

    with reading_given():
        made = network.checked(
            *(interface, server, addresses), router=router or "", chainload=chainload, script=script or ""
        )
        client = client_of(name, target, macs, address)
        network.check_address(client, made)
    click.echo(render(kind, made, [client])[1], nl=False)


@click.command()
@fleet_option
@target_option
@mac_option
@name_option
@click.option("--kernel", metavar="URL", help="Load this kernel, rather than boot from the target itself.")
@click.option("--image", metavar="URL", help="The image that aoeinit has built for it.")
@click.option(
    "--parameters", metavar="TEXT", help="The kernel's parameters; {target} in them is the client's target."
)
def ipxe(
    file: Path | None,
    target: str | None,
    macs: tuple[str, ...],
    name: str,
    kernel: str | None,
    image: str | None,
    parameters: str | None,
) -> None:
    """Print a script for iPXE: boot from the target, or load kernel and image by HTTP.

    Without --mac it is for anybody; with it, and with --fleet, each client is known by its MAC.
    """
    from aoeinit.server.ipxe import ipxe as write

    if file:
        if any((target, macs, kernel, image, parameters)):
            raise click.UsageError("--fleet has everything: leave the options for one client out.")
        fleet = fleet_of(file)
        click.echo(write(fleet.clients, fleet.loading), nl=False)
        return
    if not target:
        raise click.UsageError("give --target, or --fleet.")
    with reading_given():
        client, loading = client_of(name, target, macs, None), loading_of(kernel, image, parameters)
    click.echo(write([client], loading), nl=False)


def loading_of(kernel: str | None, image: str | None, parameters: str | None) -> "Loading | None":
    """Take what is to be loaded."""
    from aoeinit.server.ipxe import Loading

    if bool(kernel) != bool(image) or (parameters and not kernel):
        raise click.UsageError("--kernel and --image belong together, and --parameters to them.")
    return Loading.checked(kernel, image, parameters or "") if kernel and image else None


def client_of(name: str, target: str, macs: tuple[str, ...], address: str | None) -> "Client":
    """Take a client from options."""
    from aoeinit.aoe.target import Target
    from aoeinit.server.lan import Client, parse_address, parse_name

    own = parse_address(address) if address else None
    return Client(parse_name(name), macs_of(macs), Target.parse(target), own)


def macs_of(texts: "Iterable[str]") -> tuple[str, ...]:
    """Read lists of MACs."""
    from aoeinit.aoe.ethernet import parse_mac

    return tuple(dict.fromkeys(parse_mac(mac.strip()) for text in texts for mac in text.split(",")))


def fleet_of(file: Path) -> "Fleet":
    """Read the file of a fleet."""
    from aoeinit.server.fleet import read_fleet

    try:
        text = file.read_text()
    except OSError as error:
        raise AoeinitError(
            f"cannot read {file}: {error.strerror}", "check the path and its permissions"
        ) from error
    except UnicodeDecodeError as error:
        raise AoeinitError(f"{file} is not UTF-8", "write it as TOML, see docs/server.md") from error
    return read_fleet(text, str(file))


def render(kind: str, lan: "Lan", clients: "Sequence[Client]") -> tuple[str, str]:
    """Write the settings of a DHCP server; gives where they belong, too."""
    from aoeinit.server import dnsmasq, isc_dhcp, kea, networkd

    writers: dict[str, Callable[[Lan, Sequence[Client]], str]] = {
        "dnsmasq": dnsmasq.dnsmasq,
        "dhcpd": isc_dhcp.dhcpd,
        "kea": kea.kea,
        "networkd": networkd.networkd,
    }
    return paths()[kind], writers[kind](lan, clients)


def paths() -> dict[str, str]:
    """Give where the settings of each DHCP server belong."""
    from aoeinit.server import dnsmasq, isc_dhcp, kea, networkd

    return dict(zip(FORMATS, (dnsmasq.PATH, isc_dhcp.PATH, kea.PATH, networkd.PATH), strict=True))
