"""A picture of an image in which area is size, so that what takes the space is seen at a glance.

Source of the layout: Bruls, Huizing, van Wijk, "Squarified Treemaps" (2000).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape

from aoeinit.inspect.listing import shown
from aoeinit.inspect.summary import human
from aoeinit.inspect.tree import Tree

WIDTH, HEIGHT = 1400, 900
TOP = 44
LEGEND = 130
HEADING = 17
GAP = 2
LETTER, BOLD_LETTER = 6.2, 7.0
"""Width of a letter in pixels, about, at the size of the labels."""

DEEPEST = 24
"""Folders below which paths are not divided any further."""

SMALLEST = 3
"""Side in pixels below which a rectangle is not divided any further."""

FRAME = "#d9d9d9"

# Calm colours with enough contrast for black letters, by what a file is; the first that fits.
KINDS = (
    ("network drivers", "#f2b880", re.compile(r"/kernel/drivers/net/.*\.ko")),
    ("file systems", "#a8cf8e", re.compile(r"/kernel/fs/.*\.ko")),
    ("other modules", "#8fb8de", re.compile(r"\.ko(\.|$)")),
    ("firmware", "#e39c96", re.compile(r"lib/firmware/|^kernel/.*/microcode/")),
    ("libraries", "#b9b3e0", re.compile(r"\.so(\.|$)")),
    ("programs", "#e6d27a", re.compile(r"(^|/)s?bin/|^init$")),
    ("other files", "#c9c1b0", re.compile("")),
)

STYLE = (
    "text{font:11px sans-serif;fill:#1b1b1b;pointer-events:none}"
    ".t{font-size:18px;font-weight:bold}.s{font-size:13px;fill:#555}.f{font-weight:bold}"
)


@dataclass(slots=True)
class Node:
    """A folder or a file; a folder's size is that of all in it."""

    name: str
    path: str
    size: int = 0
    children: "dict[str, Node]" = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels."""

    x: float
    y: float
    width: float
    height: float


def treemap(tree: Tree, title: str) -> str:
    """Draw an image's files as SVG; hard links count once."""
    root = size_tree(tree)
    body = "".join(_inside(fold(root), Box(0, TOP, WIDTH, HEIGHT - TOP)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}"><style>{STYLE}</style>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
        f'<text class="t" x="4" y="20">{_text(title)}</text>'
        f'<text class="s" x="4" y="38">{human(root.size)} unpacked; area is size</text>'
        f"{''.join(_legend(tree))}{body}</svg>\n"
    )


def kind(path: str) -> tuple[str, str]:
    """Tell what a file is, and its colour."""
    return next((name, colour) for name, colour, pattern in KINDS if pattern.search(path))


def _legend(tree: Tree) -> Iterator[str]:
    """Name the kinds of files, each with its colour and its share."""
    sizes = dict.fromkeys((name for name, _, _ in KINDS), 0)
    for path, item in tree.files.items():
        sizes[kind(path)[0]] += item.size if item.is_file else 0
    shown_kinds = [(name, colour) for name, colour, _ in KINDS if sizes[name]]
    for index, (name, colour) in enumerate(shown_kinds):
        x = WIDTH - LEGEND * (len(shown_kinds) - index)
        yield f'<rect x="{x}" y="10" width="14" height="28" fill="{colour}"/>'
        yield f'<text class="f" x="{x + 19}" y="21">{name}</text>'
        yield f'<text x="{x + 19}" y="36">{human(sizes[name])}</text>'


def size_tree(tree: Tree) -> Node:
    """Arrange the files of an image as nested folders with their sizes."""
    root = Node("", "")
    for path, item in tree.files.items():
        # Of hard links only the one that has the content.
        if not item.is_file or not item.size:
            continue
        node = root
        node.size += item.size
        parts = path.split("/", DEEPEST)
        for depth, part in enumerate(parts):
            node = node.children.setdefault(part, Node(part, "/".join(parts[: depth + 1])))
            node.size += item.size
    return root


def fold(node: Node) -> Node:
    """Join a folder that holds only one thing with that: ``lib/modules`` is one frame, a lone file none."""
    children = [fold(child) for child in node.children.values()]
    if node.path and len(children) == 1:
        only = children[0]
        name = f"{node.name}/{only.name}" if only.children else only.name
        return Node(name, only.path, only.size, only.children)
    return Node(node.name, node.path, node.size, {child.path: child for child in children})


def squarify(sizes: list[int], box: Box) -> Iterator[Box]:
    """Divide a rectangle among ``sizes``, largest first and none zero, into ones nearly square."""
    start = 0
    while start < len(sizes):
        rest = sum(sizes[start:])
        side = min(box.width, box.height)
        scale = box.width * box.height / rest
        end = start + 1
        total = sizes[start] * scale
        worst = _worst(sizes[start] * scale, sizes[start] * scale, total, side)
        while end < len(sizes):
            wider = total + sizes[end] * scale
            ratio = _worst(sizes[start] * scale, sizes[end] * scale, wider, side)
            if ratio > worst:
                break
            total, worst, end = wider, ratio, end + 1
        yield from _row([size * scale for size in sizes[start:end]], total, box)
        box = _rest(box, total)
        start = end


def _worst(largest: float, smallest: float, total: float, side: float) -> float:
    """Give the worst ratio of sides in a row along ``side`` with that much area."""
    square = side * side
    area = total * total
    return max(square * largest / area, area / (square * smallest)) if square * smallest > 0 else float("inf")


def _row(areas: list[float], total: float, box: Box) -> Iterator[Box]:
    along_height = box.width >= box.height
    side = box.height if along_height else box.width
    thickness = total / side if side else 0
    at = 0.0
    for area in areas:
        length = area / thickness if thickness else 0
        if along_height:
            yield Box(box.x, box.y + at, thickness, length)
        else:
            yield Box(box.x + at, box.y, length, thickness)
        at += length


def _rest(box: Box, total: float) -> Box:
    if box.width >= box.height:
        thickness = total / box.height if box.height else 0
        return Box(box.x + thickness, box.y, max(0.0, box.width - thickness), box.height)
    thickness = total / box.width if box.width else 0
    return Box(box.x, box.y + thickness, box.width, max(0.0, box.height - thickness))


def _inside(node: Node, box: Box) -> Iterator[str]:
    children = sorted(node.children.values(), key=lambda child: (-child.size, child.path))
    boxes = squarify([child.size for child in children], box)
    for child, place in zip(children, boxes, strict=True):
        if min(place.width, place.height) < 1:
            continue
        yield f"<g><title>{_text(child.path)}: {human(child.size)}</title>"
        yield from _drawn(child, place)
        yield "</g>"


def _drawn(node: Node, box: Box) -> Iterator[str]:
    inner = Box(
        box.x + GAP, box.y + HEADING, max(0.0, box.width - 2 * GAP), max(0.0, box.height - HEADING - GAP)
    )
    divided = bool(node.children) and min(inner.width, inner.height) > SMALLEST
    colour = FRAME if node.children else kind(node.path)[1]
    yield _rectangle(box, colour, 0.5 if divided else 1)
    yield from _label(node, box, folder=divided)
    if divided:
        yield from _inside(node, inner)


def _rectangle(box: Box, colour: str, opacity: float) -> str:
    return (
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" '
        f'fill="{colour}" fill-opacity="{opacity}" stroke="white"/>'
    )


def _label(node: Node, box: Box, *, folder: bool) -> Iterator[str]:
    """Write the name, and below or beside it the size, as far as there is room."""
    letters = int((box.width - 8) / (BOLD_LETTER if folder else LETTER))
    if letters < 3 or box.height < HEADING - 3:  # noqa: PLR2004 - two letters tell nobody anything
        return
    name = node.name if len(node.name) <= letters else f"{node.name[: letters - 1]}…"
    size = human(node.size)
    beside = f"  {size}" if folder and len(node.name) + len(size) + 2 <= letters else ""
    style = ' class="f"' if folder else ""
    yield f'<text{style} x="{box.x + 4:.1f}" y="{box.y + 12:.1f}">{_text(name)}{beside}</text>'
    if not folder and len(size) <= letters and box.height >= 2 * HEADING - 4:
        yield f'<text x="{box.x + 4:.1f}" y="{box.y + 26:.1f}" fill-opacity="0.7">{size}</text>'


def _text(text: str) -> str:
    return escape(shown(text))
