"""A whole Debian system with systemd, which reports from beyond multi-user.target and powers off."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.lab.cache import cache_folder, filling
from tests.lab.kernels import DEBIAN_KEYRING, debian_mirror
from tests.lab.programs import run
from tests.lab.report import write_report

PACKAGES = ("systemd-sysv", "udev")
UNIT = """\
[Unit]
Description=Report to the lab and power off
After=multi-user.target

[Service]
Type=oneshot
ExecStart=/usr/lib/aoelab/report
ExecStartPost=/bin/systemctl --no-block poweroff
"""


def make_system(tree: Path, suite: str, token: str, root: str, packages: Sequence[str] = PACKAGES) -> None:
    """Fill the folder ``tree`` with a system of a Debian suite whose root is the device ``root``."""
    run(["cp", "-a", "--reflink=auto", str(bare_system(suite, packages)), str(tree)])
    write_report(tree, token)
    (tree / "etc/hostname").write_text("aoelab\n")
    (tree / "etc/fstab").write_text(f"{root} / ext4 defaults 0 1\n")
    units = tree / "etc/systemd/system"
    (units / "aoelab.service").write_text(UNIT)
    wants = units / "multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "aoelab.service").symlink_to("../aoelab.service")
    # It would take the console away from the report.
    (units / "serial-getty@ttyS0.service").symlink_to("/dev/null")


def bare_system(suite: str, packages: Sequence[str] = PACKAGES) -> Path:
    """The smallest system of a suite with these packages, from the cache or from the mirror.

    Without a word, it is one that starts systemd.
    """
    digest = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:12]
    folder = cache_folder() / "systems" / f"{suite}-{digest}"
    with filling(folder) as part:
        if part is not None:
            bootstrap(suite, packages, part)
    return folder


def inside(tree: Path, *command: str) -> str:
    """Run a program of the system in ``tree``, with the host's /dev and a /proc of its own; what it said."""
    prepare = 'mount --rbind /dev "$0/dev"; mount -t proc proc "$0/proc"; exec chroot "$0" "$@"'
    return run(["unshare", "--mount", "--pid", "--fork", "sh", "-ec", prepare, str(tree), *command])


def bootstrap(suite: str, packages: Sequence[str], folder: Path) -> None:
    """Let mmdebstrap install a system, through the proxies that the host's apt uses."""
    source = f"deb [signed-by={DEBIAN_KEYRING}] {debian_mirror()} {suite} main"
    with TemporaryDirectory(prefix="aoeinit-apt-") as apt:
        settings = Path(apt) / "acquire.conf"
        settings.write_text(run(["apt-config", "dump", "Acquire"]))
        options = ["--quiet", "--mode=root", "--variant=minbase", "--architectures=amd64"]
        options += [f"--aptopt={settings}", f"--include={','.join(packages)}"]
        run(["mmdebstrap", *options, suite, str(folder), source])
