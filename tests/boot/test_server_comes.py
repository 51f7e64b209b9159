"""A server that answers for the root's target while the system runs: rd.aoe.server= keeps it out."""

import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aoeinit.system.beside import running
from aoeinit.system.namespace import Network, network
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import DirectBoot, Nic
from aoeinit.trial.layout import SERVER_MAC
from tests.boot.test_paths import second_interface
from tests.lab.bench import SYSTEM_SECONDS, Bench
from tests.lab.disk import Disk, make_disk
from tests.lab.kernels import Kernel, debian_kernel
from tests.lab.programs import run
from tests.lab.report import Report, read_report
from tests.lab.system import PACKAGES, make_system

NIC = Nic("virtio-net-pci")
SUITE = "bookworm"
ROOT = "/dev/etherd/e11.0p1"
PIN = f"{SERVER_MAC},52:54:00:99:99:99"
FILTER_MODULES = (
    "kernel/net/netfilter/nfnetlink.ko",
    "kernel/net/netfilter/nf_tables.ko",
    "kernel/lib/libcrc32c.ko",
)

# Waits until the driver has taken a second server, or the filter has dropped what it said.
STRANGER = """\
#!/bin/sh
exec >/dev/console 2>&1
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
systemctl start nftables && systemctl reload nftables
paths() {
	grep -c ssthresh /sys/kernel/debug/aoe/e11.0
}
dropped() {
	nft list table netdev aoeinit 2>/dev/null | sed -n 's/.*counter packets \\([0-9]*\\) .*/\\1/p' | grep . ||
		echo 0
}
echo "aoelab-alone=$(paths)"
for second in $(seq 60); do
	echo >/dev/etherd/discover
	[ "$(paths)" -lt 2 ] && [ "$(dropped)" -lt 2 ] || break
	sleep 1
done
echo "aoelab-paths=$(paths)"
echo "aoelab-dropped=$(dropped)"
echo "aoelab-pin=$(cat /run/aoeinit/pin)"
"""


@contextmanager
def stranger(net: Network, disk: Disk) -> Iterator[None]:
    """Serve the disk a second time, as the same target, from another MAC."""
    command = net.inside(["vblade", "-r", "11", "0", second_interface(net), str(disk.path)])
    with running(command, stdout=subprocess.DEVNULL):
        yield


def test_a_server_that_comes_later_is_kept_out(bench: Bench) -> None:
    disk = make_filtering_system(bench.folder, debian_kernel(SUITE))
    report = beside_a_stranger(bench, bench.boot(f"root={ROOT} rd.aoe.server={PIN}"), disk)
    assert report.one("alone") == "1"
    assert int(report.one("dropped")) > 0
    assert report.one("paths") == "1"
    assert report.one("pin") == "kept"


def test_a_system_without_nft_says_that_the_pin_is_not_kept(bench: Bench) -> None:
    token = secrets.token_hex(8)
    make_system(bench.folder / "system", SUITE, token, ROOT)
    disk = make_disk(bench.folder / "disk", bench.folder / "system", mib=1024)
    boot = bench.boot(f"root={ROOT} rd.aoe.server={PIN}")
    with network() as net, vblade(net, disk.path), bench.machine(net, boot, NIC) as client:
        client.run_to_end(SYSTEM_SECONDS)
    report = read_report(client.lines)
    assert report.one("token") == token
    assert report.every("failed") == ["aoeinit-pin.service"]
    words = "aoeinit: rd.aoe.server= is not kept while the system runs: there is no nft: install nftables"
    assert [line.text.count(words) for line in client.lines if words in line.text] == [1]


def test_without_a_pin_it_is_taken_for_a_path(bench: Bench) -> None:
    disk = make_filtering_system(bench.folder, debian_kernel(SUITE))
    report = beside_a_stranger(bench, bench.boot(f"root={ROOT}"), disk)
    assert (report.one("alone"), report.one("paths"), report.one("dropped")) == ("1", "2", "0")


def beside_a_stranger(bench: Bench, boot: DirectBoot, disk: Disk) -> Report:
    """What a system says of its paths, after a second server has come when it was up."""
    with network() as net, vblade(net, disk.path, read_only=True), bench.machine(net, boot, NIC) as client:
        up = client.run_until("aoelab-alone", SYSTEM_SECONDS)
        with stranger(net, disk):
            client.run_until("aoelab-pin=", up.seconds + SYSTEM_SECONDS)
    return read_report(client.lines)


def make_filtering_system(folder: Path, kernel: Kernel) -> Disk:
    """Make a disk with a Debian system that is never written to, with nft and its part of the kernel."""
    tree = folder / "system"
    make_system(tree, SUITE, secrets.token_hex(8), ROOT, (*PACKAGES, "kmod", "nftables"))
    (tree / "etc/fstab").write_text(f"{ROOT} / ext4 ro 0 0\n")
    modules = tree / "lib/modules" / kernel.release
    modules.mkdir(parents=True)
    for name in (*FILTER_MODULES, "modules.builtin", "modules.order"):
        (modules / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(kernel.modules / name, modules / name)
    run(["depmod", "-b", str(tree), kernel.release])
    script = tree / "usr/lib/aoelab/stranger"
    script.write_text(STRANGER)
    script.chmod(0o755)
    unit = tree / "etc/systemd/system/aoelab.service"
    unit.write_text(
        unit.read_text().replace("ExecStart=", "ExecStartPre=/usr/lib/aoelab/stranger\nExecStart=", 1)
    )
    return make_disk(folder / "disk", tree, mib=1024)
