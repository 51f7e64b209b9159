"""Files as installers write them, the devices that a target has for them, and what they become."""

from dataclasses import dataclass, field

from aoeinit.aoe.target import Target
from aoeinit.install.fstab.device import Device

TARGET = Target(11, 0)


def part(number: int, fstype: str = "ext4", uuid: str | None = None, label: str | None = None) -> Device:
    return Device(f"/dev/etherd/e11.0p{number}", fstype, uuid or f"new-{number}", label, size=4 << 30)


@dataclass(frozen=True)
class Sample:
    """``changed`` are the lines by number as they come out; all others stay."""

    text: str
    mounts: dict[str, Device]
    changed: dict[int, str]
    swaps: tuple[Device, ...] = field(default=())


DEBIAN = Sample(
    """\
# /etc/fstab: static file system information.
#
# <file system> <mount point>   <type>  <options>       <dump>  <pass>
# / was on /dev/vda2 during installation
UUID=6a7b1c4e-5a0e-4f7f-9c1d-2f0a6f1f3d11 /               ext4    errors=remount-ro 0       1
# /boot was on /dev/vda1 during installation
UUID=0b7e9a4c-93c3-4c3c-8a34-62a0b7f5b2c9 /boot           ext2    defaults        0       2
# swap was on /dev/vda5 during installation
UUID=f7a1f0de-9f4b-4b0e-8f0e-7d2f7b8a1a55 none            swap    sw              0       0
/dev/sr0        /media/cdrom0   udf,iso9660 user,noauto     0       0
""",
    {"/": part(2), "/boot": part(1, "ext4")},
    {
        5: "/dev/etherd/e11.0p2 /               ext4    errors=remount-ro 0       1",
        7: "/dev/etherd/e11.0p1 /boot           ext4    defaults        0       2",
        9: "/dev/etherd/e11.0p3 none            swap    sw              0       0",
    },
    (part(3, "swap"),),
)

FEDORA_LVM = Sample(
    """\

#
# /etc/fstab
# Created by anaconda on Sat Mar  2 10:11:12 2019
#
/dev/mapper/fedora-root /                       xfs     defaults        0 0
UUID=2d9c2f0f-4a52-4e2b-8f5c-5a7f2b6f7a01 /boot                   ext4    defaults        1 2
UUID=5F2A-01B7          /boot/efi               vfat    umask=0077,shortname=winnt 0 2
/dev/mapper/fedora-swap none                    swap    defaults        0 0
""",
    {"/": part(3, "xfs"), "/boot": part(2), "/boot/efi": part(1, "vfat", "AAAA-BBBB")},
    {
        6: "/dev/etherd/e11.0p3 /                       xfs     defaults        0 0",
        7: "/dev/etherd/e11.0p2 /boot                   ext4    defaults        1 2",
        8: "/dev/etherd/e11.0p1          /boot/efi               vfat    umask=0077,shortname=winnt 0 2",
        9: "/dev/etherd/e11.0p4 none                    swap    defaults        0 0",
    },
    (part(4, "swap"),),
)

FEDORA_BTRFS = Sample(
    """\
UUID=61f8a3a5-0d7c-4c39-b59f-5ff4b7a1b6d2 /                       btrfs   subvol=root,compress=zstd:1 0 0
UUID=8c1d0a77-1f3e-4a39-9d0e-9d7a8a4c6f10 /boot                   ext4    defaults        1 2
UUID=61f8a3a5-0d7c-4c39-b59f-5ff4b7a1b6d2 /home                   btrfs   subvol=home,compress=zstd:1 0 0
""",
    {"/": part(2, "btrfs"), "/boot": part(1)},
    {
        1: "/dev/etherd/e11.0p2 /                       btrfs   subvol=root,compress=zstd:1 0 0",
        2: "/dev/etherd/e11.0p1 /boot                   ext4    defaults        1 2",
        3: "/dev/etherd/e11.0p2 /home                   btrfs   subvol=home,compress=zstd:1 0 0",
    },
)

OPENSUSE = Sample(
    """\
UUID=e8d07a53-3c65-4ee0-a1f4-1c7f0f6a2d21  /                       btrfs  defaults                      0  0
UUID=e8d07a53-3c65-4ee0-a1f4-1c7f0f6a2d21  /.snapshots             btrfs  subvol=/@/.snapshots          0  0
UUID=e8d07a53-3c65-4ee0-a1f4-1c7f0f6a2d21  /var                    btrfs  subvol=/@/var                 0  0
UUID=b0a1ff77-6a6f-4c55-bb5f-5f0a1f3a9e02  swap                    swap   defaults                      0  0
UUID=1A2B-3C4D                             /boot/efi               vfat   utf8                          0  2
""",
    {"/": part(2, "btrfs"), "/boot/efi": part(1, "vfat")},
    {
        1: "/dev/etherd/e11.0p2  /                       btrfs  defaults                      0  0",
        2: "/dev/etherd/e11.0p2  /.snapshots             btrfs  subvol=/@/.snapshots          0  0",
        3: "/dev/etherd/e11.0p2  /var                    btrfs  subvol=/@/var                 0  0",
        4: "/dev/etherd/e11.0p3  swap                    swap   defaults                      0  0",
        5: "/dev/etherd/e11.0p1                             /boot/efi               vfat   utf8                          0  2",  # noqa: E501 - the line as it is
    },
    (part(3, "swap"),),
)

UBUNTU = Sample(
    """\
# / was on /dev/ubuntu-vg/ubuntu-lv during curtin installation
/dev/disk/by-id/dm-uuid-LVM-ZmYzMDk4 / ext4 defaults 0 1
# /boot was on /dev/vda2 during curtin installation
/dev/disk/by-uuid/3b9fd0ad-64a0-4f62-9f0a-0d8e0d8a5a77 /boot ext4 defaults 0 1
/swap.img\tnone\tswap\tsw\t0\t0
""",
    {"/": part(2), "/boot": part(1)},
    {
        2: "/dev/etherd/e11.0p2 / ext4 defaults 0 1",
        4: "/dev/etherd/e11.0p1 /boot ext4 defaults 0 1",
    },
)

OLD = Sample(
    """\
LABEL=/                 /                       ext3    defaults        1 1
LABEL=/boot             /boot                   ext3    defaults        1 2
tmpfs                   /dev/shm                tmpfs   defaults        0 0
devpts                  /dev/pts                devpts  gid=5,mode=620  0 0
sysfs                   /sys                    sysfs   defaults        0 0
LABEL=SWAP-sda2         swap                    swap    defaults        0 0
""",
    {"/": part(3, "ext4"), "/boot": part(1, "ext3")},
    {
        1: "/dev/etherd/e11.0p3                 /                       ext4    defaults        1 1",
        2: "/dev/etherd/e11.0p1             /boot                   ext3    defaults        1 2",
        6: "/dev/etherd/e11.0p2         swap                    swap    defaults        0 0",
    },
    (part(2, "swap"),),
)

SAMPLES = {
    "Debian's installer": DEBIAN,
    "Fedora's, LVM": FEDORA_LVM,
    "Fedora's, btrfs": FEDORA_BTRFS,
    "openSUSE's": OPENSUSE,
    "Ubuntu's": UBUNTU,
    "Red Hat's of 2007": OLD,
}
