"""The images of other tools: whether anything in them, a program or a script, knows AoE."""

import re
from typing import Final

from aoeinit.inspect.tree import Tree, content_of

ELF: Final = b"\x7fELF"
WORD: Final = re.compile(rb"(?<![a-z0-9])(?:aoe|etherd)(?![a-z])", re.IGNORECASE)
"""Not in ``alloc_etherdev``, nor in the home row of a Dvorak keyboard, ``aoeu``."""

MENTIONS: Final = re.compile(
    r"""
      (usr/)?lib/(modules|firmware)/ | kernel/     # the driver itself; early microcode
    | (.*/)?udev/rules\.d/                         # udev's own rules give the driver's devices a group
    | (.*/)?(modules|modules-load\.d|modprobe\.d)(/|$)  # names of modules: initramfs-tools, kmod, systemd
    | config$ | buildconfig$                       # the same of mkinitcpio,
    | etc/booster\.init\.yaml$                     # of booster
    | (usr/)?lib/dracut/[^/]*\.txt$                # and of dracut
    | .*\\x2f                                      # dracut's scripts that wait for a device, named after it
    | etc/(cmdline\.d/|fstab$|ethertypes$) | conf/(param\.conf$|conf\.d/resume$)  # names of devices, numbers
    | usr/share/doc/
    """,
    re.VERBOSE,
)
"""Files that may name AoE, its driver or a target's device in an image that can do nothing with them."""


def knows_aoe(tree: Tree) -> bool:
    """Tell whether a file is named after AoE, a text names it, or a program the folder of its devices.

    Of programs the folder alone counts: LVM's have the driver's name in a list of all block devices.
    """
    for path, item in tree.files.items():
        if item.is_directory or MENTIONS.match(path):
            continue
        content = content_of(item) or b""
        if "aoe" in path.lower():
            return True
        if content.startswith(ELF):
            if b"/etherd" in content:
                return True
        elif b"\0" not in content and WORD.search(content):
            return True
    return False
