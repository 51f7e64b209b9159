"""Running programs, and what is said of those that fail."""

import pytest

from aoeinit.errors import AoeinitError
from aoeinit.install.command import Command
from aoeinit.system.commands import run


def test_gives_what_a_program_prints() -> None:
    assert run(Command(("cat",), "to see it", input=b"one\n\xff")) == "one\n\N{REPLACEMENT CHARACTER}"


def test_names_the_package_of_a_missing_program() -> None:
    with pytest.raises(AoeinitError) as caught:
        run(Command(("no-such-program",), "to see it", package="some-package"))
    assert caught.value.message == "no-such-program is not installed"
    assert caught.value.hint == "install the package some-package"


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo one >&2; echo two >&2; exit 3", "sh failed (exit code 3); it said: one; two"),
        ("echo only; exit 1", "sh failed (exit code 1); it said: only"),
        ("kill -9 $$", "sh failed (signal 9); it said: nothing"),
    ],
)
def test_tells_the_last_that_a_failed_program_said(script: str, told: str) -> None:
    with pytest.raises(AoeinitError) as caught:
        run(Command(("sh", "-c", script), "to see it"))
    assert caught.value.message == told
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("it ran as: sh -c ")


def test_a_command_reads_as_one_would_type_it() -> None:
    assert Command(("mkfs.ext4", "-L", "my root", "/dev/etherd/e11.0p1"), "").text() == (
        "mkfs.ext4 -L 'my root' /dev/etherd/e11.0p1"
    )
    assert Command(("sfdisk", "/dev/etherd/e11.0"), "", input=b"label: gpt\n").text() == (
        "sfdisk /dev/etherd/e11.0 <<'.'\nlabel: gpt\n."
    )
