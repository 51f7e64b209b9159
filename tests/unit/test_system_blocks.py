"""Waiting for the partitions of a disk whose table was written just now, and naming what uses a disk."""

import json
from typing import Any

import pytest

from aoeinit.aoe.target import Target
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


def tree(path: str, kind: str, point: str | None, *children: dict[str, Any]) -> dict[str, Any]:
    found = {"path": path, "type": kind, "mountpoint": point}
    return {**found, "children": list(children)} if children else found


@pytest.mark.parametrize(
    ("disk", "said"),
    [
        (tree("/dev/vda", "disk", None), ()),
        (
            tree(
                "/dev/vda", "disk", None, tree("/dev/vda2", "part", "[SWAP]"), tree("/dev/vda3", "part", "/")
            ),
            ("/dev/vda2 is swap", "/dev/vda3 is mounted at /"),
        ),
        (
            tree("/dev/vdb", "disk", None, tree("/dev/vdb1", "part", None, tree("/dev/dm-0", "lvm", None))),
            ("/dev/dm-0 is made of it",),
        ),
        (
            tree("/dev/vdb", "disk", None, tree("/dev/md0", "raid1", None, tree("/dev/dm-0", "lvm", "/srv"))),
            ("/dev/dm-0 is mounted at /srv",),
        ),
    ],
)
def test_what_uses_a_disk_is_named(disk: dict[str, Any], said: tuple[str, ...]) -> None:
    assert blocks.uses(json.dumps({"blockdevices": [disk]})) == said


@pytest.mark.parametrize("text", ["", "[]", '{"blockdevices": [{}]}', '{"blockdevices": 1}'])
def test_what_lsblk_does_not_say_like_this_is_an_error(text: str) -> None:
    with pytest.raises(AoeinitError, match="lsblk does not answer as expected"):
        blocks.uses(text)


@pytest.mark.parametrize(
    ("others", "said", "hint"),
    [
        ([], "there is none at all", "to 52:54:00:11:00:01 (eth0), and that the interface is up"),
        (["e12.0"], "there is e12.0", "to 52:54:00:11:00:01 (eth0)"),
    ],
)
def test_of_a_target_that_is_silent_it_is_told_what_the_server_has_to_admit(
    others: list[str], said: str, hint: str
) -> None:
    found = blocks.silent(Target(11, 0), others, ["52:54:00:11:00:01 (eth0)"])
    assert found.message == f"target e11.0 does not answer; {said}"
    assert found.hint
    assert found.hint.endswith(hint)
