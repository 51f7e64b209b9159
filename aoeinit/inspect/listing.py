"""A listing of an image's entries, in their order, like that of ``ls -l``."""

import stat
import time
from collections.abc import Iterable, Iterator

from aoeinit.inspect.cpio import Item


def listing(items: Iterable[Item]) -> Iterator[str]:
    """Give a line for each entry: mode, links, owner, group, size or device number, local time, path."""
    times: dict[int, str] = {}
    for item in items:
        when = times.get(item.mtime) or times.setdefault(item.mtime, shown_time(item.mtime))
        size = f"{item.rdevice[0]}, {item.rdevice[1]}" if item.is_device else str(item.size)
        target = f" -> {shown(item.link)}" if item.is_link else ""
        yield (
            f"{stat.filemode(item.mode)} {item.links:3} {item.uid:4} {item.gid:4} {size:>9} {when} "
            f"{shown(item.path)}{target}"
        )


def shown(text: str) -> str:
    """Write a name so that nothing in it can move the cursor or change the terminal."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode()
        for each in text
    )


def shown_time(seconds: int) -> str:
    """Write a time of an archive, which has 32 bits, as local time to the minute."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
