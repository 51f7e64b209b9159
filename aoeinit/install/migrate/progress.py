"""How far a migration has come: the record of it on the target's root, and what a later run does with it."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from aoeinit.errors import AoeinitError
from aoeinit.install.migrate.disk import Disk, Identity
from aoeinit.install.migrate.layout import Layout, Partition, Volume

RECORD: Final = "etc/aoeinit/migrate.json"
"""Where it is kept: ``/etc`` is the folder of a root that is never a file system of its own."""

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Progress:
    """What has been done: ``started`` is when, in seconds since 1970; ``done`` are names of steps.

    ``releases`` are the kernels that got, or will get, an image; empty in records that do not tell.
    """

    identity: Identity
    size: int
    layout: Layout
    started: float
    done: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()

    @property
    def is_compared(self) -> bool:
        """Tell whether any files are taken for copied: they are not copied again."""
        return any(each.startswith("compare ") for each in self.done)

    def after(self, step: str) -> "Progress":
        """Add a step that was done."""
        return replace(self, done=tuple(dict.fromkeys((*self.done, step))))


def text_of(progress: Progress) -> bytes:
    """Write the record."""
    plain = {
        "format": FORMAT,
        "origin": progress.identity.origin,
        "target": str(progress.identity.target),
        "size": progress.size,
        "started": progress.started,
        "layout": asdict(progress.layout),
        "done": progress.done,
        "releases": progress.releases,
    }
    return json.dumps(plain, indent=2).encode() + b"\n"


def read_progress(content: bytes, identity: Identity, disk: Disk, points: Iterable[str]) -> Progress:
    """Read the record, and see whether it is that of this migration.

    ``points`` are the mount points of the source. Raises :class:`AoeinitError`, with what is different, for
    a record of another one, and for a damaged one.
    """
    try:
        plain = json.loads(content)
        layout = Layout(plain["layout"]["table"], tuple(map(_partition, plain["layout"]["partitions"])))
        found = (plain["format"], plain["origin"], plain["target"], int(plain["size"]))
        started, done = float(plain["started"]), tuple(map(str, plain["done"]))
        releases = tuple(map(str, plain.get("releases", ())))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AoeinitError(
            f"the record on {disk.name} is damaged: {error!r}", "start anew with --wipe"
        ) from error
    expected = (FORMAT, identity.origin, str(identity.target), disk.size)
    names = ("format", "source", "target", "size of the target")
    differing = [
        f"{name} {old}, now {new}"
        for name, old, new in zip(names, found, expected, strict=True)
        if old != new
    ]
    gone = {volume.point for volume, _ in layout.volumes} - set(points)
    differing += [f"{point} was mounted, and is not now" for point in sorted(gone)]
    if differing:
        raise AoeinitError(
            f"{disk.name} holds another migration: {'; '.join(differing)}",
            "make it as it was, or start anew with --wipe",
        )
    return Progress(identity, disk.size, layout, started, done, releases)


def _partition(plain: dict[str, Any]) -> Partition:
    volumes = tuple(Volume(each["point"], each["subvolume"]) for each in plain["volumes"])
    return Partition(**{**plain, "volumes": volumes})
