"""An export of one disk to one client, and the files that it is made of."""

from aoeinit.aoe.target import Target
from aoeinit.server.exports import Export

MAC = "52:54:00:11:00:01"
E11_0 = Target(11, 0)
DISK = Export(E11_0, "/dev/vg/hyperion", "eth0", (MAC,))
CONF = "etc/vblade.conf.d/e11.0.eth0.conf"
DROP_IN = "etc/systemd/system/vblade@e11.0.eth0.service.d/aoeinit.conf"
UNIT = "etc/systemd/system/vblade-e11.0.eth0.service"


def many_macs(count: int) -> tuple[str, ...]:
    return tuple(f"52:54:00:11:{number >> 8:02x}:{number & 0xFF:02x}" for number in range(count))
