"""The shell of images that were built with one: it opens when asked for, to whom knows the password."""

import secrets

import pytest

from aoeinit.errors import TrialError
from aoeinit.system.namespace import network
from aoeinit.system.qemu import Machine
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import DirectBoot, Nic
from tests.lab.bench import BOOT_SECONDS, Bench
from tests.lab.programs import run

NIC = Nic("virtio-net-pci")
NO_ROOT = "root=/dev/sda1"
"""Ends any boot at once."""
ANSWER = "aoelab-answer=42"
ASK = "echo aoelab-answer=$((6 * 7))"
"""What only a shell makes the answer of: the console shows what is typed as it was typed."""
CONTROL_KEYS = b"\x03\x04\x1a\x1b\x1c"
"""Ctrl-C, -D and -Z, Escape, Ctrl-\\."""
PASSWORD = "open sesame"  # noqa: S105 # of the test's own image


def boot_with_shell(bench: Bench, parameters: str, *options: str) -> DirectBoot:
    image = bench.build("--nic", "virtio_net", "--emergency-shell", *options)
    return bench.boot(parameters, image=image)


def press_keys(client: Machine) -> None:
    """Press what might stop the agent, or what a shell would obey."""
    client.send(CONTROL_KEYS)
    client.type("")
    client.type(ASK)


def said(client: Machine, words: str) -> bool:
    return any(words in line.text for line in client.lines)


def test_opens_at_a_step_and_after_a_failure(bench: Bench) -> None:
    token = secrets.token_hex(8)
    disk = bench.tiny_disk(token)
    parameters = "root=/dev/etherd/e11.0p1 init=/bin/none rd.break=device rd.aoe.onfail=shell"
    with (
        network() as net,
        vblade(net, disk.path, masks=[NIC.mac]),
        bench.machine(net, boot_with_shell(bench, parameters), NIC) as client,
    ):
        client.run_until("aoeinit: rd.break=device: a shell on the console", BOOT_SECONDS)
        client.type("ls /sysroot; ls -d /dev/etherd/e11.0p1; exit")
        client.run_until("^/dev/etherd/e11.0p1$", BOOT_SECONDS)
        failed = client.run_until("aoeinit: init=/bin/none: no such program", BOOT_SECONDS)
        client.run_until("aoeinit: rd.aoe.onfail=shell: a shell on the console", BOOT_SECONDS)
        client.type("cat /sysroot/etc/aoelab/token; exit")
        shown = client.run_until(f"^{token}$", BOOT_SECONDS)
        client.run_until("reboot: Restarting system", BOOT_SECONDS)
        client.run_to_end(BOOT_SECONDS)
    assert failed.seconds <= shown.seconds


def test_lets_in_who_knows_the_password(bench: Bench) -> None:
    hashed = run(["busybox", "mkpasswd", "-m", "sha512", PASSWORD]).strip()
    boot = boot_with_shell(bench, f"{NO_ROOT} rd.aoe.onfail=shell", "--emergency-password", hashed)
    assert PASSWORD.encode() not in boot.image.read_bytes()
    with network() as net, bench.machine(net, boot, NIC) as client:
        client.run_until("aoeinit: rd.aoe.onfail=shell: a shell on the console", BOOT_SECONDS)
        client.run_until_asked("for normal startup):", BOOT_SECONDS)
        client.type(ASK)
        client.run_until("sulogin: Login incorrect", BOOT_SECONDS)
        client.run_until_asked("for normal startup):", BOOT_SECONDS)
        assert not said(client, ANSWER)
        client.type(PASSWORD)
        client.run_until("starting shell", BOOT_SECONDS)
        client.type(ASK)
        client.run_until(ANSWER, BOOT_SECONDS)
        client.type("exit")
        client.run_until("reboot: Restarting system", BOOT_SECONDS)
        client.run_to_end(BOOT_SECONDS)


def test_no_key_opens_it_unasked(bench: Bench) -> None:
    boot = boot_with_shell(bench, f"{NO_ROOT} rd.aoe.onfail=wait")
    with network() as net, bench.machine(net, boot, NIC) as client:
        client.run_until("aoeinit: version", BOOT_SECONDS)
        press_keys(client)
        waiting = client.run_until("aoeinit: waiting for ever, as rd.aoe.onfail=wait says", BOOT_SECONDS)
        press_keys(client)
        # With panic=-1 any other end would be at once.
        with pytest.raises(TrialError, match="did not finish"):
            client.run_to_end(waiting.seconds + 5)
    assert said(client, ASK)
    assert not said(client, ANSWER)


def test_an_image_without_it_has_none(bench: Bench) -> None:
    boot = bench.boot(f"{NO_ROOT} rd.break=start rd.aoe.onfail=shell panic=5")
    with network() as net, bench.machine(net, boot, NIC) as client:
        client.run_until("aoeinit: restarting in 5 seconds", BOOT_SECONDS)
        press_keys(client)
        client.run_until("reboot: Restarting system", BOOT_SECONDS)
        client.run_to_end(BOOT_SECONDS)
    for asked in ("rd.break=start", "rd.aoe.onfail=shell"):
        assert said(
            client, f"aoeinit: {asked} needs an image that was built with --emergency-shell; this one"
        )
    assert not said(client, ANSWER)
