"""A made-up machine that boots from its target, and what its boots are read for."""

from tests.agent.machine import Machine, Outcome, mac_of

ROOT = "root=/dev/etherd/e11.0p1"
NOW = "panic=-1"
NO_ANSWER = f"any AoE target to answer on aoe0 ({mac_of(2)})"
MODULES = """\
network required /lib/modules/mii.ko
network required /lib/modules/e1000.ko
filesystem optional /lib/modules/crc32c-intel.ko
filesystem required /lib/modules/ext4.ko
aoe required /lib/modules/aoe.ko
"""


def furnish(machine: Machine, *, index: int = 2, target: str = "e11.0 aoe0 p1 p2") -> Machine:
    """One card, one target, a root with an init; the card appears with its driver."""
    machine.put("etc/aoeinit/modules", MODULES)
    machine.plug_in("waiting", index)
    (machine.root / "sys/class/net/waiting").rename(machine.root / "machine/card")
    machine.on("insmod mii.ko", "true")
    machine.on("insmod e1000.ko", "mv /machine/card /sys/class/net/eth0")
    machine.on("insmod ext4.ko", "true")
    machine.on("insmod aoe.ko", f"aoe_loads; target_answers {target}" if target else "aoe_loads")
    for folder in ("dev", "proc", "sys", "run", "sbin"):
        (machine.root / "sysroot" / folder).mkdir()
    machine.put("sysroot/sbin/init", "")
    (machine.root / "sysroot/sbin/init").chmod(0o755)
    return machine


def steps(outcome: Outcome) -> list[str]:
    """What the machine was asked for, one after the other."""
    return [line for line in outcome.log if not line.startswith(("environment", "uevent"))]


def switched(outcome: Outcome) -> list[str]:
    prefix = "switch_root "
    return [line.removeprefix(prefix) for line in outcome.log if line.startswith(prefix)]


def fails(outcome: Outcome, *messages: str, waiting: str = "") -> None:
    """The boot says that it waits, as often as that takes, then these errors, and restarts."""
    assert outcome.output == ""
    assert outcome.errors[-len(messages) :] == list(messages)
    assert set(outcome.errors[: -len(messages)]) <= {f"waiting for {waiting}"}
    assert outcome.log[-1] == "reboot -n -f"
    assert not switched(outcome)
