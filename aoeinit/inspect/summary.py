"""The default view of an image, for people."""

from collections.abc import Callable, Iterable, Iterator

from aoeinit.inspect.facts import Facts, ModuleFact
from aoeinit.inspect.listing import shown, shown_time
from aoeinit.inspect.reading import Image
from aoeinit.inspect.tree import Tree, size_of

Paint = Callable[[str, str], str]
"""Colours a text for a role: ``heading``, ``name``, ``size`` or ``faint``; on paper it returns the text."""

LARGEST = 10
FEW = 40
WIDTH = 100
DEEPEST = 60
SHELLS = {"": "none", "open": "open", "password": "with a password"}


def summary(image: Image, tree: Tree, facts: Facts, paint: Paint, *, full: bool = False) -> Iterator[str]:
    """Describe an image in lines; long lists are shortened unless ``full``."""
    yield from _head(image, facts, paint)
    yield from _segments(image, paint)
    yield from _modules(facts, paint, full=full)
    yield from _files("firmware", facts.firmware, paint, full=full)
    yield from _files("programs", facts.programs, paint, full=full)
    if facts.applets:
        yield from _wrapped("busybox is", sorted(set(facts.applets)), paint)
    largest = sorted(((size_of(item), path) for path, item in tree.files.items()), reverse=True)[:LARGEST]
    yield ""
    yield paint("largest files", "heading")
    yield from (_sized(size, shown(path), paint) for size, path in largest if size)


def human(size: int) -> str:
    """Write a size in bytes with a unit (SI) and three digits at most."""
    value = float(size)
    for unit in ("B", "kB", "MB"):
        if value < 999.5:  # noqa: PLR2004 - what would be rounded to four digits
            return f"{value:.0f} {unit}" if unit == "B" or value >= 99.95 else f"{value:.1f} {unit}"  # noqa: PLR2004
        value /= 1000
    return f"{value:.1f} GB"


def _head(image: Image, facts: Facts, paint: Paint) -> Iterator[str]:
    unpacked = sum(segment.size for segment in image.segments)
    share = f", {100 * image.size / unpacked:.0f} %" if unpacked else ""
    releases = ", ".join(facts.releases)
    rows = {
        "size": f"{human(image.size)}, {human(unpacked)} unpacked{share}, {len(image.items)} entries",
        "built by": shown(facts.builder or "unknown: nothing in it tells"),
        "arguments": shown(facts.arguments or ""),
        "newest entry": shown_time(facts.newest) if facts.newest > 1 else "no time recorded",
        "kernel": shown(facts.kernel or releases) or "none: no modules in it",
        "modules for": shown(releases or "none") if facts.kernel else "",
        "target": shown(facts.about.get("target", "")) or ("none baked in" if facts.about else ""),
        "drivers": {"listed": "in a fixed order", "all": "by alias, for any machine"}.get(
            facts.about.get("nic", ""), ""
        ),
        "shell": _shell(facts),
        "interfaces": shown(", ".join(f"{mac} is {name}" for mac, name in facts.interfaces)),
    }
    yield from (f"{paint(f'{key:13}', 'heading')} {value}" for key, value in rows.items() if value)


def _shell(facts: Facts) -> str:
    """Say what emergency shell the image has, if it is one of aoeinit's."""
    kind = facts.about.get("shell", "")
    return SHELLS.get(kind, shown(kind)) if facts.about else ""


def _segments(image: Image, paint: Paint) -> Iterator[str]:
    yield ""
    yield paint("archives         offset     packed   unpacked  entries", "heading")
    for segment in image.segments:
        name = "not packed" if segment.compression == "none" else segment.compression
        yield (
            f"  {name:10} {segment.offset:>10} {human(segment.packed):>10} {human(segment.size):>10} "
            f"{segment.entries:>8}"
        )


def _modules(facts: Facts, paint: Paint, *, full: bool) -> Iterator[str]:
    yield ""
    total = sum(module.size for module in facts.modules)
    yield paint(f"modules: {len(facts.modules)}, {human(total)}", "heading")
    if full or len(facts.modules) <= FEW:
        yield from module_tree(facts.modules, paint)
        return
    folders: dict[str, list[int]] = {}
    for module in facts.modules:
        _, _, path = module.path.partition("/kernel/")
        folder = "/".join(path.split("/")[:3][: path.count("/")]) or "(elsewhere)"
        folders.setdefault(folder, []).append(module.size)
    ordered = sorted(folders.items(), key=lambda each: -sum(each[1]))
    for folder, sizes in ordered[:LARGEST]:
        yield _sized(sum(sizes), f"{shown(folder)}  {paint(str(len(sizes)), 'faint')}", paint)
    rest = [size for _, sizes in ordered[LARGEST:] for size in sizes]
    if rest:
        yield _sized(sum(rest), f"{len(rest)} more in {len(ordered) - LARGEST} folders", paint)
    yield paint("  --verbose shows them all, with what each needs", "faint")


def module_tree(modules: Iterable[ModuleFact], paint: Paint) -> Iterator[str]:
    """Draw the modules as trees: what nothing else needs first, below each what it needs itself."""
    by_name = {module.name: module for module in modules}
    needed = {name for module in by_name.values() for name in module.needs}
    roots = [name for name in by_name if name not in needed] or list(by_name)
    drawn: set[str] = set()

    def draw(name: str, lead: str, branch: str) -> Iterator[str]:
        module = by_name.get(name)
        again = name in drawn and module is not None and module.needs
        size = human(module.size) if module else "not in it"
        yield (
            f"  {paint(f'{size:>9}', 'size')}  {paint(lead + branch, 'faint')}{paint(shown(name), 'name')}"
            + (paint(" (see above)", "faint") if again else "")
        )
        if module is None or again or len(lead) > DEEPEST:
            return
        drawn.add(name)
        below = lead + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
        for need in module.needs:
            yield from draw(need, below, "└─ " if need == module.needs[-1] else "├─ ")

    for root in roots:
        yield from draw(root, "", "")


def _files(title: str, files: tuple[tuple[str, int], ...], paint: Paint, *, full: bool) -> Iterator[str]:
    if not files:
        return
    yield ""
    yield paint(f"{title}: {len(files)}, {human(sum(size for _, size in files))}", "heading")
    ordered = sorted(files, key=lambda each: -each[1])
    chosen = ordered if full or len(files) <= LARGEST + 2 else ordered[:LARGEST]
    yield from (_sized(size, shown(path), paint) for path, size in chosen)
    if len(chosen) < len(files):
        rest = ordered[len(chosen) :]
        yield _sized(sum(size for _, size in rest), f"{len(rest)} more", paint)


def _sized(size: int, text: str, paint: Paint) -> str:
    return f"  {paint(f'{human(size):>9}', 'size')}  {text}"


def _wrapped(title: str, words: list[str], paint: Paint) -> Iterator[str]:
    import textwrap  # noqa: PLC0415 - only this view needs it

    text = shown(", ".join(words))
    first, *more = textwrap.wrap(text, WIDTH, initial_indent=" " * 13, subsequent_indent=" " * 13)
    yield f"  {paint(f'{title:11}', 'faint')}{first[13:]}"
    yield from more
