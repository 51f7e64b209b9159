"""A whole machine that is given a script: with disks of its own, or from its target."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aoeinit.system.namespace import Network
from aoeinit.system.qemu import Machine, machine
from aoeinit.trial.hardware import Boot, Hardware, Nic
from tests.lab.bench import SYSTEM_SECONDS
from tests.lab.report import Report, read_report

SCRIPT = "opt/aoelab/script"
ORDERED = r"^aoelab-ordered="
OFF_SECONDS = 90
"""What systemd itself gives a unit to stop, by default: with more, something hung."""
MEMORY_MIB = 768
NIC = Nic("e1000")


@dataclass(frozen=True, slots=True)
class Scripted:
    """A boot in which the system runs a script, with local disks: /dev/vda, /dev/vdb and so on."""

    boot: Boot
    script: Path
    disks: tuple[Path, ...] = ()

    def arguments(self) -> list[str]:
        drives = [f"if=virtio,format=raw,cache=unsafe,file={disk}" for disk in self.disks]
        return [
            *self.boot.arguments(),
            *("-fw_cfg", f"name={SCRIPT},file={self.script}"),
            *(word for drive in drives for word in ("-drive", drive)),
        ]


@dataclass(frozen=True, slots=True)
class Guest:
    """A machine in a network; the console of its first boot goes to ``log``, others to names like it."""

    net: Network
    folder: Path
    log: Path
    accelerator: str

    @contextmanager
    def switched_on(self, boot: Boot, script: str, disks: Sequence[Path] = ()) -> Iterator[Machine]:
        """Switch it on, with a script to run when it is up."""
        number = sum(1 for _ in self.folder.glob("script-*")) + 1
        file = self.folder / f"script-{number}"
        file.write_text(script)
        hardware = Hardware(NIC, memory=MEMORY_MIB, accelerator=self.accelerator)
        log = self.log if number == 1 else self.log.with_suffix(f".{number}.log")
        with machine(self.net, hardware, Scripted(boot, file, tuple(disks)), log) as client:
            yield client

    def run(self, boot: Boot, script: str, disks: Sequence[Path] = (), patience: float = 0) -> Report:
        """Let it run a script to its end and switch itself off in time.

        ``patience`` are the seconds that the script may take, beside the boot. What the script prints as
        ``aoelab-KEY=VALUE`` is in the report; raises LabError where it fails.
        """
        with self.switched_on(boot, script, disks) as client:
            ordered = client.run_until(ORDERED, SYSTEM_SECONDS + patience)
            report = read_report(client.lines)
            if report.one("exit") != "0":
                raise client.error(f"the script ended with exit code {report.one('exit')}")
            client.run_to_end(ordered.seconds + OFF_SECONDS)
        return report
