"""Suspend: the driver of the network card is on the root, which is on the network.

systemd.special(7) names the targets; systemd(1) of a masked one refuses, and desktops no longer offer it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aoeinit.install.network.lines import has_file
from aoeinit.install.state import Change, Present, look

TARGETS: Final = ("sleep", "suspend", "hibernate", "hybrid-sleep", "suspend-then-hibernate")
NOWHERE: Final = Present(b"/dev/null", None)
WHY: Final = "keeps the machine from a sleep that it cannot wake up from without its root"


def changes(sysroot: Path) -> Iterator[Change]:
    """Give the masks, where systemd is what puts the machine to sleep."""
    if has_file(sysroot, "usr/lib/systemd/systemd", "lib/systemd/systemd"):
        for target in TARGETS:
            path = f"etc/systemd/system/{target}.target"
            yield Change(path, look(sysroot, path), NOWHERE, WHY)
