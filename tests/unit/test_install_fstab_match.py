import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoeinit.errors import ConfigError
from aoeinit.install.fstab.device import Device
from aoeinit.install.fstab.lines import parse
from aoeinit.install.fstab.match import matched
from aoeinit.install.fstab.plan import by_mount_point
from tests.unit.fstab_samples import TARGET, part


def found(text: str, *partitions: Device, **given: Device) -> dict[str, str]:
    """The names of the devices by mount point; what was given goes by the mount point's last part."""
    lines = parse(text.encode())
    mounts = {"/" + point.removeprefix("root"): device for point, device in given.items()}
    devices = matched(lines, by_mount_point(lines, mounts, ()), partitions, target=TARGET)
    return {line.mount_point: devices[line.number].name for line in lines if line.number in devices}


@pytest.mark.parametrize(
    "source",
    [
        "UUID=a-b",
        'UUID="A-B"',
        "/dev/disk/by-uuid/a-b",
        "LABEL=/home",
        "/dev/disk/by-label/\\x2fhome",
        "PARTUUID=c-d",
        "PARTLABEL=two\\040words",
        "/dev/etherd/e11.0p2",
    ],
)
def test_a_line_finds_the_partition_that_it_names(source: str) -> None:
    device = Device("/dev/etherd/e11.0p2", "ext4", "a-b", "/home", "c-d", "two words")
    text = f"UUID=r / ext4\n{source} /srv ext4\n"
    assert found(text, part(1, uuid="r"), device, part(3)) == {"/": "e11.0p1", "/srv": "e11.0p2"}


@pytest.mark.parametrize(
    ("point", "label"),
    [
        ("/", "rootfs"),
        ("/", "ROOT"),
        ("/home", "home"),
        ("/home", "/home"),
        ("/var/log", "log"),
        ("/boot/efi", "ESP"),
        ("/boot/efi", "EFI System Partition"),
        ("/efi", "efi"),
    ],
)
def test_a_label_says_what_a_partition_is_for(point: str, label: str) -> None:
    text = f"UUID=old {point} ext4 nofail\nUUID=r {'/other' if point == '/' else '/'} ext4\n"
    partitions = (part(1, uuid="r"), part(2, label=label), part(3), Device("/dev/etherd/e11.0p4", "ext4"))
    assert found(text, *partitions)[point] == "e11.0p2"


def test_a_partition_name_serves_as_well_as_a_label() -> None:
    device = Device("/dev/etherd/e11.0p2", "ext4", partlabel="root")
    assert found("UUID=old / ext4\n", part(1), device) == {"/": "e11.0p2"}


def test_the_only_swap_the_only_vfat_and_the_only_file_system_are_meant() -> None:
    text = "/dev/sda2 / ext4\n/dev/sda1 /boot/efi vfat\n/dev/sda3 swap swap\n"
    partitions = (part(1, "vfat"), part(2, "xfs"), part(3, "swap"), Device("/dev/etherd/e11.0p4"))
    assert found(text, *partitions) == {"/": "e11.0p2", "/boot/efi": "e11.0p1", "swap": "e11.0p3"}


def test_subvolumes_follow_the_first() -> None:
    text = "UUID=a / btrfs subvol=@\nUUID=a /home btrfs subvol=@home\n"
    assert found(text, part(2, "btrfs")) == {"/": "e11.0p2", "/home": "e11.0p2"}


def test_several_lines_may_name_one_file_system() -> None:
    text = "UUID=a / btrfs subvol=@\nLABEL=pool /home btrfs subvol=@home\n"
    assert found(text, part(2, "btrfs", "a", "pool")) == {"/": "e11.0p2", "/home": "e11.0p2"}


@pytest.mark.parametrize(
    ("text", "partitions"),
    [
        ("/dev/sda1 / ext4\n", ()),
        ("/dev/sda1 / ext4\n", (part(1), part(2))),
        ("/dev/sda1 / ext4\n", (part(1, "swap"),)),
        ("/dev/sda1 / ext4\n", (part(1, "LVM2_member"),)),
        ("/dev/sda1 / ext4\n", (part(1, label="root"), part(2, label="root"))),
        ("/dev/sda1 / ext4\n/dev/sdb1 /data ext4\n", (part(1),)),
        ("UUID=r / ext4\n/dev/sda2 /home ext4\n", (part(1, uuid="r"), part(2))),
        ("UUID=r / ext4\n/dev/sda2 none swap\n/dev/sda3 none swap\n", (part(1, uuid="r"), part(2, "swap"))),
        ("UUID=r / ext4\nLABEL=x /srv ext4\n", (part(1, uuid="r"), part(2, label="x"), part(3, label="x"))),
    ],
)
def test_what_could_be_meant_otherwise_is_asked(text: str, partitions: tuple[Device, ...]) -> None:
    with pytest.raises(ConfigError, match=r"nothing tells where on e11\.0 these are") as caught:
        found(text, *partitions)
    assert caught.value.hint is not None
    assert "--map" in caught.value.hint


def test_the_question_lists_lines_and_partitions() -> None:
    text = "# x\nUUID=r / ext4\n/dev/sda2 /home ext4,xfs\n/dev/sda3 none swap sw\n/dev/sdb1 /a ext4 nofail\n"
    partitions = (part(1, uuid="r"), part(2, label="it"), Device("/dev/etherd/e11.0p3", size=1 << 30))
    with pytest.raises(ConfigError) as caught:
        found(text, *partitions)
    assert caught.value.message.splitlines() == [
        "nothing tells where on e11.0 these are:",
        "  line 3: /home (ext4,xfs), now on /dev/sda2",
        "  line 4: swap, now on /dev/sda3",
        "e11.0 has:",
        "  e11.0p1, 4.0 GiB, ext4",
        "  e11.0p2, 4.0 GiB, ext4, label 'it'",
        "  e11.0p3, 1.0 GiB, no file system",
    ]


def test_lines_of_disks_that_stay_are_no_question_when_nothing_is_left_on_the_target() -> None:
    assert found("UUID=r / ext4\n/dev/sdb1 /data ext4\n", part(1, uuid="r")) == {"/": "e11.0p1"}


def test_who_has_said_something_has_decided_for_the_rest() -> None:
    text = "/dev/sda1 / ext4\n/dev/sdb1 /data ext4\n"
    assert found(text, part(1), part(2), root=part(1)) == {"/": "e11.0p1"}


def test_the_root_has_to_be_known_whatever_was_said() -> None:
    with pytest.raises(ConfigError, match=re.compile(r"line 1: / \(ext4\)")):
        found("/dev/sda1 / ext4\n/dev/sdb1 /data ext4\n", part(1), part(2), part(3), data=part(1))


def test_a_partition_that_was_given_is_meant_for_nothing_else() -> None:
    with pytest.raises(ConfigError):
        found("/dev/sda1 / ext4\n/dev/sda2 /data ext4\n", part(1), data=part(1))


PARTITIONS = st.lists(
    st.builds(
        Device,
        st.sampled_from([f"/dev/etherd/e11.0p{number}" for number in range(1, 5)]),
        st.sampled_from([None, "ext4", "swap", "vfat", "btrfs"]),
        st.sampled_from([None, "a", "b"]),
        st.sampled_from([None, "root", "home", "x"]),
    ),
    max_size=4,
    unique_by=lambda device: device.path,
)
LINES = st.lists(
    st.sampled_from(
        [
            *("UUID=a / ext4", "LABEL=home /home ext4", "/dev/sda1 /boot/efi vfat", "/dev/sda2 none swap"),
            *("UUID=b / btrfs subvol=@", "UUID=b /home btrfs subvol=@home", "/dev/sdb1 /data ext4 nofail"),
        ]
    ),
    max_size=5,
)


@given(LINES, PARTITIONS)
def test_a_partition_is_never_shared_but_by_its_own_name(lines: list[str], partitions: list[Device]) -> None:
    parsed = parse("\n".join(lines).encode())
    try:
        devices = matched(parsed, {}, partitions, target=TARGET)
    except ConfigError:
        return
    for number, device in devices.items():
        line = parsed[number - 1]
        assert (device.fstype == "swap") == line.is_swap
        others = [each for other, each in devices.items() if other != number and each == device]
        assert not others or device.is_named_by(line.source) or "btrfs" in line.kinds
