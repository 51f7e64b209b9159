"""The agent's functions that look at nothing but their arguments, run where the tests are."""

import subprocess

from tests.agent.machine import BOOT, LIMIT

LIBRARY = sorted((BOOT / "lib").glob("*.sh"))


def agent_shell(script: str) -> str:
    """What ``script`` prints, run by busybox ash after the agent's library."""
    sources = "".join(f". {single_quoted(str(file))}\n" for file in LIBRARY)
    done = subprocess.run(
        ["busybox", "ash"],
        input=(sources + script).encode(),
        env={},
        capture_output=True,
        check=False,
        timeout=LIMIT,
    )
    assert done.stderr == b""
    return done.stdout.decode()


def single_quoted(text: str) -> str:
    """``text`` as one word of shell that stands for itself."""
    return "'" + text.replace("'", "'\\''") + "'"
