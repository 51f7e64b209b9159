"""udev: links in /dev/disk for the target's partitions, and old rules that rename the interface.

udev's own 60-persistent-storage.rules has a list of disks that it looks into, in which etherd is absent.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aoeinit.install.network.conflicts import Fatal, resized
from aoeinit.install.network.interface import BootInterface
from aoeinit.install.network.lines import files, has_folder, joined, read_lines
from aoeinit.install.state import Change, Present, look

FOLDER: Final = "etc/udev/rules.d"
PATH: Final = f"{FOLDER}/61-aoeinit-etherd.rules"

TEXT: Final = """\
# Written by aoeinit network: udev's own rules do not look into AoE targets. This makes their links in
# by-uuid, by-label, by-partuuid and by-partlabel of /dev/disk, and tells the later rules of btrfs, LVM and MD
# what is there.
ACTION=="remove", GOTO="aoeinit_end"
SUBSYSTEM!="block", GOTO="aoeinit_end"
KERNEL!="etherd/e*|etherd!e*", GOTO="aoeinit_end"
ENV{UDEV_DISABLE_PERSISTENT_STORAGE_RULES_FLAG}=="1", GOTO="aoeinit_end"

# A disk and its copy have the same UUIDs. Who booted from a target means the target, others their own disk.
TEST=="/run/aoeinit/state", OPTIONS+="link_priority=50"
TEST!="/run/aoeinit/state", OPTIONS+="link_priority=-50"

# Look again when somebody has written: mkfs, a new partition table.
OPTIONS+="watch"

ENV{ID_FS_TYPE}=="", IMPORT{builtin}="blkid"
ENV{ID_FS_USAGE}=="filesystem|other|crypto", ENV{ID_FS_UUID_ENC}=="?*", \\
  SYMLINK+="disk/by-uuid/$env{ID_FS_UUID_ENC}"
ENV{ID_FS_USAGE}=="filesystem|other|crypto", ENV{ID_FS_LABEL_ENC}=="?*", \\
  SYMLINK+="disk/by-label/$env{ID_FS_LABEL_ENC}"
ENV{ID_PART_ENTRY_UUID}=="?*", SYMLINK+="disk/by-partuuid/$env{ID_PART_ENTRY_UUID}"
ENV{ID_PART_ENTRY_SCHEME}=="gpt", ENV{ID_PART_ENTRY_NAME}=="?*", \\
  SYMLINK+="disk/by-partlabel/$env{ID_PART_ENTRY_NAME}"

LABEL="aoeinit_end"
"""


def is_used(sysroot: Path) -> bool:
    """Tell whether udev is there."""
    return has_folder(sysroot, "usr/lib/udev/rules.d", "lib/udev/rules.d")


def changes(sysroot: Path) -> Iterator[Change]:
    """Give the rules for targets."""
    after = Present(TEXT.encode(), 0o644)
    yield Change(PATH, look(sysroot, PATH), after, "makes /dev/disk/by-uuid and the like for AoE targets")


def conflicts(sysroot: Path, boot: BootInterface) -> Iterator[str]:
    """Warn of rules, such as those of udev's own generator of old, that rename the card."""
    for path in files(sysroot, FOLDER, "*.rules"):
        for line in joined(read_lines(sysroot, path)):
            found = re.search(r'(?<![\w{])NAME:?="([^"]+)"', line.text)
            if line.text.lstrip().startswith("#") or boot.mac not in line.text.lower():
                continue
            if found and found[1] != boot.name:
                told = (
                    f"{boot.name} becomes {found[1]} under the root, which is lost then; take the line out, "
                    f"or run this again with --interface {found[1]} and build the image anew"
                )
                yield Fatal(line.says(told))
            mtu = re.search(r'ATTR\{mtu\}="([0-9]+)"', line.text)
            yield from resized(line, boot, mtu[1]) if mtu else ()
