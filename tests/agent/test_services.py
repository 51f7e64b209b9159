"""What is left for systemd, and the guard that ends a shutdown whose server is dead."""

import re
import subprocess

import pytest

from aoeinit.boot.contract import SHUTDOWN_DEAD_SECONDS, SHUTDOWN_GRACE_SECONDS
from tests.agent.boot_samples import ROOT, furnish, steps, switched
from tests.agent.machine import BOOT, Machine

UNITS = "run/systemd/system"


def with_systemd(machine: Machine) -> Machine:
    """Let the root's init be systemd."""
    (machine.root / "sysroot/sbin/init").unlink()
    (machine.root / "sysroot/sbin/init").symlink_to("../lib/systemd/systemd")
    machine.put("sysroot/lib/systemd/systemd", "")
    (machine.root / "sysroot/lib/systemd/systemd").chmod(0o755)
    return machine


def test_systemd_is_told_of_a_root_that_may_be_away(machine: Machine) -> None:
    outcome = with_systemd(furnish(machine)).boot(ROOT)
    assert switched(outcome)[3:] == ["[/sbin/init]"]
    assert outcome.errors == []
    assert machine.read(f"{UNITS}/service.d/10-aoeinit.conf") == "[Service]\nWatchdogSec=0\n"
    wish = machine.read(f"{UNITS}/sysinit.target.d/10-aoeinit.conf")
    assert wish == "[Unit]\nWants=aoeinit-guard@poweroff.service aoeinit-guard@reboot.service\n"
    unit = machine.read(f"{UNITS}/aoeinit-guard@.service").splitlines()
    assert "ExecStart=@/run/aoeinit/busybox @/busybox sh /run/aoeinit/guard %i" in unit
    assert {"Conflicts=%i.target", "DefaultDependencies=no", "KillMode=process", "Slice=-.slice"} <= set(unit)
    assert (machine.root / "run/aoeinit/busybox").stat().st_mode & 0o100
    assert machine.read("run/aoeinit/guard") == (BOOT / "guard").read_text()


def test_another_init_is_left_alone(machine: Machine) -> None:
    outcome = furnish(machine).boot(ROOT)
    assert "mkdir" not in " ".join(steps(outcome))
    assert not (machine.root / "run/systemd").exists()


def test_the_seconds_are_those_of_the_contract() -> None:
    text = (BOOT / "guard").read_text()
    assert f"printf {SHUTDOWN_DEAD_SECONDS} >" in text
    assert f"{SHUTDOWN_DEAD_SECONDS} s, so that" in text
    assert re.findall(r"\$action in (\d+) s|-t (\d\d)", text) == [
        (str(SHUTDOWN_GRACE_SECONDS), ""),
        ("", str(SHUTDOWN_GRACE_SECONDS)),
    ]


GUARDED = """
mkdir -p /run/aoeinit /sys/module/aoe/parameters '/sys/block/etherd!e11.0'
mkfifo /run/aoeinit/silence
echo target=e11.0 >/run/aoeinit/state
echo up >'/sys/block/etherd!e11.0/state'
printf '#!/bin/sh\\necho "$@" >/ended\\n' >/run/aoeinit/busybox
chmod 755 /run/aoeinit/busybox
sh /hasty poweroff &
guard="$!"
await() { count=0; until "$@"; do count=$((count + 1)); [ "$count" -lt 400 ] || exit 1; usleep 10000; done; }
usleep 300000
"""


def hasty(machine: Machine) -> None:
    """The guard with tenths of seconds in the place of seconds."""
    text = (BOOT / "guard").read_text()
    machine.put("hasty", re.sub(r"-t (\d+)", lambda match: f"-t {int(match[1]) / 100}", text))


def test_without_an_order_the_guard_does_nothing(machine: Machine) -> None:
    hasty(machine)
    outcome = machine.run(f"{GUARDED} kill -0 $guard && echo waits; kill -9 $guard; ls /ended")
    assert outcome.output.startswith("waits\n")
    assert not (machine.root / "sys/module/aoe/parameters/aoe_deadsecs").exists()


@pytest.mark.parametrize("state", ["up", "up,kickme"])
def test_a_server_that_answers_changes_nothing(machine: Machine, state: str) -> None:
    hasty(machine)
    outcome = machine.run(
        f"{GUARDED} echo {state} >'/sys/block/etherd!e11.0/state'; kill $guard; wait $guard; echo $?\n"
        "usleep 700000; [ -e /ended ] || echo goes on; kill -9 0"
    )
    assert outcome.output == "0\ngoes on\n"
    assert machine.read("sys/module/aoe/parameters/aoe_deadsecs") == str(SHUTDOWN_DEAD_SECONDS)


def test_a_dead_server_ends_the_machine(machine: Machine) -> None:
    hasty(machine)
    outcome = machine.run(
        f"{GUARDED} kill $guard; wait $guard; usleep 300000; ls /ended 2>/dev/null\n"
        "echo down,closewait >'/sys/block/etherd!e11.0/state'; await [ -s /ended ]; cat /ended"
    )
    assert outcome.output == "poweroff -n -f\n"
    assert outcome.said("<3>aoeinit: the server of e11.0 is dead: poweroff in 30 s, finished or not")


def test_busybox_takes_its_name_from_behind_the_slash() -> None:
    """systemd spares processes whose name begins with @; busybox has to know itself by such a name."""
    command = [
        "bash",
        "-c",
        "exec -a @/busybox busybox sh -c 'read -r line </proc/self/cmdline; echo \"$line\"'",
    ]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.startswith(b"@/busybox")
