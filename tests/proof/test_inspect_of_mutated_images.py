"""Ten thousand mutated images give a listing or one of our errors: no traceback, no hang, bounded memory."""

import subprocess
import sys

import pytest

EACH = 2500


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_mutated_images_are_listed_or_refused(seed: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.proof.mutations", str(seed), str(EACH)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"seed {seed}: ended with {done.returncode}\n{done.stderr}"
    listed, refused = map(int, done.stdout.split())
    assert listed + refused == EACH
    assert listed > EACH // 10
    assert refused > EACH // 10
