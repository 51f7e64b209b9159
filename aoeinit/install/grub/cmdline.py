"""Words of a kernel's command line: those for a root on a target, and those of the disk before it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from aoeinit.aoe.target import Target
from aoeinit.errors import ConfigError

OLD_DISK: Final = frozenset(
    {
        "luks.name",
        "luks.uuid",
        "rd.dm.uuid",
        "rd.luks.key",
        "rd.luks.name",
        "rd.luks.options",
        "rd.luks.partuuid",
        "rd.luks.serial",
        "rd.luks.uuid",
        "rd.lvm.lv",
        "rd.lvm.vg",
        "rd.md.uuid",
        "resume",
        "resume_offset",
    }
)
"""Parameters that name another disk than the root's: dracut's, systemd's for encryption, the kernel's."""

TAGS: Final = ("UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=")

# A backslash before a quote is the shell's, where the words stand in quotes of its own.
_WORD = re.compile(r'(?:\\?"(?:(?!\\?").)*(?:\\?"|\Z)|[^\s"])+')
# Needs no quotes anywhere: for the kernel, for the shell, or for GRUB.
_PLAIN = re.compile(r"[\w./:=,@%+~-]+", re.ASCII)
_DEVICE = re.compile(r"(?:/dev/etherd/|aoe:)(e[0-9]+\.[0-9]+)(?:p[1-9][0-9]{0,2})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a command line is to say: the root, which is on ``target``, and ``others``, whole words.

    Each word replaces all of its name. Raises :class:`ConfigError` for a root that the agent does not take,
    or that is on another target.
    """

    root: str
    target: Target
    others: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the words."""
        device = _DEVICE.fullmatch(self.root)
        if device is None and not any(self.root.startswith(tag) and self.root != tag for tag in TAGS):
            raise ConfigError(
                f"root={self.root} is not supported",
                f"name a disk or partition of the target, as in /dev/etherd/{self.target}p1, or a UUID=",
            )
        if device and Target.parse(device[1]) != self.target:
            raise ConfigError(
                f"root={self.root} is not on target {self.target}", "name a partition of the target"
            )
        for word in self.words:
            if not _PLAIN.fullmatch(word):
                raise ConfigError(f"{word!r} needs quotes in a command line", "name the root by its UUID")

    @property
    def words(self) -> tuple[str, ...]:
        """The words, the root first."""
        return (f"root={self.root}", *self.others)

    def unwanted(self, word: str) -> bool:
        """Tell whether a word is of the disk before, or names another target."""
        name, value = split(word)
        if name == "boot":  # dracut's for FIPS; for live systems it is another one's, and names no disk
            return value.startswith((*TAGS, "/dev/"))
        return name in OLD_DISK or (name == "rd.aoe" and str(self.target) not in value.split(","))


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A command line as it is to be, and the words that were dropped because of what they name."""

    text: str
    dropped: tuple[str, ...]


def rewrite(text: str, parameters: Parameters, added: Sequence[str] | None = None) -> Rewritten:
    """Put the words into a command line; all others keep their order, and a line that is right its blanks.

    Only those ``added`` are put in, if that is given: the others stand elsewhere, and are taken away. What
    follows a lone ``--`` is for init, and stays.
    """
    words = split_words(text)
    stop = words.index("--") if "--" in words else len(words)
    missing = {split(word)[0]: word for word in (parameters.words if added is None else added)}
    names = frozenset(split(word)[0] for word in parameters.words)
    kept: list[str] = []
    dropped: list[str] = []
    for word in words[:stop]:
        name = split(word)[0]
        if name in names:
            # The first one gives its place to ours.
            kept += [missing.pop(name)] if name in missing else []
        elif parameters.unwanted(word):
            dropped.append(word)
        else:
            kept.append(word)
    result = [*missing.values(), *kept, *words[stop:]]
    if result == words:
        return Rewritten(text, tuple(dropped))
    # The shell's += joins values as they are: the blank in front counts.
    front = text[: len(text) - len(text.lstrip())]
    return Rewritten(front + " ".join(result), tuple(dropped))


def split_words(text: str) -> list[str]:
    """Split a command line as the kernel does: at blanks that no double quotes protect."""
    return _WORD.findall(text)


def split(word: str) -> tuple[str, str]:
    """Give name and value of a word, without quotes."""
    name, _, value = word.replace('\\"', '"').replace('"', "").partition("=")
    return name, value


def warnings_of(dropped: Iterable[str]) -> tuple[str, ...]:
    """Say once for each word that it was dropped."""
    return tuple(
        f"{word} is dropped from the command line: {_reason(split(word)[0])}"
        for word in dict.fromkeys(dropped)
    )


def _reason(name: str) -> str:
    if name in {"resume", "resume_offset"}:
        return "nothing resumes from a target"
    if name == "boot":
        return "only dracut reads it, to find the old /boot for FIPS"
    return "it is about the disk that the root was on"
