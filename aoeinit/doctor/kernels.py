"""The kernels that may be booted, each with its image: what entries name, and what is installed beside."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from aoeinit.doctor.entries import Entry, locate, version_key
from aoeinit.doctor.system import Kernel
from aoeinit.errors import AoeinitError
from aoeinit.inspect.check import kernel_release


def kernels_of(sysroot: Path, entries: tuple[Entry, ...], names: Mapping[str, str]) -> tuple[Kernel, ...]:
    """Give the kernels, those of the default entry first.

    ``names`` are the images that the installed releases have by themselves, relative to the sysroot. Without
    any entry the newest of them is taken to be the next.
    """
    found = {
        (each.release, each.image): each
        for each in (*reversed(tuple(_installed(sysroot, entries, names))), *_started(sysroot, entries))
    }
    return tuple(sorted(found.values(), key=lambda each: not each.is_next))


def _started(sysroot: Path, entries: tuple[Entry, ...]) -> Iterator[Kernel]:
    """Give what entries start, the default last: of several that start the same it counts."""
    for entry in sorted(entries, key=lambda each: each.is_default):
        image = locate(sysroot, entry.initrds[-1]) if entry.initrds else None
        if image:
            yield Kernel(_release(sysroot, entry), image, entry.is_default, entry)


def _release(sysroot: Path, entry: Entry) -> str:
    """Read the release from the kernel itself; names may be of any kind."""
    path = locate(sysroot, entry.kernel) if entry.kernel else None
    if path is None:
        return entry.release
    try:
        return kernel_release(f"{sysroot / path}")
    except AoeinitError:
        return entry.release


def _installed(sysroot: Path, entries: tuple[Entry, ...], names: Mapping[str, str]) -> Iterator[Kernel]:
    """Give the installed kernels that no entry starts."""
    started = {each.release for each in entries}
    newest = max(names, key=version_key, default="")
    for release, path in names.items():
        if release not in started:
            image = path if (sysroot / path).exists() else None
            yield Kernel(release, image, is_next=not entries and release == newest)
