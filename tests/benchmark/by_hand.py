"""Images as people write them: busybox, the modules and one script."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.benchmark.peers import IMAGES
from tests.lab.installation import Installation
from tests.lab.tiny_root import static_busybox

SCRIPT = """\
#!/bin/busybox sh
export PATH=/bin
/bin/busybox mkdir -p /proc /sys /dev /root
/bin/busybox mount -t proc proc /proc
/bin/busybox --install -s /bin
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
{before}
ip link set eth0 up
{wait}
{aoe}
until [ -b /dev/etherd/e11.0p1 ]; do {pause}; done
mount -o ro /dev/etherd/e11.0p1 /root
umount /proc /sys
mount --move /dev /root/dev
exec switch_root /root /sbin/init
"""
SLEEP = ("sleep 5", "sleep 1")
"""What how-tos do: wait for so long that it has been enough for somebody."""
WATCH = (
    'until read up </sys/class/net/eth0/carrier && [ "$up" = 1 ]; do usleep 10000; done',
    "usleep 10000",
)
"""Nothing but look, a hundred times a second."""


def make_by_hand(system: Installation, name: str, modules: Sequence[str], wait: str, pause: str) -> Path:
    """Make an image that loads the modules, raises the interface, waits, and looks for the disk."""
    tree = system.file(f"/opt/{name}")
    (tree / "bin").mkdir(parents=True)
    shutil.copy(static_busybox(), tree / "bin/busybox")
    before, aoe = (inserted(system, tree, *names) for names in (modules, ["aoe"]))
    script = SCRIPT.format(before="\n".join(before), aoe="\n".join(aoe), wait=wait, pause=pause)
    (tree / "init").write_text(script)
    (tree / "init").chmod(0o755)
    packing = f"cd /opt/{name} && find . | cpio --quiet -o -H newc | zstd -q -c -6 >{IMAGES}/{name}"
    system.run("sh", "-c", packing)
    return system.file(f"{IMAGES}/{name}")


def inserted(system: Installation, tree: Path, *modules: str) -> list[str]:
    """Copy what kmod would insert for those modules, in its order, and give the lines that do."""
    shown = system.run("modprobe", "--show-depends", "--all", "--set-version", system.release, *modules)
    # What two of them need is shown for each.
    files = dict.fromkeys(Path(line.split()[1]) for line in shown.splitlines() if line.startswith("insmod "))
    for file in files:
        shutil.copy(system.file(str(file)), tree / file.name)
    return [f"insmod /{file.name}" for file in files]
