"""A root of one static busybox that reports what it is and powers the machine off."""

import shutil
from pathlib import Path

from elftools.elf.elffile import ELFFile

from tests.lab.programs import LabError, program
from tests.lab.report import write_report

INIT = """\
#!/bin/sh
/usr/lib/aoelab/report
[ ! -x /usr/lib/aoelab/exercise ] || /usr/lib/aoelab/exercise
sync
mount -o remount,ro /
poweroff -f
"""


def make_tiny_root(tree: Path, token: str) -> None:
    """Fill the folder ``tree``; ``/sbin/init`` is an absolute link, as systemd's often is.

    A test may add a script ``/usr/lib/aoelab/exercise``, which runs after the report.
    """
    for name in ("bin", "sbin", "usr/lib/aoelab", "etc", "dev", "proc", "sys", "run", "tmp"):
        (tree / name).mkdir(parents=True)
    shutil.copy(static_busybox(), tree / "bin/busybox")
    for applet in ("sh", "dmesg", "cat", "uname", "sync", "mount", "poweroff", "dd", "sha256sum"):
        (tree / "bin" / applet).symlink_to("busybox")
    init = tree / "usr/lib/aoelab/init"
    init.write_text(INIT)
    init.chmod(0o755)
    (tree / "sbin/init").symlink_to("/usr/lib/aoelab/init")
    write_report(tree, token)


def static_busybox() -> Path:
    """The host's busybox, which has to work without libraries."""
    busybox = program("busybox")
    with busybox.open("rb") as file:
        if any(segment["p_type"] == "PT_INTERP" for segment in ELFFile(file).iter_segments()):
            raise LabError(f"{busybox} needs shared libraries: install busybox-static")
    return busybox
