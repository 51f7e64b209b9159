"""A Debian system with aoeinit installed in it, in which kernels can come and go and nothing else notices.

The system is a stack of layers (overlayfs) in a mount namespace of its own: what is written goes to memory,
and is gone with the process that holds the namespace.
"""

import hashlib
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from aoeinit.system.beside import running
from tests.lab.cache import cache_folder, filling
from tests.lab.kernels import Kernel
from tests.lab.programs import LabError, run
from tests.lab.system import bare_system

TOP = Path(__file__).parents[2]

PACKAGES = ("systemd", "kmod", "busybox-static", "initramfs-tools", "libarchive13", "python3")
UKI_PACKAGES = ("systemd-boot-efi", "systemd-ukify")
MACHINE_ID = "0123456789abcdef0123456789abcdef"
COMMAND = "/opt/aoeinit/bin/aoeinit"
SCRIPT = """\
#!/usr/bin/python3
import sys

sys.path.insert(0, "/opt/aoeinit/lib")
from aoeinit.cli.main import main

main()
"""
CONFIGURATION = 'nic = "e1000"\nfilesystem = "ext4"\n'

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class Suite:
    """A Debian release, its Python, and what its system has."""

    name: str
    python: str
    packages: tuple[str, ...] = PACKAGES


BOOKWORM = Suite("bookworm", "3.11")
TRIXIE = Suite("trixie", "3.13", (*PACKAGES, *UKI_PACKAGES))


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended, and what it said on either output."""

    code: int
    said: str


@dataclass(frozen=True, slots=True)
class Installation:
    """A system that runs in the namespace of the process ``holder``; ``root`` shows its files to the test."""

    holder: int
    folder: Path
    release: str

    @property
    def vmlinuz(self) -> str:
        """The kernel, as the system knows it."""
        return f"/usr/lib/modules/{self.release}/vmlinuz"

    @property
    def root(self) -> Path:
        return Path(f"/proc/{self.holder}/root{self.folder}")

    def file(self, path: str) -> Path:
        """A file of the system by its absolute path there."""
        return self.root / path.lstrip("/")

    def attempt(self, *command: str, **environment: str) -> Done:
        """Run a program of the system, with a short PATH and no terminal."""
        inside = [
            "nsenter",
            f"--mount=/proc/{self.holder}/ns/mnt",
            "--",
            "chroot",
            str(self.folder),
            *command,
        ]
        done = subprocess.run(
            inside,
            env={**ENVIRONMENT, **environment},
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return Done(done.returncode, done.stdout)

    def run(self, *command: str, **environment: str) -> str:
        """The same for a program that must succeed; gives what it said."""
        done = self.attempt(*command, **environment)
        if done.code:
            raise LabError(f"{' '.join(command)}: exit code {done.code}\n{done.said}")
        return done.said

    def mount(self, *arguments: str) -> None:
        """Mount something for the system alone."""
        run(["nsenter", f"--mount=/proc/{self.holder}/ns/mnt", "--", "mount", *arguments])


@contextmanager
def installation(suite: Suite, project: Path, kernel: Kernel) -> Iterator[Installation]:
    """A fresh system of a suite with the folder ``project`` as /opt/aoeinit and the modules of a kernel."""
    layers = [bare_system(suite.name, suite.packages)]
    with (
        TemporaryDirectory(prefix="aoeinit-system-") as folder,
        running(["unshare", "--mount", "--propagation", "private", "cat"], stdout=subprocess.PIPE) as holder,
    ):
        wait_for_echo(holder)
        system = Installation(holder.pid, Path(folder) / "system", kernel.release)
        system.mount("-t", "tmpfs", "memory", folder)
        inside = Path(f"/proc/{holder.pid}/root{folder}")
        (inside / "system").mkdir()
        overlay(system, inside, layers, "/")
        system.mount("-t", "proc", "proc", f"{system.folder}/proc")
        modules = f"/usr/lib/modules/{kernel.release}"
        system.file(modules).mkdir(parents=True)
        overlay(system, inside, [kernel.modules], modules)
        shutil.copy(kernel.vmlinuz, system.file(system.vmlinuz))
        system.file("/opt/aoeinit").mkdir(parents=True)
        system.mount("--bind", str(project), f"{system.folder}/opt/aoeinit")
        system.file("/etc/machine-id").write_text(f"{MACHINE_ID}\n")
        system.file("/etc/kernel/cmdline").write_text("root=/dev/etherd/e11.0p1\n")
        system.file("/etc/aoeinit.toml").write_text(CONFIGURATION)
        yield system


def with_few_modules(kernel: Kernel, folder: Path, names: Sequence[str]) -> Kernel:
    """The same kernel with some of its modules: depmod, which every installation runs, reads them all."""
    few = Kernel(kernel.release, folder, kernel.vmlinuz)
    where = ["--dirname", str(kernel.root), "--set-version", kernel.release]
    shown = run(["modprobe", *where, "--show-depends", "--all", *names])
    wanted = {Path(line.split()[1]).resolve() for line in shown.splitlines() if line.startswith("insmod ")}
    indexes = {kernel.modules / f"modules.{name}" for name in ("order", "builtin", "builtin.modinfo")}
    real = kernel.modules.resolve()
    for file in (*wanted, *(each.resolve() for each in indexes)):
        copy = few.modules / file.relative_to(real)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    return few


def overlay(system: Installation, inside: Path, layers: Sequence[Path], place: str) -> None:
    """Mount layers at a place of the system, with a layer of its own on top to write to."""
    name = hashlib.sha256(place.encode()).hexdigest()[:8]
    for kind in ("upper", "work"):
        (inside / f"{kind}-{name}").mkdir()
    real = system.folder.parent
    lower = ":".join(str(layer) for layer in layers)
    options = f"lowerdir={lower},upperdir={real}/upper-{name},workdir={real}/work-{name}"
    system.mount("-t", "overlay", "overlay", "-o", options, f"{system.folder}{place}")


def wait_for_echo(holder: subprocess.Popen[bytes]) -> None:
    """Wait until cat answers: then it is in its new namespace, and no mount can land in the machine's own."""
    if holder.stdin is None or holder.stdout is None:
        raise LabError("the process that holds the namespace was started without pipes")
    holder.stdin.write(b"\n")
    holder.stdin.flush()
    answer = holder.stdout.readline()
    own = Path("/proc/self/ns/mnt").stat().st_ino
    if answer != b"\n" or Path(f"/proc/{holder.pid}/ns/mnt").stat().st_ino == own:
        raise LabError(f"no mount namespace could be made: {answer!r}; this needs root")


def make_wheel(folder: Path) -> Path:
    """Build the project's wheel as pip does, from a copy: a build leaves files beside the sources."""
    source = folder / "source"
    source.mkdir()
    for name in ("aoeinit", "hooks"):
        shutil.copytree(
            TOP / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(TOP / name, source)
    run([*PIP, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)])
    return next(folder.glob("aoeinit-*.whl"))


PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


def make_project(folder: Path, wheel: Path, suite: Suite) -> Path:
    """Install the project and what it depends on for the Python of a suite; gives the folder."""
    dependencies = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["dependencies"]
    digest = hashlib.sha256(" ".join(dependencies).encode()).hexdigest()[:12]
    cached = cache_folder() / "dependencies" / f"python{suite.python}-{digest}"
    with filling(cached) as part:
        if part is not None:
            install_wheels(part, suite, dependencies)
    shutil.copytree(cached, folder / "lib")
    install_wheels(folder / "lib", suite, ["--no-deps", str(wheel)])
    script = folder / "bin/aoeinit"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    script.chmod(0o755)
    return folder


def install_wheels(folder: Path, suite: Suite, words: Sequence[str]) -> None:
    options = ["--quiet", "--root-user-action=ignore", "--target", str(folder), "--only-binary=:all:"]
    run([*PIP, "install", *options, "--python-version", suite.python, *words])
