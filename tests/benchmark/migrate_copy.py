"""Copy a folder as ``aoeinit migrate`` copies a file system: ``python migrate_copy.py FROM TO``."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from aoeinit.install.command import Command
from aoeinit.install.migrate.copying import EVERYTHING, FRESH, NEVER, ONE
from aoeinit.system.copying import run_long, used_in

source, copy = sys.argv[1:]
command = Command(("rsync", *EVERYTHING, ONE, *FRESH, *NEVER, f"{source}/", f"{copy}/"), "copies")


def look() -> None:
    """Ask how much is in use, as migrate does now and then."""
    used_in(Path(copy))


with TemporaryDirectory() as folder:
    ended = run_long(command, Path(folder), look)
sys.stderr.write(ended.said)
sys.exit(ended.code)
