from pathlib import Path

import pytest

from tests.agent.machine import Machine

pytest.register_assert_rewrite("tests.agent.boot_samples")  # what it expects fails with the values


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "machine")


@pytest.fixture
def still(tmp_path: Path) -> Machine:
    """A machine whose clock goes on only when the test says so."""
    return Machine(tmp_path / "machine", speed=0)


@pytest.fixture
def hurried(tmp_path: Path) -> Machine:
    """A machine whose three minutes are a second: for what is to run out of time."""
    return Machine(tmp_path / "machine", speed=200)
