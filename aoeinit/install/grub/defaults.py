"""/etc/default/grub: the words that grub-mkconfig puts into the menu, in a file that the shell reads."""

import re
from typing import Final

from aoeinit.errors import ConfigError
from aoeinit.install.assignments import with_value
from aoeinit.install.grub.cmdline import Parameters, Rewritten, rewrite

DEFAULTS: Final = "etc/default/grub"
KEY: Final = "GRUB_CMDLINE_LINUX"

_START = re.compile(
    rf"^[ \t]*(?:export[ \t]+)?(?P<key>{KEY}(?:_DEFAULT)?)\+?=(?P<rest>[^\n]*)$", re.MULTILINE
)
_VALUE = re.compile(
    r"""(?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"';&|<>()`\\#]*))"""
    r"[ \t]*(?:[ \t]#.*|)"
)


def rewrite_defaults(content: bytes, parameters: Parameters) -> tuple[bytes, tuple[str, ...]]:
    """Put the words into the file's last ``GRUB_CMDLINE_LINUX``, and take them out of all other lines.

    Gives the new content and the words that were dropped.
    10_linux puts its own ``root=`` before them, and a later parameter wins; ``GRUB_CMDLINE_LINUX_DEFAULT``
    comes after them. Entries of other disks' systems are switched off: os-prober would mount those disks.

    Raises :class:`ConfigError` for a line that only the shell itself can make sense of.
    """
    if b"\0" in content:
        raise ConfigError(f"/{DEFAULTS} is no text", "put the file of GRUB's package in its place")
    text = content.decode(errors="surrogateescape")
    lines = list(_START.finditer(text))
    ours = [line for line in lines if line["key"] == KEY]
    dropped: list[str] = []
    for line in reversed(lines):
        found = _VALUE.fullmatch(line["rest"])
        if found is None:
            number = text.count("\n", 0, line.start()) + 1
            raise ConfigError(
                f"/{DEFAULTS}: line {number} cannot be understood: {line[0].strip()}",
                f'write it as {line["key"]}="WORDS" on one line',
            )
        value, words = _rewritten(found, parameters, add=bool(ours) and line is ours[-1])
        dropped = [*words.dropped, *dropped]
        text = text[: line.start("rest")] + value + text[line.end("rest") :]
    if not ours:
        separator = "" if not text or text.endswith("\n") else "\n"
        text += f'{separator}{KEY}="{" ".join(parameters.words)}"\n'
    changed = with_value(text.encode(errors="surrogateescape"), "GRUB_DISABLE_OS_PROBER", "true")
    return changed, tuple(dropped)


def _rewritten(found: re.Match[str], parameters: Parameters, *, add: bool) -> tuple[str, Rewritten]:
    """Rewrite a value inside the quotes that it has, and leave what follows it on the line."""
    kind = found.lastgroup or "bare"
    words = rewrite(found[kind], parameters, add=add)
    if words.text == found[kind]:
        return found[0], words
    value = f'"{words.text}"' if kind == "bare" else words.text
    return found[0][: found.start(kind)] + value + found[0][found.end(kind) :], words
