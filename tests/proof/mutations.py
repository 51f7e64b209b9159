"""Shows mutated images in every view, with bounded memory and time. Run as a program: SEED COUNT.

It prints how many were listed and how many were refused. Anything else than one of our errors ends it with a
traceback, and the number of the image that caused it.
"""

import os
import random
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from aoeinit.errors import AoeinitError
from aoeinit.inspect.check import Checked, check_image
from aoeinit.inspect.diff import compare, diff_lines
from aoeinit.inspect.facts import find_facts
from aoeinit.inspect.listing import listing
from aoeinit.inspect.reading import Image, read_image
from aoeinit.inspect.summary import summary
from aoeinit.inspect.tree import Tree
from aoeinit.inspect.treemap import treemap
from aoeinit.system.unpacking import extract
from tests.unit.inspect_samples import PACKERS, Made, archive, directories, small_entries, uki

MEMORY = 1 << 30
"""Address space of the whole process, most of which Python, its libraries and their stacks reserve."""

LIMIT = 16 << 20
SECONDS = 5
CHECKED = 20
"""One image of so many is extracted and checked as well, which takes longest."""

NUMBERS = (
    b"00000000",
    b"00000001",
    b"FFFFFFFF",
    b"7FFFFFFF",
    b"80000000",
    b"00001000",
    b"0000A1FF",
    b"000041ED",
)
NAMES = (
    b"..",
    b"/",
    b"../../x",
    b"bin/../..",
    b"TRAILER!!!",
    b"\x1b[2J",
    b"\xff\xfe",
    b"a/" * 40,
    b"init",
    b"bin",
)


def seeds() -> list[tuple[str, bytes]]:
    """Images by how they are packed, before that."""
    release = "lib/modules/6.1"
    modules = [
        *directories("lib", "lib/modules", release, f"{release}/kernel"),
        Made(f"{release}/modules.dep", content=b"kernel/aoe.ko: kernel/b.ko\nkernel/b.ko: kernel/aoe.ko\n"),
        Made(f"{release}/kernel/aoe.ko", content=b"\x7fELF" + bytes(range(200))),
        *directories("etc/aoeinit"),
        Made("etc/aoeinit/image", content=b"version=1\nkernel=6.1\n"),
        Made("etc/aoeinit/modules", content=b"aoe required /lib/modules/6.1/kernel/aoe.ko\n"),
    ]
    contents = [archive(small_entries()), archive([*small_entries(), *modules]), archive(small_entries()) * 2]
    checked = archive(
        [Made(entry.path, entry.mode, entry.content, magic=b"070702") for entry in small_entries()]
    )
    return [(method, content) for method in PACKERS for content in [*contents, checked]]


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Damage some bytes in one of the ways in which images are damaged, or made to do damage."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        at = chance.randrange(len(changed)) if changed else 0
        match chance.choice((0, 0, 0, 1, 2, 3, 4, 4, 5, 5, 5, 5, 6)):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del changed[at:]
            case 2:
                del changed[at : at + chance.randrange(1, 40)]
            case 3:
                changed[at:at] = chance.randbytes(chance.randrange(1, 40))
            case 4:
                changed[at : at + 1] = bytes([changed[at] ^ 1 << chance.randrange(8)]) if changed else b""
            case 5:
                _lie(changed, chance)
            case _:
                end = at + chance.randrange(1, 400)
                changed[at:at] = changed[at:end]
    return bytes(changed)


def _lie(changed: bytearray, chance: random.Random) -> None:
    """Put an extreme number into a field of some header, or an evil name behind it."""
    headers = [at for at in range(0, len(changed), 4) if bytes(changed[at : at + 5]) == b"07070"]
    if not headers:
        return
    at = chance.choice(headers)
    if chance.random() < 0.5:
        field = at + 6 + 8 * chance.randrange(13)
        changed[field : field + 8] = chance.choice(NUMBERS)
    else:
        name = chance.choice(NAMES)
        changed[at + 110 : at + 110 + len(name)] = name


def images(chance: random.Random, count: int) -> Iterator[bytes]:
    """Make images damaged before they were packed, after, or both; some within a unified kernel image."""
    kinds = seeds()
    for _ in range(count):
        method, content = chance.choice(kinds)
        where = chance.choice((0, 0, 0, 0, 1, 2))
        packed = PACKERS[method](mutated(content, chance) if where != 1 else content)
        if chance.randrange(10) == 0:
            packed = uki({".uname": b"6.1", ".initrd": packed})
        yield mutated(packed, chance) if where != 0 else packed


def show(content: bytes, *, thoroughly: bool) -> None:
    """Show an image in every view."""
    image = read_image(content, limit=LIMIT)
    list(listing(image.items))
    tree = Tree(image.items, parents=True)
    facts = find_facts(image, tree)
    list(summary(image, tree, facts, lambda text, _role: text))
    list(summary(image, tree, facts, lambda text, _role: text, full=True))
    list(diff_lines(compare(tree, Tree(image.items))))
    treemap(tree, "image").encode()
    if thoroughly:
        check(image)


def check(image: Image) -> None:
    """Extract an image and check it; nothing may appear beside the folder that it goes to."""
    tree = Tree(image.items)
    with TemporaryDirectory() as folder:
        sysroot = Path(folder) / "image"
        try:
            extract(tree, sysroot)
            check_image(Checked(image, tree, find_facts(image, tree), sysroot), None)
        finally:
            beside = [path.name for path in Path(folder).iterdir() if path.name != "image"]
            if beside:
                raise AssertionError(f"extracted beside its folder: {beside}")


def main(seed: int, count: int) -> None:
    """Show the images, and print how many there were of each kind."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    # Its handler is the default one: a hang ends the process, and the test with it.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    listed = refused = 0
    for number, content in enumerate(images(random.Random(seed), count)):  # noqa: S311 - it must be the same
        signal.alarm(SECONDS)
        try:
            show(content, thoroughly=number % CHECKED == 0)
            listed += 1
        except AoeinitError:
            refused += 1
        except BaseException:
            os.write(2, f"seed {seed}, image {number}\n".encode())
            raise
    signal.alarm(0)
    os.write(1, f"{listed} {refused}\n".encode())


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
