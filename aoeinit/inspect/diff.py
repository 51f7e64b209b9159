"""What differs between two images."""

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from aoeinit.inspect.cpio import Item
from aoeinit.inspect.facts import MODULE_FILE
from aoeinit.inspect.listing import shown
from aoeinit.inspect.tree import Tree, content_of, size_of
from aoeinit.kernel.names import module_name

RELEASE_FOLDER = re.compile(r"^((?:usr/)?lib/modules)/[^/]+")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference; a size is ``None`` on the side where the entry is not. ``what`` says what changed."""

    name: str
    before: int | None
    after: int | None
    what: str

    @property
    def sign(self) -> str:
        """``+`` for added, ``-`` for removed, ``~`` for changed."""
        return "+" if self.before is None else "-" if self.after is None else "~"


def compare(before: Tree, after: Tree) -> tuple[Change, ...]:
    """Compare two images file by file; between two kernels, modules count as the same by their names.

    Time stamps, owners and the order of entries are left aside.
    """
    by_module = _releases(before) != _releases(after)
    old, new = _by_key(before, by_module=by_module), _by_key(after, by_module=by_module)
    return tuple(_changes(old, new))


def diff_lines(changes: tuple[Change, ...]) -> Iterator[str]:
    """Write the differences, one a line, and a last line that sums them up."""
    for change in changes:
        sizes = [change.before, change.after]
        known = [size for size in sizes if size is not None]
        text = " -> ".join(map(str, known)) if len(set(known)) > 1 else str(known[0])
        yield f"{change.sign} {text:>20}  {shown(change.name)}" + (
            f"  ({change.what})" if change.what else ""
        )
    grown = sum((change.after or 0) - (change.before or 0) for change in changes)
    counts = {sign: sum(change.sign == sign for change in changes) for sign in "+-~"}
    yield f"{counts['+']} added, {counts['-']} removed, {counts['~']} changed, {grown:+} bytes unpacked"


def _releases(tree: Tree) -> set[str]:
    return {match[0] for path in tree.files if (match := RELEASE_FOLDER.match(path))}


def _by_key(tree: Tree, *, by_module: bool) -> dict[str, Item]:
    if not by_module:
        return tree.files
    found = {}
    for path, item in tree.files.items():
        if item.is_directory and RELEASE_FOLDER.match(path):
            continue
        is_module = MODULE_FILE.search(path)
        found[f"module {module_name(path)}" if is_module else RELEASE_FOLDER.sub(r"\1/*", path)] = item
    return found


def _changes(old: dict[str, Item], new: dict[str, Item]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        what = _difference(before, after) if before and after else ""
        if what or before is None or after is None:
            yield Change(
                name,
                None if before is None else size_of(before),
                None if after is None else size_of(after),
                what,
            )


def _difference(before: Item, after: Item) -> str:
    if stat.S_IFMT(before.mode) != stat.S_IFMT(after.mode):
        return "another kind of file"
    found = []
    if content_of(before) != content_of(after) or size_of(before) != size_of(after):
        found.append("content")
    if before.link != after.link:
        found.append(f"link to {shown(before.link)}, now to {shown(after.link)}")
    if before.mode != after.mode:
        found.append(f"mode {stat.S_IMODE(before.mode):o}, now {stat.S_IMODE(after.mode):o}")
    if before.is_device and before.rdevice != after.rdevice:
        found.append("device number")
    return ", ".join(found)
