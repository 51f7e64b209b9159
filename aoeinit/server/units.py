"""Names and values in systemd's own files. Source: systemd.unit(5)."""

import string
from typing import Final

_PLAIN: Final = frozenset(string.ascii_letters + string.digits + ":_.")


def escape(text: str) -> str:
    """Make a text part of a unit's name, as systemd-escape(1) does."""
    made = "".join(
        "-"
        if char == "/"
        else char
        if char in _PLAIN
        else "".join(f"\\x{byte:02x}" for byte in char.encode())
        for char in text
    )
    return f"\\x2e{made[1:]}" if made.startswith(".") else made


def escape_path(path: str) -> str:
    """Make an absolute path part of a unit's name, as ``systemd-escape --path`` does."""
    return escape(path.strip("/")) or "-"


def value(text: str) -> str:
    """Write a text that is not to be taken for specifiers."""
    return text.replace("%", "%%")
