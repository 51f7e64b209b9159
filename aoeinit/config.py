"""What a user wants of an image: which settings there are, what each may be, and who gave it.

The fields of :class:`Settings` are the one table behind the options of ``aoeinit build`` and the keys of the
configuration files (:mod:`aoeinit.config_files`).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from aoeinit.aoe.target import Target
from aoeinit.errors import ConfigError

HOST: Final = "host"
ALL: Final = "all"
AUTO: Final = "auto"

COMPRESSIONS: Final = ("zstd", "xz", "gzip", "lz4", "none")


@dataclass(frozen=True, slots=True)
class Key:
    """How a setting is given, as an option and in a file.

    ``read`` makes a value of one string, of one integer where ``whole`` is set, or of a boolean where
    ``flag`` is, and raises :class:`ConfigError`. ``default`` tells people what happens where nobody gives
    it; ``example`` is TOML.
    """

    metavar: str
    meaning: str
    example: str
    read: Callable[[Any], Any]
    default: str = ""
    repeats: bool = False
    whole: bool = False
    flag: bool = False
    choices: tuple[str, ...] = ()

    @property
    def metadata(self) -> dict[str, "Key"]:
        """The key as a field of :class:`Settings` carries it."""
        return {"key": self}


def file_pair(text: str) -> tuple[Path, str]:
    """Read ``SRC`` or ``SRC:DST``, split at the last colon; without one a file keeps its absolute path.

    Raises :class:`ConfigError` where DST is no absolute path.
    """
    source, colon, destination = text.rpartition(":")
    if not colon:
        source, destination = text, str(Path(text).absolute())
    if not source or not destination.startswith("/"):
        raise ConfigError(
            f"{text!r} is not SRC[:DST]", "DST is an absolute path in the image: ./key:/etc/key"
        )
    return Path(source), destination


def _word(text: str) -> str:
    if not text or any(character.isspace() or not character.isprintable() for character in text):
        raise ConfigError(f"{text!r} is not a name", "a name is not empty and has no blanks in it")
    return text


def _path(text: str) -> str:
    if not text.strip() or "\0" in text:
        raise ConfigError(f"{text!r} is not a path", "name a file: /usr/sbin/ethtool")
    return text


# sha512, sha256 and md5: what every busybox can check. Source: crypt(5).
_HASH: Final = re.compile(r"\$[156]\$[./0-9A-Za-z$=]{10,}")


def _hash(text: str) -> str:
    if not _HASH.fullmatch(text):
        raise ConfigError(
            "that is no crypt hash of a password",
            "take what openssl passwd -6 prints, in single quotes: in double ones a shell takes $6 away",
        )
    return text


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ConfigError(f"{text!r} is none of {', '.join(choices)}", nearest(text, choices))
        return text

    return read


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a build.

    ``nic`` holds ``host``, ``all`` or names of modules. ``filesystem`` may be empty: that of the root is
    meant. ``file`` are pairs of a source on this machine and its absolute path in the image. ``level``
    ``None`` is the compression's own. ``microcode`` is ``auto`` or ``none``. ``emergency_password`` is a hash
    as in /etc/shadow; it is of no use without ``emergency_shell``.
    """

    nic: tuple[str, ...] = field(
        default=(HOST,),
        metadata=Key(
            "host|all|MODULE",
            "Network drivers: for this machine's hardware, all Ethernet ones, or by name.",
            '"host"',
            _word,
            default=HOST,
            repeats=True,
        ).metadata,
    )
    filesystem: tuple[str, ...] = field(
        default=(),
        metadata=Key(
            "FS", "File system of the root.", '"ext4"', _word, default="the running root's", repeats=True
        ).metadata,
    )
    target: Target | None = field(
        default=None,
        metadata=Key("eX.Y", "Target to boot from if nobody says else.", '"e11.0"', Target.parse).metadata,
    )
    module: tuple[str, ...] = field(
        default=(),
        metadata=Key(
            "M", "One more module, loaded first.", '["e1000", "dummy"]', _word, repeats=True
        ).metadata,
    )
    program: tuple[str, ...] = field(
        default=(),
        metadata=Key(
            "PATH", "One more program, with its libraries.", '["/usr/sbin/ethtool"]', _path, repeats=True
        ).metadata,
    )
    file: tuple[tuple[Path, str], ...] = field(
        default=(),
        metadata=Key(
            "SRC[:DST]", "One more file or folder.", '["/root/key:/etc/key"]', file_pair, repeats=True
        ).metadata,
    )
    compress: str = field(
        default=COMPRESSIONS[0],
        metadata=Key(
            "NAME",
            "How the image is compressed.",
            '"zstd"',
            _one_of(COMPRESSIONS),
            default=COMPRESSIONS[0],
            choices=COMPRESSIONS,
        ).metadata,
    )
    level: int | None = field(
        default=None,
        metadata=Key("N", "Compression level.", "9", int, default="quick and small", whole=True).metadata,
    )
    microcode: str = field(
        default=AUTO,
        metadata=Key(
            "auto|none",
            "Microcode for the processor, where it is installed.",
            '"auto"',
            _one_of((AUTO, "none")),
            default=AUTO,
            choices=(AUTO, "none"),
        ).metadata,
    )
    emergency_shell: bool = field(
        default=False,
        metadata=Key(
            "", "A shell for boots that fail and ask for one (rd.aoe.onfail=shell).", "true", bool, flag=True
        ).metadata,
    )
    emergency_password: str | None = field(
        default=None,
        metadata=Key(
            "HASH",
            "The crypt hash of the password that this shell asks for.",
            '"$6$salt$hash.of.the.password"',
            _hash,
        ).metadata,
    )


KEYS: Final[Mapping[str, Key]] = {each.name: each.metadata["key"] for each in fields(Settings)}


def change(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """Put ``values``, read by their keys, in the place of what ``settings`` say.

    A level belongs to the compression it was given with: another compression alone puts it aside.

    Raises :class:`ConfigError` for a level that the compression does not have.
    """
    if "compress" in values:
        settings = replace(settings, level=None)
    settings = replace(settings, **values)
    if settings.level is not None:
        from aoeinit.image.compression import compressor  # noqa: PLC0415 - libraries that few settings need

        compressor(settings.compress, settings.level)
    return settings


def as_plain(value: Any) -> Any:  # noqa: ANN401 - of any setting
    """Give a setting's value as a file would have it: strings, integers, lists of strings, or ``None``."""
    match value:
        case tuple():
            return [f"{each[0]}:{each[1]}" if isinstance(each, tuple) else each for each in value]
        case Target():
            return str(value)
    return value


def nearest(name: str, names: tuple[str, ...]) -> str:
    """Give the hint for a name that is not one of ``names``."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    near = get_close_matches(name, names, n=1)
    return f"did you mean {near[0]}?" if near else f"there is: {', '.join(names)}"
