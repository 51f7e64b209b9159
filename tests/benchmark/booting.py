"""The part ``boot``: from process 1 to the root on the target, by the clock of the kernel's own log."""

import re
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aoeinit.system.namespace import Network, network
from aoeinit.system.qemu import machine
from aoeinit.system.servers import dhcp, vblade
from aoeinit.trial.console import Line
from aoeinit.trial.hardware import CONSOLE, DirectBoot, Hardware, Nic
from tests.benchmark.bench import Bench
from tests.benchmark.by_hand import SLEEP, WATCH, make_by_hand
from tests.benchmark.figures import Comparison, Goal, Part, summed
from tests.benchmark.measuring import Sample, alternate
from tests.benchmark.peers import IMAGES, aoeinit_build, initramfs_tools
from tests.lab.bench import BOOT_SECONDS
from tests.lab.disk import make_disk
from tests.lab.installation import Installation
from tests.lab.kernels import debian_kernel
from tests.lab.programs import LabError
from tests.lab.report import read_report
from tests.lab.tiny_root import make_tiny_root
from tests.lab.vmlinux import unpacked

ROOT = "root=/dev/etherd/e11.0p1"
BEGIN = r"Run /init as init process"
EVENTS = {"disk": r"aoe: .* sectors", "mounted": r"EXT4-fs \(etherd.e11\.0p1\): mounted"}
"""What the kernel says when the disk is known, and when the root is mounted."""
ATTEMPTS = 3
BARE, HOW_TO = "floor: a script that only looks", "by hand, sleep 5"
AOETOOLS, FIXED = "aoetools, ip=dhcp", "aoetools, fixed address"
NEVER = f"*{AOETOOLS}* is left out: {ATTEMPTS} times in a row it had no root."
ADDRESS = "ip=10.11.0.200::10.11.0.1:255.255.255.0::ens3:off"


@dataclass(frozen=True, slots=True)
class Card:
    """A network card of QEMU: its driver, what its bus needs besides, what the kernel says of its carrier."""

    model: str
    driver: str
    bus: tuple[str, ...] = ()
    carrier: str = ""

    @property
    def modules(self) -> list[str]:
        """What a list of modules has to name, but for ``aoe``."""
        return [*self.bus, self.driver, "ext4"]

    @property
    def events(self) -> dict[str, str]:
        """What the kernel says, in its order, by the name of the measure."""
        return {**({"carrier": self.carrier} if self.carrier else {}), **EVENTS}


E1000 = Card("e1000", "e1000", carrier=r"NIC Link is Up")
VIRTIO = Card("virtio-net-pci", "virtio_net", bus=("virtio_pci",))
"""The one has a link that takes its time, as a cable's does; the other has it at once."""


def boot(bench: Bench) -> Part:
    """Measure boots of one root from one target with each image, on two cards."""
    first, second = compared(bench, "boot", E1000), compared(bench, "boot-virtio", VIRTIO)
    return Part("boot", (first, second), goals(first))


def compared(bench: Bench, name: str, card: Card) -> Comparison:
    """Boot the images for a card in turn."""
    images = make_images(bench.system, name, card)
    token = secrets.token_hex(8)
    folder = bench.folder / name
    folder.mkdir()
    make_tiny_root(folder / "root", token)
    disk = make_disk(folder / "disk", folder / "root", mib=32)
    vmlinuz = unpacked(debian_kernel("bookworm").vmlinuz)
    bench.say(f"== boot: from process 1 to the root, {card.model}")
    with (
        network() as net,
        vblade(net, disk.path),
        dhcp(net, folder, "aoe:e11.0"),
    ):
        contestants = {
            title: booting(
                net,
                card,
                DirectBoot(vmlinuz, own(image, folder), f"{CONSOLE} ignore_loglevel {words}".strip()),
                token,
                folder / "console.log",
            )
            for title, (image, words) in images.items()
        }
        results = summed(alternate(contestants, bench.rounds, bench.say, dispensable={AOETOOLS}))
    title = f"from process 1 to the root on the target, {card.model} in QEMU without KVM"
    note = "" if any(each.name == AOETOOLS for each in results) else NEVER
    return Comparison(name, title, results, "mounted", note)


def make_images(system: Installation, name: str, card: Card) -> dict[str, tuple[Path, str]]:
    """Make each contestant's image, and give it with the kernel parameters that it is booted with."""
    system.run(*aoeinit_build(system.release, name, "--nic", card.driver))
    system.run(*initramfs_tools(system, f"{name}-initramfs-tools", card.modules))
    initramfs = system.file(f"{IMAGES}/{name}-initramfs-tools")
    return {
        "aoeinit": (system.file(f"{IMAGES}/{name}"), ROOT),
        AOETOOLS: (initramfs, f"{ROOT} ro ip=dhcp"),
        FIXED: (initramfs, f"{ROOT} ro {ADDRESS}"),
        HOW_TO: (make_by_hand(system, f"{name}-by-hand", card.modules, *SLEEP), ""),
        BARE: (make_by_hand(system, f"{name}-bare", card.modules, *WATCH), ""),
    }


def own(image: Path, folder: Path) -> Path:
    """Copy an image out of its system, for QEMU runs outside of it."""
    copy = folder / f"image-{image.name}"
    shutil.copy(image, copy)
    return copy


def booting(net: Network, card: Card, start: DirectBoot, token: str, log: Path) -> Callable[[], Sample]:
    """Make what boots once, to the end of the report of the root, and reads the kernel's log.

    A boot that fails is repeated, and counted: aoetools' script ends where a lease takes more than 2 s.
    """

    def boot_once() -> Sample:
        for failed in range(ATTEMPTS):
            with machine(net, Hardware(Nic(card.model)), start, log) as client:
                client.run_to_end(BOOT_SECONDS)
            if read_report(client.lines).every("token") == [token]:
                return {**moments(client.lines, card.events), "failed": float(failed)}
        raise client.error(f"{ATTEMPTS} times the machine went off without a report from its root")

    return boot_once


def moments(lines: Sequence[Line], events: Mapping[str, str]) -> dict[str, float]:
    """Find when things happened, in seconds after process 1 began; the root also after the kernel did."""
    begin = _when(lines, BEGIN)
    times = {name: _when(lines, pattern) for name, pattern in events.items()}
    return {**{name: time - begin for name, time in times.items()}, "total": times["mounted"]}


def _when(lines: Sequence[Line], pattern: str) -> float:
    for line in lines:
        if found := re.search(rf"\[ *(\d+\.\d+)\].*{pattern}", line.text):
            return float(found[1])
    raise LabError(f"the kernel never said {pattern!r}")


def goals(comparison: Comparison) -> tuple[Goal, ...]:
    """Give what was to be reached."""
    ours = comparison.median("aoeinit", "mounted")
    floor = Goal("1.15 times the floor", 1.15 * comparison.median(BARE, "disk"), ours, "s")
    peers = [each for each in comparison.results if each.name in {AOETOOLS, FIXED}]
    return (
        floor,
        *(Goal(f"a third of {each.name}", each.median("mounted") / 3, ours, "s") for each in peers),
    )
