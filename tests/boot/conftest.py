"""What every boot needs: root, a folder for large files, a console log that stays only after a failure."""

import os
import re
from collections.abc import Callable, Generator, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from xdist.scheduler import LoadScopeScheduling

from aoeinit.system.qemu import fastest_accelerator
from tests.lab.bench import Bench
from tests.lab.filesystems import FORMATS
from tests.lab.image import build_image
from tests.lab.installation import BOOKWORM, make_project, make_wheel
from tests.lab.kernels import debian_kernel
from tests.lab.programs import LabError

E100_UCODE_BYTES = 134 * 4 + 3
"""What the driver e100 takes for microcode by its size (drivers/net/ethernet/intel/e100.c), and the i82551
does not work without; QEMU's runs none. The real one is not free."""
LOGS = Path(__file__).parent / "logs"
SHARING = frozenset({"tests/boot/test_migrate_bios.py"})
"""Files whose tests share what takes minutes to make."""


class Scheduling(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Each test goes to the process that is free, those of a file that shares go to one together.

    They would as well by xdist's mark of groups, but not under pytest 9.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file in SHARING else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    return Scheduling(config, log)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "patient: takes minutes, so it begins early")
    config.addinivalue_line("markers", "idle: waits for minutes and does little else")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long: the short boots go on beside it."""
    items.sort(key=lambda item: not {"idle", "patient"} & {mark.name for mark in item.iter_markers()})


@pytest.fixture(scope="session", autouse=True)
def _root() -> None:
    if os.geteuid() != 0:
        raise LabError("boots need root, for a network namespace of their own: run them with sudo")


@pytest.fixture(scope="session")
def accelerator() -> str:
    return fastest_accelerator(debian_kernel("bookworm").vmlinuz)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as it is installed in /opt/aoeinit of a Debian 12."""
    folder = tmp_path_factory.mktemp("project")
    return make_project(folder / "installed", make_wheel(folder), BOOKWORM)


@pytest.fixture(scope="session")
def image_for_any(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Build, once for a kernel of a Debian suite, the image that boots any machine from any target."""

    @cache
    def build(suite: str) -> Path:
        image = tmp_path_factory.mktemp("image") / suite
        filesystems = [word for name in FORMATS for word in ("--filesystem", name)]
        firmware = image.with_name("ucode")
        firmware.write_bytes(bytes(E100_UCODE_BYTES))
        carried = ["--file", f"{firmware}:/lib/firmware/e100/d102e_ucode.bin"]
        build_image(debian_kernel(suite), image, ["--nic", "all", *filesystems, *carried])
        return image

    return build


@pytest.fixture
def workspace() -> Iterator[Path]:
    """A folder that is gone after the test: pytest keeps its own, and disk images are large."""
    with TemporaryDirectory(prefix="aoeinit-boot-") as folder:
        yield Path(folder)


@pytest.fixture
def bench(workspace: Path, log: Path, accelerator: str, image_for_any: Callable[[str], Path]) -> Bench:
    return Bench(workspace, log, accelerator, image_for_any)


@pytest.fixture
def log(request: pytest.FixtureRequest) -> Path:
    return log_of(request.node)


def log_of(item: pytest.Item) -> Path:
    """Where a test keeps the whole console of its machine."""
    return LOGS / (re.sub(r"[^\w.-]+", "-", item.name).strip("-") + ".log")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    log = log_of(item)
    if report.failed and log.exists():
        report.sections.append(("console log", str(log)))
    elif call.when == "call":
        for each in (log, *log.parent.glob(f"{log.stem}.[0-9].log")):
            each.unlink(missing_ok=True)
    return report
