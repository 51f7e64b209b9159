"""Scripts for iPXE. Source: ipxe.org, the commands goto, sanboot, kernel, initrd and boot."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from aoeinit.errors import ConfigError
from aoeinit.server.lan import Client, parse_script
from aoeinit.server.text import HEADER

TARGET: Final = "{target}"
"""Stands in a command line for the client's target."""
_IMAGE: Final = "initrd.img"
_PARAMETERS: Final = re.compile(r"[ -~]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Loading:
    """A kernel and its image by URL, and its parameters, with :data:`TARGET` in them."""

    kernel: str
    image: str
    parameters: str = ""

    @classmethod
    def checked(cls, kernel: str, image: str, parameters: str = "") -> "Loading":
        """Take what a user wrote; raises :class:`ConfigError`."""
        # iPXE would take them for a variable and for the end of a command.
        if not _PARAMETERS.fullmatch(parameters) or re.search(r"[$][{]|&&|[|][|]", parameters):
            raise ConfigError(
                f"the parameters {parameters!r} cannot stand in a script",
                "leave out ${, && and ||, and what is not plain ASCII",
            )
        return cls(parse_script(kernel), parse_script(image), parameters)

    def lines(self, client: Client) -> Iterator[str]:
        """Load and start it; an EFI kernel finds the image by the name that it is told."""
        words = self.parameters.replace(TARGET, str(client.target))
        if not re.search(r"(^|\s)rd\.aoe=", words):
            words = f"rd.aoe={client.target} {words}".rstrip()
        yield f"kernel {self.kernel} initrd={_IMAGE} {words} || goto failed"
        yield f"initrd --name {_IMAGE} {self.image} || goto failed"
        yield "boot || goto failed"


def ipxe(clients: Sequence[Client], loading: Loading | None = None) -> str:
    """Write a script for the clients, each known by its MAC; a single one without MACs is anybody.

    They boot from the target itself, or ``loading`` says which kernel and image they load.
    """
    anybody = [client for client in clients if not client.macs]
    parts = list(_start(anybody[0], loading)) if anybody else list(_by_mac(clients, loading))
    return "#!ipxe\n" + HEADER + "\n".join((*parts, *_FAILED)) + "\n"


_FAILED: Final = (
    "",
    ":failed",
    "echo Nothing to start from the network; going on with the next device",
    "exit 1",
)


def _by_mac(clients: Iterable[Client], loading: Loading | None) -> Iterator[str]:
    yield "goto ${netX/mac:hexhyp} || goto failed"
    for client in clients:
        yield ""
        yield from (f":{mac.replace(':', '-')}" for mac in client.macs)
        yield from _start(client, loading)


def _start(client: Client, loading: Loading | None) -> Iterator[str]:
    yield f"echo {client.name}: {client.target}"
    if loading:
        yield from loading.lines(client)
    else:
        yield f"sanboot {client.root_path} || goto failed"
