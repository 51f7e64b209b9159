"""The demonstration: an image for a real kernel, and a machine that boots with it from a real AoE target.

Run by contrib/demo.sh, as root.
"""

import os
import secrets
import sys
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from aoeinit.errors import AoeinitError
from aoeinit.system.namespace import network
from aoeinit.system.qemu import fastest_accelerator, machine
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import CONSOLE, DirectBoot, Hardware, Nic
from tests.lab.disk import make_disk
from tests.lab.image import build_image
from tests.lab.kernels import Kernel, debian_kernel, host_kernel, own_suite
from tests.lab.report import Report, read_report
from tests.lab.tiny_root import make_tiny_root

NIC = Nic("e1000")
PARAMETERS = f"{CONSOLE} root=/dev/etherd/e11.0p1"
BOOT_SECONDS = 120


def main() -> int:
    """Run the demonstration and give the exit code; the console's log is kept only where it failed."""
    log = Path(gettempdir()) / f"aoeinit-demo-{os.getpid()}.log"
    try:
        with TemporaryDirectory(prefix="aoeinit-demo-") as folder:
            demonstrate(Path(folder), log)
    except AoeinitError as error:
        sys.stderr.write(f"The demonstration failed: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted; nothing is left running.\n")
        return 1
    log.unlink()
    return 0


def demonstrate(folder: Path, log: Path) -> None:
    kernel = choose_kernel()
    say("== Building an image for it")
    say(build_image(kernel, folder / "image", ["--nic", NIC.model]).strip())
    token = secrets.token_hex(8)
    make_tiny_root(folder / "root", token)
    disk = make_disk(folder / "disk", folder / "root", mib=32)
    accelerator = fastest_accelerator(kernel.vmlinuz)
    say(f"== Booting it in QEMU ({accelerator}) from target e11.0, which vblade serves")
    boot = DirectBoot(kernel.vmlinuz, folder / "image", PARAMETERS)
    hardware = Hardware(NIC, accelerator=accelerator)
    with (
        network() as net,
        vblade(net, disk.path, masks=[NIC.mac]),
        machine(net, hardware, boot, log) as client,
    ):
        client.run_to_end(BOOT_SECONDS)
    report = read_report(client.lines)
    if report.every("token") != [token]:
        raise client.error("the machine went off without a report from its root")
    say("== The root on the target is up and reported")
    say(*summary(report))


def choose_kernel() -> Kernel:
    """The host's own kernel where it can be used, else its distribution's package."""
    kernel = host_kernel()
    if kernel is None:
        say("== The running kernel has no aoe driver that can be used here: getting the distribution's")
        kernel = debian_kernel(own_suite())
    say(f"== Using kernel {kernel.release}")
    return kernel


def summary(report: Report) -> list[str]:
    """What the booted root reported, for people."""
    state, timeline = report.state, report.timeline
    return [
        f"  kernel     {report.one('release')}",
        f"  device     {state['root']} ({report.one('root').partition(' ')[2]})",
        f"  target     {state['target']}, served by {state['server']}",
        f"  interface  {state['interface']} ({state['mac']})",
        f"  seconds    {report.one('uptime')} from the kernel's start to this report",
        f"             {timeline['switch'] - timeline['start']:.2f} of them the agent's: {steps(timeline)}",
    ]


def steps(timeline: dict[str, float]) -> str:
    """How long each step of the agent took."""
    names, times = list(timeline), list(timeline.values())
    return ", ".join(
        f"{name} {after - before:.2f}"
        for name, before, after in zip(names[1:], times, times[1:], strict=False)
    )


def say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
