"""Making a change of a sysroot: a file, a link, or nothing in the place of what was there."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from aoeinit.errors import AoeinitError
from aoeinit.install.state import Change, locate
from aoeinit.system.files import replace_file


def apply(sysroot: Path, change: Change) -> None:
    """Make a change; raises :class:`AoeinitError` where the system does not let it happen."""
    place = locate(sysroot, change.path)
    after = change.after
    try:
        if after is None:
            place.unlink(missing_ok=True)
            return
        # Only root can give files away; what others make is theirs.
        owner = after.owner if os.geteuid() == 0 else None
        place.parent.mkdir(parents=True, exist_ok=True)
        if after.mode is None:
            _replace_link(place, after.content, owner)
            return
        if change.before and change.before.is_link:
            place.unlink(missing_ok=True)  # replace_file() does not replace links
        with replace_file(place, mode=after.mode) as stream:
            if owner:
                os.fchown(stream.fileno(), *owner)
                os.fchmod(stream.fileno(), after.mode)  # a change of owner takes set-user-ID away
            stream.write(after.content)
    except OSError as error:
        raise AoeinitError(f"cannot change {place}: {error.strerror}", "run as root") from error


def _replace_link(place: Path, content: bytes, owner: tuple[int, int] | None) -> None:
    temporary = place.with_name(f".{place.name}.aoeinit")
    temporary.unlink(missing_ok=True)
    os.symlink(content, os.fsencode(temporary))
    if owner:
        os.chown(temporary, *owner, follow_symlinks=False)
    os.rename(temporary, place)


def remove_folders(sysroot: Path, folders: Iterable[str]) -> None:
    """Remove the folders that are empty, the deepest first."""
    for folder in sorted(folders, key=len, reverse=True):
        with suppress(OSError):
            locate(sysroot, folder).rmdir()
