"""A file that a server reads, as a value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class File:
    """A text, where it belongs (relative to the root folder), and what it is for.

    Of a symbolic link, ``text`` is where it leads.
    """

    path: str
    text: str
    why: str
    is_link: bool = False


HEADER = "# Written by aoeinit server; the next run replaces it.\n"
