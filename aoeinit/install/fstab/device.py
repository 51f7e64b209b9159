"""A block device that a line of fstab(5) can name."""

from dataclasses import dataclass

from aoeinit.install.fstab.lines import tag_of


@dataclass(frozen=True, slots=True)
class Device:
    """A block device and what is on it; ``None`` where that is not known, or where there is no such thing.

    ``uuid`` and ``label`` are those of the file system, ``partuuid`` and ``partlabel`` those of the
    partition; ``size`` is in bytes.
    """

    path: str
    fstype: str | None = None
    uuid: str | None = None
    label: str | None = None
    partuuid: str | None = None
    partlabel: str | None = None
    size: int | None = None

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    def is_named_by(self, source: str) -> bool:
        """Tell whether the first field of a line means this device."""
        tag = tag_of(source)
        if tag is None:
            return source == self.path
        key, value = tag
        if key in {"UUID", "PARTUUID"}:
            own = self.uuid if key == "UUID" else self.partuuid
            return own is not None and own.lower() == value.lower()
        return value in {"LABEL": {self.label}, "PARTLABEL": {self.partlabel}}.get(key, set())

    def text(self) -> str:
        """Describe it in one line for people."""
        size = None if self.size is None else f"{self.size / 2**30:.1f} GiB"
        label = self.label or self.partlabel
        words = (self.name, size, self.fstype or "no file system", label and f"label {label!r}")
        return ", ".join(filter(None, words))
