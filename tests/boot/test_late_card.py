"""A network card that is plugged in while the machine already waits for another one's cable."""

import re
import secrets
from dataclasses import dataclass

from aoeinit.system.namespace import network
from aoeinit.system.servers import vblade
from aoeinit.trial.hardware import Nic
from tests.lab.bench import BOOT_SECONDS, Bench
from tests.lab.report import read_report


@dataclass(frozen=True, slots=True)
class UsbCard(Nic):
    """A card for USB, which :meth:`plug` puts into the machine's socket."""

    def arguments(self) -> list[str]:
        link = f"tap,id={self.tap},ifname={self.tap},script=no,downscript=no"
        return ["-device", "qemu-xhci,id=usb", "-netdev", link]

    @property
    def plug(self) -> str:
        """The command for QEMU's monitor."""
        return f"device_add {self.model},bus=usb.0,netdev={self.tap},mac={self.mac}"


CABLELESS = Nic("e1000")
LATE = UsbCard("usb-net", mac="52:54:00:11:00:02", tap="tap1")


def test_serves_as_soon_as_it_is_there(bench: Bench) -> None:
    token = secrets.token_hex(8)
    disk = bench.tiny_disk(token)
    with (
        network(taps=2) as net,
        vblade(net, disk.path, masks=[LATE.mac]),
        bench.machine(net, bench.boot("root=/dev/etherd/e11.0p1 rd.debug"), CABLELESS, LATE) as client,
    ):
        client.plug(CABLELESS, linked=False)
        client.run_until("aoeinit: step interface reached", BOOT_SECONDS)
        client.order(LATE.plug)
        client.run_to_end(BOOT_SECONDS)
    report = read_report(client.lines)
    assert report.one("token") == token
    assert (report.state["interface"], report.state["mac"]) == ("aoe0", LATE.mac)
    # An interface that is down tells of no carrier.
    carriers = {mac: up for _, mac, *up in map(str.split, report.every("interface"))}
    assert (carriers[LATE.mac], carriers[CABLELESS.mac]) == (["1"], [])


def test_is_named_where_the_image_has_no_driver_for_it(bench: Bench) -> None:
    image = bench.build("--nic", "virtio_net", "--module", "xhci_pci")
    boot = bench.boot("root=/dev/etherd/e11.0p1", image=image)
    with network(taps=2) as net, bench.machine(net, boot, CABLELESS, LATE) as client:
        client.run_until("aoeinit: waiting for a network interface", BOOT_SECONDS)
        client.order(LATE.plug)
        said = client.run_until("aoeinit: no network interface; ", BOOT_SECONDS).text
    assert re.search(r"without a driver in this image: .*\d-\d:\d\.\d \(usb:v0525pA4A2.*in00\)", said)
