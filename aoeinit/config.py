"""What a user wants of an image, whatever says so: options, a configuration file, or nobody."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aoeinit.aoe.target import Target
from aoeinit.errors import ConfigError

HOST: Final = "host"
ALL: Final = "all"

COMPRESSIONS: Final = ("zstd", "xz", "gzip", "lz4", "none")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a build, under the names of its options.

    ``nic`` holds ``host``, ``all`` or names of modules. ``filesystem`` may be empty: that of the root is
    meant. ``file`` are pairs of a source on this machine and its absolute path in the image. ``level``
    ``None`` is the compression's own.
    """

    nic: tuple[str, ...] = (HOST,)
    filesystem: tuple[str, ...] = ()
    target: Target | None = None
    module: tuple[str, ...] = ()
    program: tuple[str, ...] = ()
    file: tuple[tuple[Path, str], ...] = ()
    compress: str = COMPRESSIONS[0]
    level: int | None = None


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
