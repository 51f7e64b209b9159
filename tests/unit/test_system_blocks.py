"""Waiting for the partitions of a disk whose table was written just now."""

import pytest

from aoeinit.errors import AoeinitError
from aoeinit.install.command import Command
from aoeinit.system import blocks

NODES = ("/dev/loop0p1", "/dev/loop0p2")


class Kernel:
    """A kernel that makes devices of partitions after so many looks, or when partx tells it of them."""

    def __init__(self, looks: float, *, listens: bool) -> None:
        self.looks, self.listens = looks, listens
        self.told: list[tuple[str, ...]] = []

    def is_block(self, _node: str) -> bool:
        self.looks -= 1
        return self.looks < 0

    def run(self, command: Command) -> str:
        self.told.append(command.words)
        self.looks = 0 if self.listens else self.looks
        return ""


def wait(monkeypatch: pytest.MonkeyPatch, kernel: Kernel, seconds: float = 60) -> list[tuple[str, ...]]:
    monkeypatch.setattr(blocks, "is_block", kernel.is_block)
    monkeypatch.setattr(blocks, "run", kernel.run)
    blocks.wait_for_nodes("/dev/loop0", NODES, seconds, sleep=lambda _: None)
    return kernel.told


@pytest.mark.parametrize("looks", [0, 1])
def test_a_kernel_that_reads_the_table_is_told_nothing(monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
    assert wait(monkeypatch, Kernel(looks, listens=False)) == []


def test_one_that_does_not_is_told_of_the_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    told = wait(monkeypatch, Kernel(float("inf"), listens=True))
    assert told == [("partx", "--update", "/dev/loop0")]


def test_devices_that_never_come_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AoeinitError, match="/dev/loop0p1 has not appeared"):
        wait(monkeypatch, Kernel(float("inf"), listens=False), seconds=0)
