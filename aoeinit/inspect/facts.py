"""What an image tells about itself: who built it and when, what for, and what is in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from aoeinit.boot import contract
from aoeinit.inspect.cpio import Item
from aoeinit.inspect.reading import Image
from aoeinit.inspect.tree import Tree, size_of
from aoeinit.kernel.names import module_name
from aoeinit.kernel.release import MODULE_FOLDERS

MODULE_FILE = re.compile(r"\.ko(\.(gz|xz|zst))?$")
SMALL = 1 << 18
INDEX_MAX = 1 << 24

# Files that only one tool puts into its images.
SIGNS = (
    ("usr/lib/dracut", "dracut"),
    ("lib/dracut", "dracut"),
    ("scripts/functions", "initramfs-tools"),
    ("init_functions", "mkinitcpio"),
    ("etc/booster.init.yaml", "booster"),
)
VERSIONS = (
    ("etc/initrd-release", re.compile(r"^DRACUT_VERSION=\"?([^\"\n]+)", re.MULTILINE)),
    ("VERSION", re.compile(r"^(?:mkinitcpio )?([\d.]+)", re.MULTILINE)),
)


@dataclass(frozen=True, slots=True)
class ModuleFact:
    """A module of the image; ``needs`` are those it needs itself, without what these need in turn."""

    name: str
    path: str
    size: int
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What could be found out; ``newest`` is the latest time stamp of an entry, seconds since 1970 or 0.

    ``kernel`` is the release of the kernel that a unified kernel image has with it, ``releases`` are those
    that it has modules for. ``about`` are the facts that aoeinit bakes in
    (:data:`aoeinit.boot.contract.IMAGE_KEYS`), ``interfaces`` pairs of a MAC and a name.
    """

    builder: str | None
    arguments: str | None
    newest: int
    kernel: str | None
    releases: tuple[str, ...]
    about: dict[str, str]
    interfaces: tuple[tuple[str, str], ...]
    modules: tuple[ModuleFact, ...]
    firmware: tuple[tuple[str, int], ...]
    programs: tuple[tuple[str, int], ...]
    applets: tuple[str, ...]


def keep_facts(item: Item) -> bool:
    """Say which contents :func:`find_facts` reads: small files and the index of modules."""
    if item.path.endswith("/modules.dep"):
        return item.size <= INDEX_MAX
    return item.size <= SMALL and not MODULE_FILE.search(item.path)


def find_facts(image: Image, tree: Tree) -> Facts:
    """Find out what an image tells about itself, whichever tool made it."""
    about = dict(_pairs(tree.text(contract.IMAGE_FILE) or "", "="))
    releases = _releases(tree)
    programs = tuple(_programs(tree))
    return Facts(
        builder=_builder(tree, about),
        arguments=(tree.text("usr/lib/dracut/build-parameter.txt") or "").strip() or None,
        newest=max((item.mtime for item in image.items), default=0),
        kernel=image.texts.get(".uname") or None,
        releases=releases,
        about=about,
        interfaces=tuple(_pairs(tree.text(contract.INTERFACES_FILE) or "", None)),
        modules=tuple(_modules(tree, releases)),
        firmware=tuple(_firmware(tree)),
        programs=programs,
        applets=tuple(_applets(tree)),
    )


def module_folder(tree: Tree, release: str) -> str | None:
    """Find the folder of a release's modules; ``None`` where the image has none."""
    for folder in MODULE_FOLDERS:
        found = tree.resolve(f"{folder}/{release}")
        if found and tree.files[found].is_directory:
            return found
    return None


def _pairs(text: str, separator: str | None) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        match line.split(separator, 1):
            case [key, value]:
                yield key, value


def _builder(tree: Tree, about: dict[str, str]) -> str | None:
    if about:
        return f"aoeinit {about.get('version', '(version unknown)')}"
    tool = next((tool for path, tool in SIGNS if tree.find(path)), None)
    if tool is None:
        init = tree.find("init")
        # It consists of one small static program and the mount points.
        alone = init is not None and [item for item in tree.files.values() if item.is_file] == [init]
        return "tiny-initramfs, as it seems" if alone and tree.find("target") else None
    for path, pattern in VERSIONS:
        version = pattern.search(tree.text(path) or "")
        if version:
            return f"{tool} {version[1]}"
    return tool


def _releases(tree: Tree) -> tuple[str, ...]:
    found = set()
    for path, item in tree.files.items():
        above, _, name = path.rpartition("/")
        if above in MODULE_FOLDERS and item.is_directory:
            found.add(name)
    return tuple(sorted(found))


def _modules(tree: Tree, releases: tuple[str, ...]) -> Iterator[ModuleFact]:
    needs: dict[str, list[str]] = {}
    for release in releases:
        text = tree.text(f"{module_folder(tree, release) or ''}/modules.dep") or ""
        for line in text.splitlines():
            path, _, rest = line.partition(":")
            needs.setdefault(module_name(path), [module_name(each) for each in rest.split()])
    for path, item in sorted(tree.files.items()):
        if item.is_file and MODULE_FILE.search(path):
            name = module_name(path)
            yield ModuleFact(name, path, size_of(item), _direct(name, needs))


def _direct(name: str, needs: dict[str, list[str]]) -> tuple[str, ...]:
    """Leave out what is needed only through another module; modules.dep lists that too."""
    everything = needs.get(name, [])
    indirect = {far for near in everything for far in needs.get(near, ())}
    return tuple(each for each in everything if each not in indirect)


def _firmware(tree: Tree) -> Iterator[tuple[str, int]]:
    for path, item in sorted(tree.files.items()):
        folder, _, name = path.partition("lib/firmware/")
        is_firmware = bool(name) and folder in {"", "usr/"}
        is_microcode = path.startswith("kernel/") and "/microcode/" in path
        if item.is_file and (is_firmware or is_microcode):
            yield path, size_of(item)


def _programs(tree: Tree) -> Iterator[tuple[str, int]]:
    for path, item in sorted(tree.files.items()):
        folder = PurePosixPath(path).parent.name
        if item.is_file and item.mode & 0o111 and (folder in {"bin", "sbin"} or path == "init"):
            yield path, size_of(item)


def _applets(tree: Tree) -> Iterator[str]:
    for path, item in sorted(tree.files.items()):
        if item.is_link and PurePosixPath(item.link).name == "busybox":
            yield PurePosixPath(path).name
