"""What a migration shows for its steps, whose names are in its record."""

from typing import Final

_TITLES: Final = {
    "table": "partition table",
    "filesystems": "file systems and swap",
    "mount": "mount them",
    "remount": "write all to the target, and read it from there again",
    "target": "target of new images",
    "hooks": "images with every kernel",
    "grub": "GRUB",
    "relabel": "SELinux",
    "check": "look whether all is there",
    "unmount": "unmount the target",
}


def title_of(step: str) -> str:
    """Give what is shown for the step of a name; without a title it is the name."""
    kind, _, release = step.partition(" ")
    return f"image of kernel {release}" if kind == "image" else _TITLES.get(step, step)
