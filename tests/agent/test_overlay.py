"""rd.overlay: a root that is only read, under one in memory."""

import pytest

from tests.agent.boot_samples import ROOT, furnish, steps, switched
from tests.agent.machine import Machine

MODULE = "overlay required /lib/modules/overlay.ko\n"
LOWER = "/run/aoeinit/lower"
REFUSED = "mount: mounting /dev/etherd/e11.0p1 on /run/aoeinit/lower failed: Invalid argument"


def with_overlay(machine: Machine) -> Machine:
    furnish(machine)
    machine.put("etc/aoeinit/modules", machine.read("etc/aoeinit/modules") + MODULE)
    machine.on("insmod overlay.ko", "printf 'nodev\\toverlay\\n' >>/proc/filesystems")
    machine.on("mount lower", f"echo /dev/etherd/e11.0p1 {LOWER} xfs ro 0 0 >>/proc/mounts")
    return machine


def mounts(machine: Machine, cmdline: str) -> list[str]:
    """What a boot mounts before it moves what it has into the new root."""
    outcome = with_overlay(machine).boot(cmdline)
    return [line for line in steps(outcome)[4:] if line.startswith("mount -") and "/run/aoeinit" in line]


@pytest.mark.parametrize(
    ("parameter", "memory", "recorded"),
    [
        ("rd.overlay", "mode=0755", "50%"),
        ("rd.overlay=300m", "mode=0755,size=300m", "300m"),
        ("rd.overlay=25%", "mode=0755,size=25%", "25%"),
        ("rd.overlay=0", "mode=0755", "50%"),
        ("rd.overlay=1m,mode=0777", "mode=0755", "50%"),
        ("rd.overlay=", "mode=0755", "50%"),
    ],
)
def test_the_root_is_read_and_memory_is_written(
    machine: Machine, parameter: str, memory: str, recorded: str
) -> None:
    layers = "/run/aoeinit/overlay"
    folders = f"lowerdir={LOWER},upperdir={layers}/upper,workdir={layers}/work"
    assert mounts(machine, f"{ROOT} rw rootflags=noatime rootfstype=xfs {parameter}") == [
        f"mount -t xfs -o ro,norecovery,noatime /dev/etherd/e11.0p1 {LOWER}",
        f"mount -t tmpfs -o {memory} tmpfs {layers}",
        f"mount -t overlay -o {folders} overlay /sysroot",
    ]
    state = machine.read("run/aoeinit/state").split("parameter=")[0].splitlines()
    assert state[-3:] == ["root=/dev/etherd/e11.0p1", "filesystem=xfs", f"overlay={recorded}"]


def test_overlayfs_is_loaded_only_when_asked_for(machine: Machine) -> None:
    outcome = with_overlay(machine).boot(ROOT)
    assert "insmod /lib/modules/overlay.ko" not in outcome.log
    assert switched(outcome)


@pytest.mark.parametrize(
    ("parameter", "tried"),
    [
        ("", ["norecovery", "rescue=nologreplay", "squashfs", "erofs", "ext2"]),
        ("rootfstype=btrfs", ["-t btrfs norecovery", "-t btrfs rescue=nologreplay"]),
        ("rootfstype=erofs", ["-t erofs norecovery", "-t erofs rescue=nologreplay", "erofs"]),
    ],
)
def test_a_journal_is_never_replayed(machine: Machine, parameter: str, tried: list[str]) -> None:
    """Without an option that forbids it, only types that have no journal are tried."""
    with_overlay(machine)
    machine.on("mount lower", f"refuse '{REFUSED}'")
    outcome = machine.boot(f"{ROOT} rd.overlay panic=-1 {parameter}")
    options = [line for line in outcome.log if LOWER in line]
    for line, words in zip(options, tried, strict=True):
        kind, _, option = words.rpartition(" ")
        if option in {"squashfs", "erofs", "ext2"}:
            kind, option = f"-t {option}", ""
        expected = f"mount {kind} -o ro,{option}".replace("  ", " ").removesuffix(",")
        assert line == f"{expected} /dev/etherd/e11.0p1 {LOWER}"
    assert outcome.errors[0].startswith("cannot mount /dev/etherd/e11.0p1")
    assert not switched(outcome)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("insmod overlay.ko", "rd.overlay needs overlayfs, and this kernel has none"),
        ("mount overlay", "cannot mount the memory for rd.overlay=1m"),
        ("mount sysroot", "cannot mount the overlay over /dev/etherd/e11.0p1: Out of memory"),
    ],
)
def test_what_is_missing_is_told(machine: Machine, broken: str, message: str) -> None:
    with_overlay(machine).on(broken, "refuse 'mount: mounting x on y failed: Out of memory'")
    outcome = machine.boot(f"{ROOT} rd.overlay=1m panic=-1")
    assert any(message in error for error in outcome.errors)
    assert not switched(outcome)
