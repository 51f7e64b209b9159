"""Files of ``KEY=VALUE`` lines: install.conf(5), and what the shell reads. The last line of a key counts."""

import re


def value_of(text: bytes, key: str) -> str | None:
    """Give the value of a key, without quotes; ``None`` where no line sets it."""
    lines = _lines(text, key)
    return lines[-1]["value"].decode(errors="replace").strip().strip("\"'") if lines else None


def shell_value_of(text: bytes, key: str) -> str | None:
    """Give the value of a key as the shell reads the line: up to a blank, which a comment may follow."""
    value = value_of(text, key)
    return None if value is None else value.partition(" ")[0].partition("\t")[0].strip("\"'")


def with_value(text: bytes, key: str, value: str) -> bytes:
    """Set a key, and keep everything else as it is, byte for byte: comments, other keys, earlier lines."""
    if value_of(text, key) == value:
        return text
    line = f"{key}={value}".encode()
    lines = _lines(text, key)
    if lines:
        return text[: lines[-1].start()] + line + text[lines[-1].end() :]
    separator = b"" if not text or text.endswith(b"\n") else b"\n"
    return text + separator + line + b"\n"


def without(text: bytes, key: str) -> bytes:
    """Take away the line that sets a key."""
    lines = _lines(text, key)
    return text[: lines[-1].start()] + text[lines[-1].end() + 1 :] if lines else text


def _lines(text: bytes, key: str) -> list[re.Match[bytes]]:
    name = re.escape(key).encode()
    return list(re.finditer(rb"^[ \t]*" + name + rb"[ \t]*=(?P<value>[^\n]*)", text, re.MULTILINE))
