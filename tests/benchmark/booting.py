"""The part ``boot``: from process 1 to the root on the target, by the clock of the kernel's own log."""

import re
import secrets
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from aoeinit.system.namespace import Network, network
from aoeinit.system.qemu import machine
from aoeinit.system.servers import dhcp, vblade
from aoeinit.trial.console import Line
from aoeinit.trial.hardware import CONSOLE, DirectBoot, Hardware, Nic
from tests.benchmark.bench import Bench
from tests.benchmark.building import ONE
from tests.benchmark.figures import Comparison, Goal, Part, summed
from tests.benchmark.measuring import Sample, alternate
from tests.benchmark.peers import IMAGES, aoeinit_build, initramfs_tools
from tests.lab.bench import BOOT_SECONDS
from tests.lab.disk import make_disk
from tests.lab.installation import Installation
from tests.lab.kernels import debian_kernel
from tests.lab.programs import LabError
from tests.lab.report import read_report
from tests.lab.tiny_root import make_tiny_root, static_busybox
from tests.lab.vmlinux import unpacked

NIC = Nic("e1000")
ROOT = "root=/dev/etherd/e11.0p1"
EVENTS = {
    "carrier": r"NIC Link is Up",
    "disk": r"aoe: .* sectors",
    "mounted": r"EXT4-fs \(etherd.e11\.0p1\): mounted",
}
"""What the kernel says when there is carrier, when the disk is known, and when the root is mounted."""
BEGIN = r"Run /init as init process"
ATTEMPTS = 3
SCRIPT = """\
#!/bin/busybox sh
export PATH=/bin
/bin/busybox mkdir -p /proc /sys /dev /root
/bin/busybox mount -t proc proc /proc
/bin/busybox --install -s /bin
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
{before}
ip link set eth0 up
{wait}
{aoe}
until [ -b /dev/etherd/e11.0p1 ]; do {pause}; done
mount -o ro /dev/etherd/e11.0p1 /root
umount /proc /sys
mount --move /dev /root/dev
exec switch_root /root /sbin/init
"""
SLEEP = ("sleep 5", "sleep 1")
"""What how-tos do: wait for so long that it has been enough for somebody."""
WATCH = (
    'until read up </sys/class/net/eth0/carrier && [ "$up" = 1 ]; do usleep 10000; done',
    "usleep 10000",
)
"""Nothing but look, a hundred times a second."""
BARE, HOW_TO = "floor: a script that only looks", "by hand, sleep 5"
AOETOOLS, FIXED = "aoetools, ip=dhcp", "aoetools, fixed address"
NEVER = f"*{AOETOOLS}* is left out: {ATTEMPTS} times in a row it had no root."
ADDRESS = "ip=10.11.0.200::10.11.0.1:255.255.255.0::ens3:off"


def boot(bench: Bench) -> Part:
    """Measure boots of one root from one target with each image."""
    system = bench.system
    system.run(*aoeinit_build(system.release, "boot", "--nic", "e1000"))
    listed = [each for each in ONE if each != "aoe"]
    system.run(*initramfs_tools(system, "boot-initramfs-tools", listed))
    images = {
        "aoeinit": (system.file(f"{IMAGES}/boot"), ROOT),
        AOETOOLS: (system.file(f"{IMAGES}/boot-initramfs-tools"), f"{ROOT} ro ip=dhcp"),
        FIXED: (system.file(f"{IMAGES}/boot-initramfs-tools"), f"{ROOT} ro {ADDRESS}"),
        HOW_TO: (make_by_hand(system, "by-hand", *SLEEP), ""),
        BARE: (make_by_hand(system, "bare", *WATCH), ""),
    }
    token = secrets.token_hex(8)
    make_tiny_root(bench.folder / "root", token)
    disk = make_disk(bench.folder / "disk", bench.folder / "root", mib=32)
    vmlinuz = unpacked(debian_kernel("bookworm").vmlinuz)
    bench.say("== boot: from process 1 to the root")
    with (
        network() as net,
        vblade(net, disk.path),
        dhcp(net, bench.folder, "aoe:e11.0"),
    ):
        contestants = {
            name: booting(
                net,
                DirectBoot(vmlinuz, own(image, bench.folder), f"{CONSOLE} ignore_loglevel {words}".strip()),
                token,
                bench.folder / "console.log",
            )
            for name, (image, words) in images.items()
        }
        results = summed(alternate(contestants, bench.rounds, bench.say, dispensable={AOETOOLS}))
    comparison = Comparison(
        "boot",
        "from process 1 to the root on the target, QEMU without KVM",
        results,
        "mounted",
        "" if any(each.name == AOETOOLS for each in results) else NEVER,
    )
    return Part("boot", (comparison,), goals(comparison))


def own(image: Path, folder: Path) -> Path:
    """Copy an image out of its system, for QEMU runs outside of it."""
    copy = folder / f"image-{image.name}"
    shutil.copy(image, copy)
    return copy


def booting(net: Network, start: DirectBoot, token: str, log: Path) -> Callable[[], Sample]:
    """Make what boots once, to the end of the report of the root, and reads the kernel's log.

    A boot that fails is repeated, and counted: aoetools' script ends where a lease takes more than 2 s.
    """

    def boot_once() -> Sample:
        for failed in range(ATTEMPTS):
            with machine(net, Hardware(NIC), start, log) as client:
                client.run_to_end(BOOT_SECONDS)
            if read_report(client.lines).every("token") == [token]:
                return {**moments(client.lines), "failed": float(failed)}
        raise client.error(f"{ATTEMPTS} times the machine went off without a report from its root")

    return boot_once


def moments(lines: Sequence[Line]) -> dict[str, float]:
    """Find when things happened, in seconds after process 1 began; the root also after the kernel did."""
    begin = _when(lines, BEGIN)
    times = {name: _when(lines, pattern) for name, pattern in EVENTS.items()}
    return {**{name: time - begin for name, time in times.items()}, "total": times["mounted"]}


def _when(lines: Sequence[Line], pattern: str) -> float:
    for line in lines:
        if found := re.search(rf"\[ *(\d+\.\d+)\].*{pattern}", line.text):
            return float(found[1])
    raise LabError(f"the kernel never said {pattern!r}")


def make_by_hand(system: Installation, name: str, wait: str, pause: str) -> Path:
    """Make an image as people write them: busybox, the modules and one script."""
    tree = system.file(f"/opt/{name}")
    (tree / "bin").mkdir(parents=True)
    shutil.copy(static_busybox(), tree / "bin/busybox")
    shown = system.run(
        "modprobe", "--show-depends", "--all", "--set-version", system.release, "e1000", "ext4"
    )
    before = [copied(system, line, tree) for line in shown.splitlines() if line.startswith("insmod ")]
    shown = system.run("modprobe", "--show-depends", "--set-version", system.release, "aoe")
    aoe = [copied(system, line, tree) for line in shown.splitlines() if line.startswith("insmod ")]
    script = SCRIPT.format(before="\n".join(before), aoe="\n".join(aoe), wait=wait, pause=pause)
    (tree / "init").write_text(script)
    (tree / "init").chmod(0o755)
    packing = f"cd /opt/{name} && find . | cpio --quiet -o -H newc | zstd -q -c -6 >{IMAGES}/{name}"
    system.run("sh", "-c", packing)
    return system.file(f"{IMAGES}/{name}")


def copied(system: Installation, line: str, tree: Path) -> str:
    """Copy the module that kmod would insert, and give the line of the script that does."""
    module = Path(line.split()[1])
    shutil.copy(system.file(str(module)), tree / module.name)
    return f"insmod /{module.name}"


def goals(comparison: Comparison) -> tuple[Goal, ...]:
    """Give what was to be reached."""
    ours = comparison.median("aoeinit", "mounted")
    floor = Goal("1.15 times the floor", 1.15 * comparison.median(BARE, "disk"), ours, "s")
    peers = [each for each in comparison.results if each.name in {AOETOOLS, FIXED}]
    return (
        floor,
        *(Goal(f"a third of {each.name}", each.median("mounted") / 3, ours, "s") for each in peers),
    )
