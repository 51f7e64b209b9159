"""The file system that the kernel makes of an image's entries, as values."""

import stat
from collections.abc import Iterable

from aoeinit.errors import ImageError
from aoeinit.inspect.cpio import Item
from aoeinit.sysroot import MAX_LINKS


class Tree:
    """Every file by its path without a leading slash; no folder on such a path is a symbolic link.

    Entries take effect in their order, as in init/initramfs.c: a later one replaces an earlier, a path may
    run through a link that is there already, and what has no folder to go to is dropped: it is ``lost``.
    With ``parents``, folders that are missing are added instead.
    """

    def __init__(self, items: Iterable[Item], *, parents: bool = False) -> None:
        self.files: dict[str, Item] = {}
        self.lost: list[Item] = []
        self._filled: set[str] = {""}
        self._folders: dict[str, str | None] = {}
        for item in items:
            if item.name and not self._place(item, parents=parents):
                self.lost.append(item)

    def resolve(self, path: str) -> str | None:
        """Follow ``path`` and its links to the file that it means; ``None`` where there is none.

        The image's root is the empty path. Raises :class:`ImageError` for a loop of links.
        """
        done: list[str] = []
        todo = path.split("/")[::-1]
        links = 0
        while todo:
            name = todo.pop()
            if name in {"", "."}:
                continue
            if name == "..":
                del done[-1:]
                continue
            item = self.files.get("/".join([*done, name]))
            if item is None or (todo and not (item.is_directory or item.is_link)):
                return None
            if not item.is_link:
                done.append(name)
                continue
            links += 1
            if links > MAX_LINKS:
                raise ImageError(f"/{path.lstrip('/')}: too many levels of symbolic links")
            if item.link.startswith("/"):
                done.clear()
            todo.extend(item.link.split("/")[::-1])
        return "/".join(done)

    def find(self, path: str) -> Item | None:
        """Give the entry that ``path`` leads to; ``None`` where there is none, or a loop."""
        try:
            found = self.resolve(path)
        except ImageError:
            return None
        return self.files.get(found) if found else None

    def text(self, path: str) -> str | None:
        """Give the content of a file as text; ``None`` where there is no such file, or it was not kept."""
        item = self.find(path)
        content = None if item is None else content_of(item)
        return None if content is None else content.decode(errors="replace")

    def _place(self, item: Item, *, parents: bool) -> bool:
        above, _, name = item.name.rpartition("/")
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
        if path not in self._folders:
            try:
                found = self.resolve(path)
            except ImageError:
                found = None
            if found and not self.files[found].is_directory:
                found = None
            if found is None:
                return None  # it may come yet
            self._folders[path] = found
        return self._folders[path]

    def _make_folders(self, path: str) -> str | None:
        made = ""
        for name in path.split("/"):
            made = f"{made}/{name}".lstrip("/")
            if self._folder(made) is None:
                folder = Item(made, (0, stat.S_IFDIR | 0o755, 0, 0, 2, *[0] * 8), 0)
                if not self._place(folder, parents=False):
                    return None
        return self._folder(path)


def content_of(item: Item) -> bytes | None:
    """Give a file's content, which for a hard link another entry may hold; ``None`` where it was not kept."""
    return item.holder.content if item.holder is not None and not item.size else item.content


def size_of(item: Item) -> int:
    """Give a file's size, of hard links without content too; 0 for what is no file."""
    if not item.is_file:
        return 0
    return item.holder.size if item.holder is not None and not item.size else item.size
