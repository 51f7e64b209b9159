"""The file system that the kernel makes of an image's entries, as values."""

import stat
from collections.abc import Iterable

from aoeinit.errors import ImageError
from aoeinit.inspect.cpio import Item
from aoeinit.sysroot import MAX_LINKS

DEPTH_MAX = 128
"""How deep folders may be nested: far more than in any image, and little enough for all that walks them."""

STEPS_MAX = 1 << 23
"""How many names of paths may be looked up, all in all. A hostile image could ask for hours of it."""

ADDED_MAX = 1 << 24
"""How many letters the paths of added folders may have: one name could ask for a thousand of them."""


class LoopError(ImageError):
    """Links lead in a circle."""


class Tree:
    """Every file by its path without a leading slash; no folder on such a path is a symbolic link.

    Entries take effect in their order, as in init/initramfs.c: a later one replaces an earlier, a path may
    run through a link that is there already, and what has no folder to go to is dropped: it is ``lost``.
    With ``parents``, folders that are missing are added instead. Raises :class:`ImageError` for paths beyond
    the limits above.
    """

    def __init__(self, items: Iterable[Item], *, parents: bool = False) -> None:
        self.files: dict[str, Item] = {}
        self.lost: list[Item] = []
        self._filled: set[str] = {""}
        self._folders: dict[str, str] = {}
        self._steps = STEPS_MAX
        self._room = ADDED_MAX
        for item in items:
            if item.name and not self._place(item, parents=parents):
                self.lost.append(item)

    def resolve(self, path: str) -> str | None:
        """Follow ``path`` and its links to the file that it means; ``None`` where there is none.

        The image's root is the empty path. Raises :class:`ImageError` for a loop of links.
        """
        done = ""
        todo = path.split("/")[::-1]
        links = 0
        while todo:
            name = todo.pop()
            self._steps -= 1
            if self._steps < 0:
                raise ImageError("the paths in the image take too many steps to follow")
            if name in {"", "."}:
                continue
            if name == "..":
                done = done.rpartition("/")[0]
                continue
            here = f"{done}/{name}" if done else name
            item = self.files.get(here)
            if item is None or (todo and not (item.is_directory or item.is_link)):
                return None
            if not item.is_link:
                done = here
                continue
            links += 1
            if links > MAX_LINKS:
                raise LoopError(f"/{path.lstrip('/')}: too many levels of symbolic links")
            if item.link.startswith("/"):
                done = ""
            todo.extend(item.link.split("/")[::-1])
        return done

    def find(self, path: str) -> Item | None:
        """Give the entry that ``path`` leads to; ``None`` where there is none, or a loop."""
        try:
            found = self.resolve(path)
        except LoopError:
            return None
        return self.files.get(found) if found else None

    def text(self, path: str) -> str | None:
        """Give the content of a file as text; ``None`` where there is no such file, or it was not kept."""
        item = self.find(path)
        content = None if item is None else content_of(item)
        return None if content is None else content.decode(errors="replace")

    def _place(self, item: Item, *, parents: bool) -> bool:
        above, _, name = item.name.rpartition("/")
        if above.count("/") >= DEPTH_MAX:
            raise ImageError(f"folders are nested more than {DEPTH_MAX} deep: {item.path[:80]!r}…")
        folder = self._folder(above)
        if folder is None and parents:
            folder = self._make_folders(above)
        if folder is None or name == "..":
            return False
        path = f"{folder}/{name}" if folder else name
        old = self.files.get(path)
        if old is not None and old.is_directory != item.is_directory:
            if path in self._filled:
                return False  # a folder that is not empty cannot be replaced
            self._folders.clear()
        if item.is_link or (old is not None and old.is_link):
            self._folders.clear()
        self.files[path] = item
        self._filled.add(folder)
        return True

    def _folder(self, path: str) -> str | None:
        """Find the folder that ``path`` leads to; ``None`` where there is none yet."""
        known = self.files.get(path)
        if known is not None and known.is_directory:
            return path  # as paths of files run through no link
        if path not in self._folders:
            try:
                found = self.resolve(path)
            except LoopError:
                return None
            if found is None or (found and not self.files[found].is_directory):
                return None
            self._folders[path] = found
        return self._folders[path]

    def _make_folders(self, path: str) -> str | None:
        """Add the folders that are missing on ``path``; ``None`` where something else is in the way."""
        done = ""
        for name in path.split("/"):
            here = f"{done}/{name}".lstrip("/")
            if name != ".." and here not in self.files:
                self._room -= len(here)
                if self._room < 0:
                    raise ImageError("more folders are missing than any image has")
                self.files[here] = Item(here, (0, stat.S_IFDIR | 0o755, 0, 0, 2, *[0] * 8), 0)
                self._filled.add(done)
            found = self._folder(here)
            if found is None:
                return None
            done = found
        return done


def content_of(item: Item) -> bytes | None:
    """Give a file's content, which for a hard link another entry may hold; ``None`` where it was not kept."""
    return item.holder.content if item.holder is not None and not item.size else item.content


def size_of(item: Item) -> int:
    """Give a file's size, of hard links without content too; 0 for what is no file."""
    if not item.is_file:
        return 0
    return item.holder.size if item.holder is not None and not item.size else item.size
