"""What a user writes of Ethernet: MACs and names of interfaces."""

import re
from typing import Final

from aoeinit.errors import ConfigError

_MAC: Final = re.compile(r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,14}", re.ASCII)


def parse_mac(text: str) -> str:
    """Read the MAC of an interface, colons or hyphens in it; gives it in lower case with colons.

    Raises :class:`ConfigError` for what no interface can have.
    """
    plain = text.lower().replace("-", ":")
    if not _MAC.fullmatch(plain) or plain == "00:00:00:00:00:00":
        raise ConfigError(
            f"{text!r} is not the MAC of an interface", "write it as ip link shows it: 52:54:00:11:00:01"
        )
    return plain


def parse_interface(name: str) -> str:
    """Take the name of an interface; raises :class:`ConfigError` for what is none.

    Source: ``dev_valid_name()`` in the kernel's net/core/dev.c. It allows more, which configuration files
    would take for something else.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is not the name of an interface", "name it as ip link shows it: enp1s0")
    return name
