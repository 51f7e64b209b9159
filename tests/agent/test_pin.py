"""Servers that come while the system runs, and the filter that keeps them out."""

import pytest

from tests.agent.boot_samples import ROOT, furnish, switched
from tests.agent.machine import Machine, Outcome
from tests.agent.test_server import OTHER, OURS
from tests.agent.test_services import UNITS, with_systemd

PINNED = f"{ROOT} rd.aoe.server={OURS},{OTHER.upper()}"
COMMAND = f'/run/aoeinit/busybox sh /run/aoeinit/keep-pin e11.0 "{OURS}, {OTHER}"'
FILTER = """\
add table netdev aoeinit
delete table netdev aoeinit
table netdev aoeinit {
	chain interface2 {
		type filter hook ingress device "aoe0" priority -500; policy accept;
		ether type 0x88a2 @nh,16,16 11 @nh,32,8 0 ether saddr != \
{ 52:54:00:aa:bb:cc, 52:54:00:66:66:66 } counter drop
	}
}
"""


def test_systemd_is_told_to_load_the_filter(machine: Machine) -> None:
    outcome = with_systemd(furnish(machine)).boot(PINNED)
    assert switched(outcome)
    assert outcome.errors == []
    assert machine.read("run/aoeinit/pin.nft") == FILTER
    assert machine.read("run/aoeinit/pin") == "not kept: aoeinit-pin.service was not started\n"
    unit = machine.read(f"{UNITS}/aoeinit-pin.service").splitlines()
    assert {f"ExecStart={COMMAND}", "DefaultDependencies=no", "Before=sysinit.target"} <= set(unit)
    assert (
        machine.read(f"{UNITS}/sysinit.target.d/10-aoeinit-pin.conf") == "[Unit]\nWants=aoeinit-pin.service\n"
    )
    again = machine.read(f"{UNITS}/nftables.service.d/10-aoeinit-pin.conf").splitlines()
    assert again == ["[Service]", *(f"Exec{when}=-{COMMAND}" for when in ("StartPost", "Reload", "StopPost"))]


def test_another_init_is_not_trusted_to_load_it(machine: Machine) -> None:
    outcome = furnish(machine).boot(PINNED)
    assert switched(outcome)
    words = "init is not systemd; nft -f /run/aoeinit/pin.nft keeps it"
    assert outcome.said(f"<4>aoeinit: rd.aoe.server= is not kept while the system runs: {words}")
    assert machine.read("run/aoeinit/pin") == f"not kept: {words}\n"
    assert machine.read("run/aoeinit/pin.nft") == FILTER
    assert not (machine.root / UNITS).exists()


def test_without_a_pin_nothing_is_filtered(machine: Machine) -> None:
    with_systemd(furnish(machine)).boot(ROOT)
    assert not list((machine.root / "run/aoeinit").glob("*pin*"))
    assert not list((machine.root / UNITS).rglob("*pin*"))


def test_every_interface_that_the_driver_may_use_has_the_filter(machine: Machine) -> None:
    """A device that is not there, or that udev renames, would cost all of it."""
    furnish(machine).on("insmod aoe.ko", "aoe_loads; target_answers e11.0 eth0.7,eth1.7 p1")
    machine.plug_in("eth1", 3)
    machine.plug_in("eth2", 4)
    machine.boot(f"{PINNED} rd.aoe.vlan=7")
    rules = machine.read("run/aoeinit/pin.nft")
    assert [line.split('"')[1] for line in rules.splitlines() if "device" in line] == ["aoe0.7", "aoe1.7"]
    assert rules.count("chain interface") == rules.count("}") - 3


def kept(machine: Machine, nft: str, *servers: str) -> Outcome:
    """What the unit says whose system has this program as nft, after a boot with the pin; its status last."""
    with_systemd(furnish(machine)).boot(PINNED)
    machine.put("dev/kmsg", "")
    if nft:
        machine.put("usr/sbin/nft", f"#!/bin/sh\n{nft}\n")
        (machine.root / "usr/sbin/nft").chmod(0o755)
    shown = "".join(f"{mac.replace(':', '')}:0:16:16\n\tssthresh:8\n\taoe0\n" for mac in servers or (OURS,))
    machine.put("sys/kernel/debug/aoe/e11.0", f"maxbcnt: 1024\n{shown}")
    return machine.run(f"sh /run/aoeinit/keep-pin e11.0 '{OURS}, {OTHER}'; echo $?")


def test_the_filter_is_loaded_with_the_roots_own_nft(machine: Machine) -> None:
    outcome = kept(machine, 'echo "$@" >>/asked', OURS, OTHER)
    assert outcome.output == "0\n"
    assert outcome.kmsg == []
    assert machine.read("asked") == "-f /run/aoeinit/pin.nft\n"
    assert machine.read("run/aoeinit/pin") == "kept\n"


REFUSAL = "pin.nft:4:3-8: Error: Could not process rule: Operation not supported"
KERNEL = "the kernel needs nf_tables with the family netdev (CONFIG_NF_TABLES_NETDEV)"


@pytest.mark.parametrize(
    ("nft", "reason"),
    [
        ("", "there is no nft: install nftables"),
        (f"echo '{REFUSAL}' >&2; echo ^^^; exit 1", f"nft: {REFUSAL}: {KERNEL}"),
    ],
    ids=["missing", "refused"],
)
def test_a_filter_that_cannot_be_loaded_is_told(machine: Machine, nft: str, reason: str) -> None:
    outcome = kept(machine, nft)
    assert outcome.output == "1\n"
    assert outcome.errors == [
        f"rd.aoe.server= is not kept while the system runs: {reason}; then systemctl restart aoeinit-pin"
    ]
    assert machine.read("run/aoeinit/pin") == f"not kept: {reason}\n"


def test_a_server_that_came_before_the_filter_is_told(machine: Machine) -> None:
    late = "52:54:00:77:77:77"
    outcome = kept(machine, "true", OURS, late)
    assert outcome.output == "0\n"
    (error,) = outcome.errors
    assert error == (
        f"{late}, whom rd.aoe.server= does not name, answered for e11.0 before the filter was there: "
        "from now on it is not heard, but it may have been sent what was written"
    )
    assert machine.read("run/aoeinit/pin") == f"kept, but {late} answered before\n"
