"""Faulty systems, judged by ``aoeinit doctor`` and then booted: the boot agrees.

A shutdown that hangs for want of ``aoeinit network``, of which the doctor warns, is booted in
test_network_handover.py, and a root with two servers and a pin in test_server_pin.py.
"""

import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aoeinit.doctor.entries import locate, read_entries
from aoeinit.inspect.facts import find_facts
from aoeinit.inspect.reading import open_image
from aoeinit.inspect.tree import Tree
from aoeinit.system.namespace import Network, neighbour, network
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import DirectBoot, Nic
from aoeinit.trial.layout import SERVER_MAC
from tests.lab.bench import BOOT_SECONDS, SYSTEM_SECONDS, Bench
from tests.lab.disk import Disk, make_disk
from tests.lab.image import TOP, build_image
from tests.lab.kernels import Kernel, debian_kernel
from tests.lab.programs import run
from tests.lab.report import read_report
from tests.lab.system import make_system
from tests.lab.tiny_root import make_tiny_root
from tests.unit.doctor_samples import spoil_image

NIC = Nic("virtio-net-pci")
OTHER_MAC = "52:54:00:99:99:99"
ROOT = "/dev/etherd/e11.0p1"
ENTRY = "boot/loader/entries/lab.conf"
PATIENCE = "rd.aoe.timeout=20"
DOCTOR = [sys.executable, "-m", "aoeinit", "doctor", "--json", "--sysroot"]
PANIC = "Kernel panic - not syncing"
ASK = """\
import json, sys
from dataclasses import asdict, replace
from pathlib import Path
from aoeinit.cli.doctor_facts import gather
from aoeinit.doctor.examine import examine
from aoeinit.doctor.system import Running
from aoeinit.system.packets import discover

system, findings, left_out = gather(Path(sys.argv[1]), None)
answers = discover(("eth0",), system.target, seconds=3)
running = Running(frozenset(), None, None, answers, None)
report = examine(replace(system, running=running), findings, left_out)
print(json.dumps({"boots": report.boots, **asdict(report)}))
"""
"""What the doctor does on a machine, with the files of another system."""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Build images that need nothing but time to fail."""

    def build(suite: str) -> Path:
        output = tmp_path_factory.mktemp("image") / suite
        build_image(debian_kernel(suite), output, ["--nic", "virtio_net"])
        return output

    built = {"bookworm": build("bookworm")}
    return lambda suite: built.setdefault(suite, built.get(suite) or build(suite))


Images = Callable[[str], Path]


def furnish(tree: Path, kernel: Kernel, image: Path, words: str) -> None:
    """Add to a root what the doctor looks at: the kernel, its modules, the image, a boot entry.

    They are not on the disk: the machine is started with what the entry names.
    """
    listed = open_image(str(image))
    names = [each.path for each in find_facts(listed, Tree(listed.items)).modules]
    paths = [name.partition(f"/{kernel.release}/")[2] for name in names]
    for path in (*paths, *(each.name for each in kernel.modules.glob("modules.*"))):
        if (kernel.modules / path).exists():
            target = tree / "lib/modules" / kernel.release / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(kernel.modules / path, target)
    (tree / ENTRY).parent.mkdir(parents=True)
    shutil.copy(kernel.vmlinuz, tree / f"boot/vmlinuz-{kernel.release}")
    shutil.copy(image, tree / "boot/image")
    (tree / ENTRY).write_text(
        f"version {kernel.release}\nlinux /vmlinuz-{kernel.release}\ninitrd /image\noptions {words}\n"
    )


def judged(tree: Path) -> dict[str, Any]:
    """What the command says of a system; its exit code agrees."""
    done = subprocess.run([*DOCTOR, str(tree)], cwd=TOP, capture_output=True, text=True, check=False)
    verdict: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0 if verdict["boots"] else 1, "")
    return verdict


def errors(verdict: dict[str, Any]) -> list[str]:
    return [each["what"] for each in verdict["findings"] if each["level"] == "error"]


def boot_of(bench: Bench, tree: Path) -> DirectBoot:
    """Boot what the system's own entry names."""
    (entry,) = read_entries(tree)
    found = locate(tree, entry.initrds[0])
    assert found is not None
    return bench.boot(" ".join(entry.words), image=tree / found)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with which part of a system, what the doctor says of it, and what the boot ends with."""

    told: str
    seen: str
    words: str = f"root={ROOT}"
    left_out: tuple[str, ...] = ()
    image_of: str = "bookworm"
    cut: bool = False
    rootless: bool = False


FAULTS = {
    "image-without-aoe": Fault(
        "aoe.ko is listed in modules.dep but not there",
        "aoeinit: the aoe driver did not load",
        left_out=("/aoe.ko",),
    ),
    "image-without-the-card": Fault(
        "virtio_net.ko is listed in modules.dep but not there",
        "aoeinit: no network interface",
        left_out=("/virtio_net.ko",),
    ),
    "image-without-the-file-system": Fault(
        "ext4.ko is listed in modules.dep but not there",
        f"aoeinit: cannot mount {ROOT}",
        left_out=("/ext4.ko",),
    ),
    "image-for-another-kernel": Fault(
        "its modules are for kernel 6.12", "aoeinit: no network interface", image_of="trixie"
    ),
    "image-without-init": Fault("no /init in it", PANIC, left_out=("init",)),
    "image-cut-short": Fault("is cut short", PANIC, cut=True),
    "another-partition": Fault(
        f"root=/dev/etherd/e11.0p2, but /etc/fstab mounts {ROOT} as /",
        r"aoeinit: target e11\.0 has no partition 2",
        words="root=/dev/etherd/e11.0p2",
    ),
    "another-target": Fault(
        "root=/dev/etherd/e11.1p1, but /etc/fstab mounts /dev/etherd/e11.0p1 as /",
        r"aoeinit: target e11\.1 did not answer",
        words="root=/dev/etherd/e11.1p1",
    ),
    "the-old-disk": Fault(
        "root=/dev/sda2 is no device of a target",
        "aoeinit: root=/dev/sda2 is not supported",
        words="root=/dev/sda2",
    ),
    "a-pin-that-is-none": Fault(
        "rd.aoe.server=localhost cannot be used",
        'aoeinit: rd.aoe.server=localhost: "localhost" is no MAC address',
        words=f"root={ROOT} rd.aoe.server=localhost",
    ),
    "no-init": Fault("no init: none of /sbin/init", f"aoeinit: no init on {ROOT}", rootless=True),
}


def make_faulty(bench: Bench, image: Images, fault: Fault, token: str) -> tuple[Path, Disk]:
    """Make a system and its disk."""
    tree = bench.folder / "system"
    make_tiny_root(tree, token)
    (tree / "etc/fstab").write_text(f"{ROOT} / ext4 defaults 0 1\n")
    if fault.rootless:
        (tree / "sbin/init").unlink()
    disk = make_disk(bench.folder / "disk", tree, mib=32)
    furnish(tree, debian_kernel("bookworm"), image("bookworm"), f"{fault.words} {PATIENCE}")
    there = tree / "boot/image"
    if fault.image_of != "bookworm":
        shutil.copy(image(fault.image_of), there)
    if fault.left_out:
        spoil_image(there, lambda path: not path.endswith(fault.left_out))
    if fault.cut:
        there.write_bytes(there.read_bytes()[: there.stat().st_size // 2])
    return tree, disk


def test_a_good_system_boots_as_the_doctor_says(bench: Bench, image: Images) -> None:
    token = secrets.token_hex(8)
    tree, disk = make_faulty(bench, image, Fault("", ""), token)
    verdict = judged(tree)
    assert (verdict["boots"], errors(verdict)) == (True, [])
    with (
        network() as net,
        vblade(net, disk.path, masks=[NIC.mac]),
        bench.machine(net, boot_of(bench, tree), NIC) as client,
    ):
        client.run_to_end(BOOT_SECONDS)
    assert read_report(client.lines).one("token") == token


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_system_does_not_boot_as_the_doctor_says(name: str, bench: Bench, image: Images) -> None:
    fault = FAULTS[name]
    tree, disk = make_faulty(bench, image, fault, "unreachable")
    found = errors(judged(tree))
    assert any(fault.told in each for each in found), found
    with network() as net, vblade(net, disk.path, masks=[NIC.mac]):
        fails(bench, net, tree, fault.seen)


def fails(bench: Bench, net: Network, tree: Path, seen: str) -> None:
    """Boot a system, which must end with these words and never reach its root's init."""
    with bench.machine(net, boot_of(bench, tree), NIC) as client:
        said = client.run_until(seen, BOOT_SECONDS)
        client.run_to_end(said.seconds + BOOT_SECONDS)
    assert not any("aoelab-" in line.text for line in client.lines)


@contextmanager
def standing_in(net: Network) -> Iterator[Network]:
    """Stand in for the machine: another one on its network, with the MAC of its card."""
    with neighbour(net, "eth0") as machine:
        run(machine.inside(["ip", "link", "set", "eth0", "address", NIC.mac]))
        yield machine


@pytest.mark.parametrize(
    ("mask", "words", "told", "seen"),
    [
        (OTHER_MAC, "", "e11.0 does not answer", "aoeinit: no AoE target answered on"),
        (
            NIC.mac,
            f" rd.aoe.server={OTHER_MAC}",
            f"e11.0 is answered for by {SERVER_MAC}, whom rd.aoe.server={OTHER_MAC} does not name",
            rf"aoeinit: target e11\.0 is answered for by {SERVER_MAC}",
        ),
    ],
    ids=["masked", "another-server"],
)
def test_a_server_keeps_a_system_from_booting_as_the_doctor_says(
    mask: str, words: str, told: str, seen: str, bench: Bench, image: Images
) -> None:
    tree, disk = make_faulty(bench, image, Fault("", "", words=f"root={ROOT}{words}"), "unreachable")
    with network() as net, vblade(net, disk.path, masks=[mask]):
        with standing_in(net) as machine:
            ask = ["env", f"PYTHONPATH={TOP}", sys.executable, "-c", ASK, str(tree)]
            found = errors(json.loads(run(machine.inside(ask))))
        assert told in found
        fails(bench, net, tree, seen)


def test_a_line_of_fstab_stops_a_whole_system_as_the_doctor_says(bench: Bench, image: Images) -> None:
    tree = bench.folder / "system"
    make_system(tree, "bookworm", "unreachable", ROOT)
    with (tree / "etc/fstab").open("a") as fstab:
        fstab.write("/dev/sda3 /srv ext4 x-systemd.device-timeout=5s 0 2\n")
    disk = make_disk(bench.folder / "disk", tree, mib=1024)
    furnish(tree, debian_kernel("bookworm"), image("bookworm"), f"root={ROOT} rw systemd.log_color=no")
    assert "/etc/fstab:2: /srv is on /dev/sda3, not on e11.0: a boot waits for it, and stops" in errors(
        judged(tree)
    )
    with (
        network() as net,
        vblade(net, disk.path, masks=[NIC.mac]),
        bench.machine(net, boot_of(bench, tree), NIC) as client,
    ):
        client.run_until("Dependency failed for .*/srv", SYSTEM_SECONDS)
        client.run_until("Reached target .*[Ee]mergency", SYSTEM_SECONDS)
    assert not any("aoelab-" in line.text for line in client.lines)
