"""/etc/default/grub: the words that grub-mkconfig puts into the menu, in a file that the shell reads."""

import re
from collections.abc import Sequence
from typing import Final

from aoeinit.errors import ConfigError
from aoeinit.install.assignments import value_of, with_value
from aoeinit.install.grub.cmdline import Parameters, Rewritten, rewrite

DEFAULTS: Final = "etc/default/grub"
KEY: Final = "GRUB_CMDLINE_LINUX"
DEVICE: Final = "GRUB_DEVICE"
PARTUUID: Final = "GRUB_DISABLE_LINUX_PARTUUID"
SETTINGS: Final = {"GRUB_DISABLE_LINUX_UUID": "true", "GRUB_DISABLE_OS_PROBER": "true", PARTUUID: "true"}
ROOT_KEYS: Final = (KEY, DEVICE, "GRUB_DISABLE_LINUX_UUID", PARTUUID, "GRUB_FORCE_PARTUUID")
"""What has a say in ``root=``; the last is Ubuntu's."""

_START = re.compile(
    rf"^[ \t]*(?:export[ \t]+)?(?P<key>{KEY}(?:_DEFAULT)?)\+?=(?P<rest>[^\n]*)$", re.MULTILINE
)
_VALUE = re.compile(
    r"""(?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"';&|<>()`\\#]*))"""
    r"[ \t]*(?:[ \t]#.*|)"
)


def rewrite_defaults(content: bytes, parameters: Parameters) -> tuple[bytes, tuple[str, ...]]:
    """Name the root for 10_linux, which writes one ``root=`` itself, and take it out of all lines.

    Gives the new content and the words that were dropped. The words beside the root come into the file's last
    ``GRUB_CMDLINE_LINUX``. grub-mkconfig lets this file override the device that it has found, and 10_linux
    names that unless it may use UUIDs. Entries of other disks' systems are switched off: os-prober would
    mount those disks.

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
        added = parameters.others if ours and line is ours[-1] else ()
        value, words = _rewritten(found, parameters, added)
        dropped = [*words.dropped, *dropped]
        text = text[: line.start("rest")] + value + text[line.end("rest") :]
    if not ours and parameters.others:
        separator = "" if not text or text.endswith("\n") else "\n"
        text += f'{separator}{KEY}="{" ".join(parameters.others)}"\n'
    changed = text.encode(errors="surrogateescape")
    for key, value in {DEVICE: f'"{parameters.root}"', **SETTINGS}.items():
        # The last is off unless the file says else.
        if key != PARTUUID or value_of(changed, key):
            changed = with_value(changed, key, value)
    return changed, tuple(dropped)


def _rewritten(found: re.Match[str], parameters: Parameters, added: Sequence[str]) -> tuple[str, Rewritten]:
    """Rewrite a value inside the quotes that it has, and leave what follows it on the line."""
    kind = found.lastgroup or "bare"
    words = rewrite(found[kind], parameters, added)
    if words.text == found[kind]:
        return found[0], words
    value = f'"{words.text}"' if kind == "bare" else words.text
    return found[0][: found.start(kind)] + value + found[0][found.end(kind) :], words
