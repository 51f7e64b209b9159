"""Servers that may answer for the target, and others."""

import pytest

from tests.agent.boot_samples import ROOT, furnish, switched
from tests.agent.machine import Machine

OURS = "52:54:00:aa:bb:cc"
OTHER = "52:54:00:66:66:66"


def with_servers(machine: Machine, *macs: str) -> Machine:
    """A machine whose debugfs shows these servers; sysfs shows OURS, as the first that answered."""
    furnish(machine)
    blocks = "".join(
        f"falloc: 1\nffree: 0\n{mac.replace(':', '')}:0:16:16\n\tssthresh:8\n\taoe0\n" for mac in macs
    )
    machine.put("sys/kernel/debug/aoe/e11.0", f"rttavg: 1 rttdev: 1\nmaxbcnt: 1024\n{blocks}")
    return machine


@pytest.mark.parametrize("pin", [OURS, OURS.upper().replace(":", "-"), f"{OTHER},{OURS}"])
def test_the_named_servers_may_answer(machine: Machine, pin: str) -> None:
    outcome = with_servers(machine, OURS).boot(f"{ROOT} rd.aoe.server={pin}")
    assert outcome.errors == []
    assert switched(outcome)
    assert "mount -t debugfs debugfs /sys/kernel/debug" in outcome.log
    assert not outcome.said("DEBUG_FS")


@pytest.mark.parametrize("servers", [(OURS, OTHER), (OTHER,), (OTHER, OURS)])
def test_another_server_is_refused_before_anything_is_mounted(
    machine: Machine, servers: tuple[str, ...]
) -> None:
    outcome = with_servers(machine, *servers).boot(f"{ROOT} rd.aoe.server={OURS} panic=-1")
    assert outcome.errors[0] == (
        f"target e11.0 is answered for by {OTHER}, whom rd.aoe.server={OURS} does not name: "
        "nothing is mounted; switch that server off, or name it, too "
        f"(all that answer: {','.join(servers)})"
    )
    assert not [line for line in outcome.log if line.startswith("mount") and "/sysroot" in line]


def test_one_that_comes_between_is_refused_at_the_mount(machine: Machine) -> None:
    with_servers(machine, OURS)
    late = f"printf '{OTHER.replace(':', '')}:0:1:1\\n' >>/sys/kernel/debug/aoe/e11.0"
    machine.put(
        "init", machine.read("init").replace("lower_idle_interfaces\n", f"lower_idle_interfaces\n{late}\n")
    )
    outcome = machine.boot(f"{ROOT} rd.aoe.server={OURS} panic=-1")
    assert outcome.errors[0].startswith(f"target e11.0 is answered for by {OTHER}")
    assert not switched(outcome)


def test_one_that_comes_while_the_init_is_looked_for_is_refused_at_the_next_look(machine: Machine) -> None:
    with_servers(machine, OURS)
    machine.on(
        "mount sysroot", f"printf '{OTHER.replace(':', '')}:0:1:1\\n' >>/sys/kernel/debug/aoe/e11.0; false"
    )
    outcome = machine.boot(f"rd.aoe=e11.0 rd.aoe.server={OURS} panic=-1")
    assert outcome.errors[0].startswith(f"target e11.0 is answered for by {OTHER}")
    looked_at = [line for line in outcome.log if line.startswith("mount") and line.endswith("/sysroot")]
    assert looked_at == ["mount -o ro /dev/etherd/e11.0p1 /sysroot"]


def test_without_debugfs_the_first_server_is_compared(machine: Machine) -> None:
    outcome = furnish(machine).boot(f"{ROOT} rd.aoe.server={OURS}")
    assert switched(outcome)
    (told,) = [line for line in outcome.kmsg if "DEBUG_FS" in line]
    assert told == (
        "<4>aoeinit: rd.aoe.server= was compared with the first server that answered only: to see all, the "
        "kernel needs debugfs (CONFIG_DEBUG_FS)"
    )


def test_without_debugfs_another_first_server_is_refused(machine: Machine) -> None:
    outcome = furnish(machine).boot(f"{ROOT} rd.aoe.server={OTHER} panic=-1")
    assert outcome.errors[0].startswith(f"target e11.0 is answered for by {OURS}, whom")


@pytest.mark.parametrize(
    "pin", ["", "x", f"{OURS},", ":" * 17, "52:54:00:aa:bb", "52:54:00:aa:bb:cc:dd", "*", "$(reboot)"]
)
def test_a_pin_that_cannot_be_used_fails_the_boot(machine: Machine, pin: str) -> None:
    outcome = furnish(machine).boot(f'{ROOT} "rd.aoe.server={pin}" panic=-1')
    if pin:
        assert outcome.errors[0].startswith(f"rd.aoe.server={pin}: ")
        assert not switched(outcome)
    else:
        assert switched(outcome)
