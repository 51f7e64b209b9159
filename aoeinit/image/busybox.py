"""busybox, the image's userland: finding it, and the applets it was built with, without running it."""

import re
from collections.abc import Collection
from itertools import chain
from pathlib import Path

from aoeinit.errors import ProgramError
from aoeinit.image.programs import find_program, read_program
from aoeinit.sysroot import resolve

PACKAGES = "install busybox-static or busybox (Debian, Ubuntu), or busybox (Fedora, Arch, openSUSE)"

# busybox finds an applet by a binary search in one run of names, each closed by a NUL, sorted by their bytes.
# No other run of sorted words in the program is nearly as long.
NAMES = re.compile(rb"(?:[a-z0-9_.+\[-]{1,32}\0){8,}")
LANDMARK = b"\0switch_root\0"
SPAN = 32 << 10
"""Looking for such runs all over a program takes twenty times as long as near a name that only the table has:
the agent's last. The tables of all applets that there are take some 3 KiB."""


def find_busybox(sysroot: Path) -> str:
    """Return the path of busybox in the sysroot; raises :class:`ProgramError` where there is none."""
    try:
        return find_program(sysroot, "busybox")
    except ProgramError as error:
        raise ProgramError(f"no busybox in {sysroot}", PACKAGES) from error


def applets(content: bytes) -> frozenset[str]:
    """Return the names of the applets in the program ``content``; none where it holds no such table."""
    best: list[bytes] = []
    for names in chain.from_iterable(map(NAMES.finditer, _likely_parts(content))):
        run: list[bytes] = []
        for name in names[0][:-1].split(b"\0"):
            if run and name <= run[-1]:
                best, run = max(best, run, key=len), []
            run.append(name)
        best = max(best, run, key=len)
    return frozenset(name.decode("ascii") for name in best)


def _likely_parts(content: bytes) -> list[bytes]:
    places = (found.start() for found in re.finditer(re.escape(LANDMARK), content))
    return [content[max(0, at - SPAN) : at + SPAN] for at in places] or [content]


def require_applets(sysroot: Path, path: str, needed: Collection[str]) -> None:
    """Raise :class:`ProgramError` if the busybox at ``path`` lacks one of the applets ``needed``."""
    file = resolve(sysroot, path)
    if file is None:
        raise ProgramError(f"no busybox at /{path.lstrip('/')} in {sysroot}", PACKAGES)
    found = applets(read_program(file))
    if not found:
        raise ProgramError(f"{file.file} is no busybox: it holds no list of applets", PACKAGES)
    missing = sorted(set(needed) - found)
    if missing:
        raise ProgramError(f"{file.file} lacks the applets {', '.join(missing)}", PACKAGES)
