"""Real kernels to build for and to boot: the distribution's package, or the host's own."""

import os
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.lab.cache import cache_folder, filling
from tests.lab.programs import LabError, run

APT = Path("/etc/apt")
DEBIAN_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
META_PACKAGE = "linux-image-amd64"


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel on disk: ``root`` holds ``lib/modules/<release>`` with depmod's indexes."""

    release: str
    root: Path
    vmlinuz: Path

    @property
    def modules(self) -> Path:
        return self.root / "lib/modules" / self.release


@dataclass(frozen=True, slots=True)
class AptSource:
    """One ``deb`` source of apt, as far as finding a mirror needs it."""

    uri: str
    suites: tuple[str, ...]


def debian_kernel(suite: str) -> Kernel:
    """The kernel that ``linux-image-amd64`` stands for in a Debian suite, unpacked and indexed."""
    folder = cache_folder() / "kernels" / suite
    with filling(folder) as part:
        if part is not None:
            with TemporaryDirectory(prefix="aoeinit-apt-") as apt:
                package = download_kernel(suite, Path(apt))
                unpack_kernel(package, part)
    return kernel_in(folder)


def download_kernel(suite: str, folder: Path) -> Path:
    """Download the real package behind the meta package through an apt configuration of its own."""
    options = apt_options(suite, folder)
    run(["apt-get", *options, "--quiet", "update"])
    shown = run(["apt-cache", *options, "show", "--no-all-versions", META_PACKAGE])
    depends = next(line for line in shown.splitlines() if line.startswith("Depends:"))
    name = next(word for word in depends.split() if word.startswith("linux-image-"))
    run(["apt-get", *options, "--quiet", "download", name], cwd=folder)
    return next(folder.glob("linux-image-*.deb"))


def apt_options(suite: str, folder: Path) -> list[str]:
    """Options for an apt that knows one suite and no installed package, with the host's proxies kept."""
    sources = folder / "sources.list"
    sources.write_text(f"deb [arch=amd64 signed-by={DEBIAN_KEYRING}] {debian_mirror()} {suite} main\n")
    (folder / "lists/partial").mkdir(parents=True)
    (folder / "cache/archives/partial").mkdir(parents=True)
    (folder / "status").touch()
    settings = {
        "APT::Architecture": "amd64",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "-",
        "Dir::State::Lists": folder / "lists",
        "Dir::State::Status": folder / "status",
        "Dir::Cache": folder / "cache",
    }
    return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]


def own_suite() -> str:
    """The Debian suite that this machine runs, such as bookworm."""
    release = platform.freedesktop_os_release()
    if release["ID"] != "debian" or "VERSION_CODENAME" not in release:
        raise LabError(f"this is {release['PRETTY_NAME']}: packages come from Debian only")
    return release["VERSION_CODENAME"]


def debian_mirror(apt: Path = APT) -> str:
    """The address that the machine itself gets its Debian suite from."""
    suite = own_suite()
    for source in apt_sources(apt):
        if suite in source.suites:
            return source.uri
    raise LabError(f"no source of apt under {apt} has the suite {suite!r}: cannot tell the Debian mirror")


def apt_sources(apt: Path) -> Iterator[AptSource]:
    """Every source in both of apt's formats (sources.list(5)): one line each, or deb822 stanzas."""
    for path in [apt / "sources.list", *sorted(apt.glob("sources.list.d/*.list"))]:
        if path.is_file():
            yield from one_line_sources(path.read_text())
    for path in sorted(apt.glob("sources.list.d/*.sources")):
        yield from deb822_sources(path.read_text())


def one_line_sources(text: str) -> Iterator[AptSource]:
    for line in text.splitlines():
        # Options stand in brackets: deb [arch=amd64 signed-by=...] URI SUITE COMPONENT...
        match re.sub(r"\[.*?\]", "", line.partition("#")[0]).split():
            case ["deb", uri, suite, *_]:
                yield AptSource(uri.rstrip("/"), (suite,))


def deb822_sources(text: str) -> Iterator[AptSource]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in re.split(r"\n\s*\n", "\n".join(lines)):
        # A line that begins with a space continues the field above it.
        fields = {
            key.strip().lower(): value.split()
            for key, _, value in (
                field.partition(":")
                for field in re.sub(r"\n[ \t]", " ", stanza).splitlines()
                if field.strip()
            )
        }
        if "deb" in fields.get("types", []) and fields.get("enabled") != ["no"]:
            for uri in fields.get("uris", []):
                yield AptSource(uri.rstrip("/"), tuple(fields.get("suites", [])))


def unpack_kernel(package: Path, folder: Path) -> None:
    """Unpack a kernel package and write its indexes, as its post-installation script would."""
    run(["dpkg-deb", "-x", str(package), str(folder)])
    if not (folder / "lib").exists():
        # Debian 13 packages know only /usr; kmod looks under /lib.
        (folder / "lib").symlink_to("usr/lib")
    run(["depmod", "-b", str(folder), kernel_in(folder).release])


def kernel_in(folder: Path) -> Kernel:
    """The one kernel that ``folder`` holds."""
    releases = sorted(path.name for path in (folder / "lib/modules").iterdir())
    if len(releases) != 1:
        raise LabError(f"{folder}/lib/modules: expected one kernel release, found {releases}")
    return Kernel(releases[0], folder, folder / "boot" / f"vmlinuz-{releases[0]}")


def host_kernel() -> Kernel | None:
    """The running kernel of this machine, where its modules have aoe and its vmlinuz can be read."""
    release = os.uname().release
    modules = Path("/lib/modules") / release
    images = [Path("/boot") / f"vmlinuz-{release}", modules / "vmlinuz"]
    vmlinuz = next((image for image in images if os.access(image, os.R_OK)), None)
    if vmlinuz is None or not has_aoe(modules):
        return None
    return Kernel(release, Path("/"), vmlinuz)


def has_aoe(modules: Path) -> bool:
    indexes = [modules / "modules.dep", modules / "modules.builtin"]
    return all(index.is_file() for index in indexes) and any(
        "/block/aoe/aoe.ko" in index.read_text() for index in indexes
    )
