"""Boot entries as Fedora's GRUB and systemd-boot read them, and the variables that GRUB keeps for them.

uapi-group.org, "UAPI.1 Boot Loader Specification"; GRUB puts its own variables in, too: ``$kernelopts`` is in
the environment block (GRUB manual, "Environment block").
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aoeinit.errors import ConfigError
from aoeinit.install.grub.cmdline import Parameters, Rewritten, rewrite, split_words

ENTRIES: Final = "boot/loader/entries"
IMAGE_NAMES: Final = ("initramfs-{}.img", "initrd.img-{}", "initrd-{}")
KERNELOPTS: Final = "$kernelopts"
HEADER: Final = b"# GRUB Environment Block\n"

_LINE = r"^({})([ \t]+)([^\n]*)$"
_KERNELOPTS = re.compile(r"^(kernelopts=)((?:[^\\\n]|\\.)*)$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class BootFileSystem:
    """The file system that ``/boot`` is on: its UUID, and where in it ``/boot`` is: ``/boot``, or nothing."""

    uuid: str
    folder: str


def rewrite_entry(
    text: str, parameters: Parameters, boot: BootFileSystem | None, files: Collection[str]
) -> Rewritten:
    """Make an entry start the system on the target; what need not change stays byte for byte.

    ``files`` are those in ``/boot``: an entry whose image is not among them, while one of its kernel's is,
    gets that. With ``boot`` the paths are right also where ``/boot`` was a file system of its own and is none
    any more, or the other way round.
    """
    dropped: list[str] = []
    lines = list(re.finditer(_LINE.format("options"), text, re.MULTILINE))
    for line in reversed(lines):
        here = line is lines[0] and KERNELOPTS not in split_words(text)
        found = rewrite(line[3], parameters, None if here else ())
        dropped += found.dropped
        text = text[: line.start(3)] + found.text + text[line.end(3) :]
    if not lines:
        text = _appended(text, f"options {' '.join(parameters.words)}")
    text = _with_image(text, files)
    if boot:
        text = re.sub(
            _LINE.format("linux|initrd"), lambda match: _moved(match, boot, files), text, flags=re.MULTILINE
        )
    return Rewritten(text, tuple(dropped))


def _with_image(text: str, files: Collection[str]) -> str:
    """Name the image of the entry's kernel where it names none, or none that is there."""
    version = re.search(_LINE.format("version"), text, re.MULTILINE)
    names = (name.format(version[3].strip()) for name in IMAGE_NAMES) if version else ()
    ours = next((name for name in names if name in files), None)
    kernel = re.search(_LINE.format("linux"), text, re.MULTILINE)
    if ours is None or kernel is None or not _beside(kernel[3].strip(), files):
        return text
    path = f"{kernel[3].strip().rpartition('/')[0]}/{ours}"
    line = re.search(_LINE.format("initrd"), text, re.MULTILINE)
    if line is None:
        return text[: kernel.end()] + f"\ninitrd {path}" + text[kernel.end() :]
    named = [each for each in line[3].split() if not each.startswith("$")]
    if any(_beside(each, files) for each in named):
        return text
    variables = [each for each in line[3].split() if each.startswith("$")]
    return text[: line.start(3)] + " ".join([path, *variables]) + text[line.end(3) :]


def _beside(path: str, files: Collection[str]) -> bool:
    """Tell whether a path of an entry is a file of ``/boot`` itself, and there."""
    folder, _, name = path.rpartition("/")
    return (not folder or folder.endswith("/boot")) and name in files


def _moved(line: re.Match[str], boot: BootFileSystem, files: Collection[str]) -> str:
    paths = (
        f"{boot.folder}/{each.rpartition('/')[2]}" if _beside(each, files) else each
        for each in line[3].split()
    )
    return line[1] + line[2] + " ".join(paths)


def _appended(text: str, line: str) -> str:
    return text + ("" if not text or text.endswith("\n") else "\n") + line + "\n"


def rewrite_environment(content: bytes, parameters: Parameters, place: Path) -> tuple[bytes, tuple[str, ...]]:
    """Put the words into ``kernelopts`` of an environment block, and keep the block's size.

    Raises :class:`ConfigError` if it is none, or if they do not fit.
    """
    if not content.startswith(HEADER):
        raise ConfigError(f"{place} is no environment block of GRUB", "make one: grub2-editenv FILE create")
    text = content.rstrip(b"#").decode(errors="surrogateescape")
    found = _KERNELOPTS.search(text)
    if found is None:
        return content, ()
    words = rewrite(found[2], parameters)
    changed = (text[: found.start(2)] + words.text + text[found.end(2) :]).encode(errors="surrogateescape")
    if len(changed) > len(content):
        raise ConfigError(
            f"kernelopts do not fit into the {len(content)} bytes of {place}", "make the command line shorter"
        )
    return changed.ljust(len(content), b"#"), words.dropped
