"""What every boot needs: root, a folder for large files, a console log that stays only after a failure."""

import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.lab.kernels import debian_kernel
from tests.lab.machine import fastest_accelerator
from tests.lab.programs import LabError

LOGS = Path(__file__).parent / "logs"


@pytest.fixture(scope="session", autouse=True)
def _root() -> None:
    if os.geteuid() != 0:
        raise LabError("boots need root, for a network namespace of their own: run them with sudo")


@pytest.fixture(scope="session")
def accelerator() -> str:
    return fastest_accelerator(debian_kernel("bookworm").vmlinuz)


@pytest.fixture
def workspace() -> Iterator[Path]:
    """A folder that is gone after the test: pytest keeps its own, and disk images are large."""
    with TemporaryDirectory(prefix="aoeinit-boot-") as folder:
        yield Path(folder)


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
        log.unlink(missing_ok=True)
    return report
