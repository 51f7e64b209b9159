"""Run one command and print what it took: seconds, processor seconds, bytes of memory, exit code.

It is a process of its own because Linux counts the memory of whoever starts a program as that program's (the
high-water mark survives exec), and it imports next to nothing, to be smaller than all that is measured.
Usage: ``python -IS launcher.py OUTPUT COMMAND...``; what the command says goes to the file OUTPUT.
"""

import os
import sys
import time

output, *command = sys.argv[1:]
words = [
    (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
    (os.POSIX_SPAWN_OPEN, 1, output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
    (os.POSIX_SPAWN_DUP2, 1, 2),
]
begin = time.perf_counter()
child = os.posix_spawnp(command[0], command, os.environ, file_actions=words)
_, status, used = os.wait4(child, 0)
wall = time.perf_counter() - begin
code = os.waitstatus_to_exitcode(status)
sys.stdout.write(f"{wall} {used.ru_utime + used.ru_stime} {used.ru_maxrss * 1024} {code}\n")
