"""A made-up machine: a folder that the agent takes for its root, with a clock and devices that tests control.

The agent's own files run unchanged, under busybox ash, as root of a user namespace of their own, where the
kernel refuses real mounts, renames and restarts. A prelude puts shell functions in the place of applets that
would do such things; they note in /log what they were asked and change the folder as a kernel would.
"""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aoeinit.boot.contract import APPLETS
from aoeinit.boot.files import LASTING

BOOT = Path(__file__).parents[2] / "aoeinit" / "boot"
PRELUDE = Path(__file__).with_name("prelude.sh")
LIMIT = 60
"""Seconds after which a test's shell is ended: it hangs."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run printed, wrote to the kernel's log (``<level>text`` lines) and asked of the machine."""

    output: str
    kmsg: list[str]
    log: list[str]

    def said(self, text: str) -> bool:
        return any(text in line for line in self.kmsg)

    @property
    def errors(self) -> list[str]:
        return [line.removeprefix("<3>aoeinit: ") for line in self.kmsg if line.startswith("<3>")]


@dataclass
class Machine:
    """One machine; ``speed`` is how many of its seconds pass in a real one; 0 leaves its clock alone."""

    root: Path
    speed: float = 1
    plan: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for folder in ("bin", "lib", "etc/aoeinit", "machine", "sysroot", "run", "dev"):
            (self.root / folder).mkdir(parents=True)
        shutil.copy("/bin/busybox", self.root / "bin/busybox")
        for applet in APPLETS:
            (self.root / "bin" / applet).symlink_to("busybox")
        shutil.copytree(BOOT / "lib", self.root / "lib/aoeinit")
        shutil.copy(BOOT / "init", self.root / "init")
        for lasting in LASTING:
            shutil.copy(BOOT / lasting, self.root / "lib/aoeinit")
        shutil.copy(PRELUDE, self.root / "prelude.sh")
        for program in ("switch_root", "reboot", "poweroff"):
            (self.root / "bin" / program).unlink()
            self.put(f"bin/{program}", f'#!/bin/sh\n. /prelude.sh\nrecord_{program} "$@"\n')
            (self.root / "bin" / program).chmod(0o755)
        for path in ("dev/kmsg", "dev/console", "dev/null", "log", "etc/aoeinit/modules", "proc/modules"):
            self.put(path, "")
        self.put("proc/sys/kernel/osrelease", "6.1.0-test\n")
        self.put("proc/sys/kernel/printk_devkmsg", "ratelimit\n")
        self.put("etc/aoeinit/image", "version=1.0\nkernel=6.1.0-test\nnic=listed\n")
        self.put("proc/filesystems", "nodev\tsysfs\nnodev\ttmpfs\n\text4\n")
        self.put("proc/mounts", "rootfs / rootfs rw 0 0\n")
        self.set_clock(2.0)

    def put(self, path: str, content: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, errors="surrogateescape")

    def read(self, path: str) -> str:
        return (self.root / path).read_text(errors="surrogateescape")

    def on(self, event: str, script: str) -> None:
        """Let ``script`` run in the machine when the agent causes ``event``, such as ``insmod e1000.ko``."""
        self.put(f"machine/{event}", script)

    def at(self, uptime: float, action: Callable[[], None]) -> None:
        """Let ``action`` run when the machine's uptime has come to ``uptime`` seconds."""
        self.plan.append((uptime, action))

    def set_clock(self, uptime: float) -> None:
        self.put("proc/uptime.next", f"{uptime:.2f} 0.00\n")
        os.replace(self.root / "proc/uptime.next", self.root / "proc/uptime")

    def plug_in(self, name: str, index: int, *, carrier: bool = True, mac: str | None = None) -> None:
        """Let the machine have an Ethernet interface, down as yet; its MAC ends in ``index``."""
        folder = f"sys/class/net/{name}"
        (self.root / folder / "device").mkdir(parents=True)
        files = {
            "type": 1,
            "link": int(carrier),
            "address": mac or mac_of(index),
            "ifindex": index,
            "mtu": 1500,
        }
        for file, value in files.items():
            self.put(f"{folder}/{file}", f"{value}\n")

    def run(self, script: str, *arguments: str, env: dict[str, str] | None = None) -> Outcome:
        """Run ``script`` in the machine, the agent's functions at hand."""
        libraries = 'for library in /lib/aoeinit/*.sh; do . "$library"; done\n'
        return self._shell(f". /prelude.sh\n{libraries}{script}\n", arguments, env or {})

    def boot(self, cmdline: str, *arguments: str, env: dict[str, str] | None = None) -> Outcome:
        """Run the agent with a command line; the kernel gives ``arguments`` and ``env`` to process 1."""
        self.put("proc/cmdline", f"{cmdline}\n")
        return self._shell(". /prelude.sh\n. /init\n", arguments, env or {})

    def _shell(self, script: str, arguments: tuple[str, ...], env: dict[str, str]) -> Outcome:
        self.put("test.sh", script)
        setting = [f"{name}={value}" for name, value in {"HOME": "/", "TERM": "linux", **env}.items()]
        command = ["unshare", "-r", "chroot", str(self.root), "/bin/busybox", "env", "-i", *setting]
        command += ["/bin/busybox", "ash", "/test.sh", *arguments]
        with self._time_passes():
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                output, _ = process.communicate(timeout=LIMIT)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                output, _ = process.communicate()
                output += b"\n(this shell did not end)"
        return Outcome(
            output.decode(errors="surrogateescape"),
            self.read("dev/kmsg").splitlines(),
            self.read("log").splitlines(),
        )

    @contextmanager
    def _time_passes(self) -> Iterator[None]:
        if not self.speed:
            yield
            return
        over = threading.Event()
        uptime = float(self.read("proc/uptime").split()[0])
        tick = 0.005

        def clock() -> None:
            nonlocal uptime
            while not over.wait(tick):
                uptime += tick * self.speed
                self.set_clock(uptime)
                for due in [step for step in self.plan if step[0] <= uptime]:
                    self.plan.remove(due)
                    due[1]()

        thread = threading.Thread(target=clock)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def mac_of(index: int) -> str:
    return f"52:54:00:00:00:{index:02x}"
