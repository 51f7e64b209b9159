"""Exports of others: where they are read from, and that no disk is exported twice."""

from pathlib import Path

import pytest

from aoeinit.aoe.target import Target
from aoeinit.errors import ConfigError
from aoeinit.server.existing import Found, existing, refuse_twice, refuse_two_names
from aoeinit.server.exports import Export
from tests.unit.server_samples import DISK, E11_0
from tests.unit.tree_samples import put


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        (
            "etc/vblade.conf.d/a.conf",
            "# mine\nshelf=11\nslot=\"0\"\nnetif=eth0 # lan\nfilename='/dev/sda'\noptions='-r -m a,b'\n",
            ("e11.0", "eth0", "/dev/sda", True),
        ),
        (
            "etc/vblade.conf.d/a.conf",
            "shelf=1\nslot=2\nnetif=br0\nfilename=/srv/x\noptions='-m r -b 8'\n",
            ("e1.2", "br0", "/srv/x", False),
        ),
        (
            "etc/systemd/system/old.service",
            "[Service]\nExecStart=-/usr/sbin/vblade -dr \\\n -b 4 3 4 eth1 /srv/50%%.img\n",
            ("e3.4", "eth1", "/srv/50%.img", True),
        ),
        (
            "etc/systemd/system/old.service",
            "[Service]\nExecStart=/usr/bin/ionice -c2 /usr/sbin/vblade 3 4 eth1 /dev/sdb -sm aa,bb\n",
            ("e3.4", "eth1", "/dev/sdb", False),
        ),
        (
            "etc/systemd/system/old.service",
            "[Service]\n  ExecStart = /usr/sbin/vblade 3 4 eth1 /dev/sdb\n",
            ("e3.4", "eth1", "/dev/sdb", False),
        ),
    ],
)
def test_exports_of_others_are_read(
    tmp_path: Path, path: str, text: str, found: tuple[str, str, str, bool]
) -> None:
    put(tmp_path, path, text)
    target, interface, device, read_only = found
    assert existing(tmp_path) == (Found(path, Target.parse(target), interface, device, read_only),)


@pytest.mark.parametrize(
    "text",
    ["", "shelf=1\nslot=2\nnetif=br0\n", "shelf=x\nslot=2\nnetif=a\nfilename=/b", "\0='", "shelf='1\n"],
)
def test_files_that_export_nothing_are_passed_over(tmp_path: Path, text: str) -> None:
    put(tmp_path, "etc/vblade.conf.d/a.conf", text)
    put(tmp_path, "etc/systemd/system/a.service", f"[Service]\nExecStart=/bin/true {text!r}\n")
    (tmp_path / "etc/vblade.conf.d/folder.conf").mkdir()
    assert existing(tmp_path) == ()


@pytest.mark.parametrize(
    ("other", "refused"),
    [
        (Found("x", E11_0, "eth0", "/dev/sdz", read_only=False), True),
        (Found("x", E11_0, "eth1", "/dev/sdz", read_only=False), True),
        (Found("x", E11_0, "eth1", DISK.device, read_only=False), False),
        (Found("x", E11_0, "eth0", DISK.device, read_only=False), True),
        (Found("x", Target(12, 0), "eth0", DISK.device, read_only=False), True),
        (Found("x", Target(12, 0), "eth0", DISK.device, read_only=True), True),
        (Found("x", Target(12, 0), "eth0", "/dev/sdz", read_only=False), False),
        (Found("ours", E11_0, "eth0", DISK.device, read_only=False), False),
    ],
)
def test_nothing_is_exported_twice(tmp_path: Path, other: Found, *, refused: bool) -> None:
    if refused:
        with pytest.raises(ConfigError, match=r"^/x exports .* already$"):
            refuse_twice(tmp_path, [DISK], [other], ["ours"])
    else:
        refuse_twice(tmp_path, [DISK], [other], ["ours"])


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    """A system with a volume and a partition that have several names each."""
    for path in ("dev/dm-0", "dev/sda", "dev/sda1"):
        put(tmp_path, path)
    for link, leads in {
        "dev/vg/h": "../dm-0",
        "dev/mapper/vg-h": "/dev/dm-0",
        "dev/disk/by-id/ata-x-part1": "../../sda1",
        "dev/loop-of-links": "loop-of-links",
    }.items():
        (tmp_path / link).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / link).symlink_to(leads)
    return tmp_path


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("/dev/vg/h", "/dev/mapper/vg-h", True),
        ("/dev/vg/h", "/dev/dm-0", True),
        ("/dev/disk/by-id/ata-x-part1", "/dev/sda", True),
        ("/dev/disk/by-id/ata-x-part1", "/dev/vg/h", False),
        ("/dev/vg/h", "/dev/mapper/not-there", False),
        ("/dev/loop-of-links", "/dev/vg/h", False),
    ],
)
@pytest.mark.parametrize("read_only", [True, False])
def test_a_disk_is_known_by_all_its_names(
    devices: Path, one: str, other: str, *, same: bool, read_only: bool
) -> None:
    for first, second in ((one, other), (other, one)):
        found = Found("x", Target(12, 0), "eth0", second, read_only)
        export = Export(E11_0, first, "eth0", read_only=read_only)
        fleet = [export, Export(Target(12, 0), second, "eth0", read_only=read_only)]
        if same and not read_only:
            with pytest.raises(ConfigError, match=r"^/x exports .* already$"):
                refuse_twice(devices, [export], [found], [])
            with pytest.raises(ConfigError, match=rf"{first} .* and {second} .* are one disk"):
                refuse_two_names(devices, fleet)
        else:
            refuse_twice(devices, [export], [found], [])
            refuse_two_names(devices, fleet)
