import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoeinit.aoe.target import Target
from aoeinit.errors import ConfigError
from aoeinit.install.fstab.device import Device
from aoeinit.install.fstab.lines import Line, escaped, parse, shown, unescaped
from aoeinit.install.fstab.plan import By, FstabPlan, plan_fstab
from tests.unit.fstab_samples import SAMPLES, TARGET, Sample, part

ROOT = {"/": part(1)}


def plan(text: str | bytes, mounts: Mapping[str, Device], *swaps: Device, by: By = By.PATH) -> FstabPlan:
    raw = text if isinstance(text, bytes) else text.encode()
    return plan_fstab(raw, mounts, swaps, target=TARGET, by=by)


def moved(text: str, device: Device, by: By = By.PATH) -> str:
    """What a single line becomes whose mount point, or swap, is on the device."""
    line = parse(text.encode())[0]
    mounts, swaps = ({}, [device]) if line.is_swap else ({line.mount_point: device}, [])
    return plan(text, mounts, *swaps, by=by).text.decode()


def warnings(text: str, device: Device | None = None) -> str:
    line = parse(text.encode())[0]
    if device is None:
        found = plan(text, {})
    elif line.is_swap:
        found = plan(text, {}, device)
    else:
        found = plan(text, {line.mount_point: device})
    return "\n".join(each for each in found.warnings if not each.startswith("no line mounts /:"))


# What installers and people write, with all that is odd.
SOURCES = st.sampled_from(
    [
        *(b"/dev/sda1", b"UUID=aa", b'UUID="aa"', b"LABEL=x\\040y", b"PARTUUID=bb", b"/dev/mapper/vg-root"),
        *(b"/dev/disk/by-uuid/aa", b"/dev/etherd/e11.0p1", b"/dev/etherd/e12.0", b"tmpfs", b"#x", b"//s/c"),
        *(b"/swap.img", b"LABEL=\xff", b"/dev/zram0", b"server:/export", b"UUID=", b"UUID=new-1"),
    ]
)
POINTS = st.sampled_from(
    [b"/", b"/home", b"/home/", b"//home", b"/srv", b"/var", b"none", b"swap", b"/a\\040b", b"x", b"/\xe9"]
)
KINDS = st.sampled_from(
    [b"ext4", b"ext3", b"xfs", b"btrfs", b"auto", b"swap", b"ext4,xfs", b"vfat", b"nfs", b"none"]
)
OPTIONS = st.sampled_from(
    [
        b"defaults",
        b"subvol=@home",
        b"bind",
        b"_netdev",
        b"nofail,noatime",
        b"subvolid=256",
        b",",
        b"errors=remount-ro",
    ]
)
BLANKS = st.sampled_from([b" ", b"\t", b" \t  "])


@st.composite
def entries(draw: st.DrawFn) -> bytes:
    fields = [
        draw(SOURCES),
        draw(POINTS),
        draw(KINDS),
        draw(OPTIONS),
        draw(st.sampled_from([b"0", b"1", b"z"])),
    ]
    kept = fields[: draw(st.integers(1, 5))]
    body = b"".join(field + draw(BLANKS) for field in kept[:-1]) + kept[-1]
    return draw(st.sampled_from([b"", b" "])) + body + draw(st.sampled_from([b"", b"  "]))


@st.composite
def files(draw: st.DrawFn) -> bytes:
    ends = st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\r\r\n"])
    lines = draw(st.lists(st.one_of(entries(), st.binary(max_size=12)), max_size=5))
    return b"".join(line + draw(ends) for line in lines[:-1]) + b"".join(lines[-1:])


def devices(*kinds: str | None) -> st.SearchStrategy[Device]:
    return st.builds(
        Device,
        st.sampled_from(
            ["/dev/etherd/e11.0p1", "/dev/etherd/e11.0p2", "/dev/etherd/e12.0p1", "/dev/mapper/a b"]
        ),
        st.sampled_from(kinds),
        st.sampled_from(["aa", "new-1", "new-2"]),
        st.sampled_from([None, "x y"]),
    )


# The command refuses swap at a mount point, and a file system as swap, before anything is planned.
MOUNTS = st.dictionaries(
    st.sampled_from(["/", "/home", "/srv", "/var", "/a b"]), devices(None, "ext4", "ext3", "xfs", "btrfs")
)
SWAPS = st.lists(devices(None, "swap"), max_size=2)
BYS = st.sampled_from(By)


@given(st.one_of(st.binary(), files()))
def test_any_file_can_be_taken_apart_and_put_together_again(text: bytes) -> None:
    assert b"".join(line.raw for line in parse(text)) == text


@given(st.one_of(st.binary(), files()), BYS)
def test_a_plan_without_devices_changes_nothing(text: bytes, by: By) -> None:
    found = plan_fstab(text, {}, target=TARGET, by=by)
    assert (found.text, found.changes) == (text, ())


@given(files(), MOUNTS, SWAPS, BYS)
def test_a_second_run_changes_nothing(
    text: bytes, mounts: dict[str, Device], swaps: list[Device], by: By
) -> None:
    once = plan_fstab(text, mounts, swaps, target=TARGET, by=by)
    twice = plan_fstab(once.text, mounts, swaps, target=TARGET, by=by)
    assert (twice.text, twice.changes) == (once.text, ())


@given(files(), MOUNTS, SWAPS, BYS)
def test_only_lines_of_what_was_moved_change(
    text: bytes, mounts: dict[str, Device], swaps: list[Device], by: By
) -> None:
    found = plan_fstab(text, mounts, swaps, target=TARGET, by=by)
    before, after = text.split(b"\n"), found.text.split(b"\n")
    assert len(before) == len(after)
    changed = [number for number, (old, new) in enumerate(zip(before, after, strict=True), 1) if old != new]
    assert changed == [each.number for each in found.changes]
    shared = {device.path for device in mounts.values()} | {
        f"UUID={device.uuid}" for device in mounts.values()
    }
    for number in changed:
        old, new = Line.parse(number, before[number - 1]), Line.parse(number, after[number - 1])
        of_btrfs = "btrfs" in old.kinds and new.source in shared
        assert old.mount_point in mounts or (old.is_swap and swaps) or of_btrfs
        # The mount point, the numbers and all options stay, and so do the blanks and the end.
        assert new.fields[1] == old.fields[1]
        assert new.fields[4:] == old.fields[4:]
        assert new.options in {old.options, (*old.options, "_netdev")}
        assert new.end == old.end
        assert (
            re.findall(rb"[ \t]+", new.body)[: len(old.fields) - 1]
            == re.findall(rb"[ \t]+", old.body)[: len(old.fields) - 1]
        )


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1))
def test_what_was_escaped_is_one_field_and_reads_the_same(text: str) -> None:
    field = escaped(text)
    assert not re.search(rb"[ \t\n]", field)
    assert unescaped(field) == text.encode()


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_files_of_installers_are_moved(sample: Sample) -> None:
    found = plan(sample.text, sample.mounts, *sample.swaps)
    expected = sample.text.split("\n")
    for number, line in sample.changed.items():
        expected[number - 1] = line
    assert found.text.decode().split("\n") == expected


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_files_of_installers_name_uuids_if_asked_to(sample: Sample) -> None:
    found = plan(sample.text, sample.mounts, *sample.swaps, by=By.UUID)
    devices = {**sample.mounts, "swap": sample.swaps[0] if sample.swaps else part(9)}
    for line in parse(found.text):
        point = "swap" if line.is_entry and line.is_swap else line.mount_point if line.is_entry else ""
        if line.number in sample.changed and point in devices:
            assert line.fields[0].decode() == f"UUID={devices[point].uuid}"


@pytest.mark.parametrize(
    "line",
    [
        "# /dev/sda1 / ext4 defaults 0 1",
        "/home / none bind 0 0",
        "/dev/sda1 / none defaults,rbind 0 0",
        "tmpfs / tmpfs size=1g 0 0",
        "proc / proc defaults 0 0",
        "server:/export / nfs defaults 0 0",
        "//server/share / cifs credentials=/etc/c 0 0",
        "/dev/zram0 / ext4 defaults 0 0",
        "/dev/etherd/e11.0p1 / ext4 defaults 0 1",
        "  /dev/etherd/e11.0p1\t/ ext4",
    ],
)
def test_lines_that_are_no_disk_or_name_the_right_one_stay(line: str) -> None:
    assert moved(line, part(1)) == line


@pytest.mark.parametrize(
    ("line", "device", "expected"),
    [
        ("UUID=a / ext3 defaults", part(1, "ext4"), "/dev/etherd/e11.0p1 / ext4 defaults"),
        ("UUID=a / ext4 defaults", part(1, "ext3"), "/dev/etherd/e11.0p1 / ext4 defaults"),
        ("UUID=a / auto defaults", part(1, "xfs"), "/dev/etherd/e11.0p1 / auto defaults"),
        ("UUID=a / xfs,ext4 defaults", part(1, "ext4"), "/dev/etherd/e11.0p1 / xfs,ext4 defaults"),
        ("UUID=a /w ntfs3 defaults", part(1, "ntfs"), "/dev/etherd/e11.0p1 /w ntfs3 defaults"),
        ("UUID=a / ext4 defaults", Device("/dev/etherd/e11.0p1"), "/dev/etherd/e11.0p1 / ext4 defaults"),
        ("UUID=a / ext4\r\n", part(1), "/dev/etherd/e11.0p1 / ext4\r\n"),
        ('UUID="a"\t/a\\040b\text4', part(1), "/dev/etherd/e11.0p1\t/a\\040b\text4"),
        (
            "UUID=a / ext4 discard,nofail,x-systemd.device-timeout=5 1 1 # mine",
            part(1),
            "/dev/etherd/e11.0p1 / ext4 discard,nofail,x-systemd.device-timeout=5 1 1 # mine",
        ),
        ("UUID=a /home/ ext4", Device("/dev/mapper/a b"), "/dev/mapper/a\\040b /home/ ext4"),
    ],
)
def test_a_line_changes_no_more_than_it_has_to(line: str, device: Device, expected: str) -> None:
    assert moved(line, device) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("UUID=new-1", "UUID=new-1"),
        ('UUID="NEW-1"', 'UUID="NEW-1"'),
        ("/dev/disk/by-uuid/new-1", "/dev/disk/by-uuid/new-1"),
        ("LABEL=my\\040root", "LABEL=my\\040root"),
        ("/dev/disk/by-label/my\\x20root", "/dev/disk/by-label/my\\x20root"),
        ("LABEL=another", "UUID=new-1"),
        ("ID=nvme-1", "UUID=new-1"),
        ("/dev/etherd/e11.0p1", "UUID=new-1"),
        ("/dev/sda1", "UUID=new-1"),
    ],
)
def test_by_uuid_keeps_what_names_the_device_already(source: str, expected: str) -> None:
    assert moved(f"{source} / ext4", part(1, label="my root"), By.UUID) == f"{expected} / ext4"


def test_by_uuid_needs_one() -> None:
    with pytest.raises(ConfigError, match=r"/dev/etherd/e11\.0p1 has no UUID"):
        moved("/dev/sda1 / ext4", Device("/dev/etherd/e11.0p1"), By.UUID)


@pytest.mark.parametrize(
    ("point", "device", "netdev"),
    [
        ("/", "e11.0p1", False),
        ("/home", "e11.0p1", False),
        ("/srv", "e12.0p1", True),
        ("/home", "e12.0", True),
        ("/", "e12.0p1", False),
        ("/usr", "e12.0p1", False),
        ("/var/lib", "e12.0p1", False),
        ("/tmp", "e12.0p1", False),  # noqa: S108 - a mount point
        ("/variety", "e12.0p1", True),
    ],
)
def test_only_what_is_on_another_target_and_not_needed_early_waits_for_the_network(
    point: str,
    device: str,
    netdev: bool,  # noqa: FBT001 - a column of the table
) -> None:
    line = moved(f"/dev/sda1 {point} ext4 defaults 0 2", Device(f"/dev/etherd/{device}", "ext4"))
    assert line == f"/dev/etherd/{device} {point} ext4 defaults{',_netdev' if netdev else ''} 0 2"


def test_a_line_without_options_gets_them() -> None:
    assert (
        moved("/dev/sda1 /srv ext4\n", Device("/dev/etherd/e12.0")) == "/dev/etherd/e12.0 /srv ext4 _netdev\n"
    )


@pytest.mark.parametrize(
    ("line", "device", "warning"),
    [
        ("UUID=a none swap sw", part(1, "swap"), "line 1: swap over the network .* can deadlock .* zram"),
        ("/dev/etherd/e11.0p3 none swap sw", None, "swap over the network"),
        ("/swap.img none swap sw", None, r"swap over the network \(/swap.img\)"),
        ("/dev/zram0 none swap sw", None, None),
        ("UUID=a none swap sw", None, "swap is on UUID=a, not on e11.0, .* waits 90 s .* nofail"),
        ("/dev/sdb1 /data xfs defaults", None, "/data is on /dev/sdb1, not on e11.0, .* nofail"),
        ("/dev/sdb1 /data xfs nofail", None, None),
        ("/dev/sr0 /media/cdrom0 iso9660 noauto", None, None),
        ("/dev/sdb1 /data xfs x-systemd.automount", None, None),
        ("/dev/etherd/e11.0p7 /data xfs defaults", None, None),
        ("nonsense", None, "line 1: it has 1 of the fields"),
        ("/dev/sda1 data ext4 defaults", None, "line 1: data is no mount point"),
        ('LABEL="my root" / ext4 defaults', None, r'line 1: root" is no mount point'),
        ("/dev/sda1 / ext4 defaults 0 x", None, "line 1: x is no number"),
        ("/dev/sda1 / ext4 a\0b 0 0", None, "line 1: it holds a NUL byte"),
        (
            "UUID=a / xfs errors=remount-ro,ro",
            part(1, "ext4"),
            "is ext4 now: see .* options errors=remount-ro$",
        ),
        ("UUID=a / ext3 data=journal", part(1, "ext4"), None),
        ("UUID=a / ext4 noatime,x-a=b", part(1, "xfs"), None),
        ("UUID=a / btrfs subvolid=256", part(1, "btrfs"), "subvolid=.* use subvol="),
        ("UUID=new-1 / btrfs subvolid=256", part(1, "btrfs"), None),
        ("UUID=a /var ext4 _netdev", part(1), "_netdev makes /var wait"),
        ("UUID=a /home ext4 _netdev", part(1), None),
        ("UUID=a /var ext4 defaults", Device("/dev/etherd/e12.0"), "/var is on e12.0; .* only e11.0 is sure"),
        ("UUID=a /home ext4 defaults", Device("/dev/sdc1"), "/dev/sdc1, which is no AoE device"),
        ("UUID=a / ext4 discard", part(1), None),
        ("tmpfs /tmp tmpfs defaults", None, None),
    ],
)
def test_what_the_user_should_know_is_said(line: str, device: Device | None, warning: str | None) -> None:
    found = warnings(line, device)
    assert re.search(warning, found) if warning else found == "", found


def test_what_cannot_be_understood_stays() -> None:
    text = b"/dev/sda1 root ext4\n/dev/sda1 / ext4 defaults 0 x\n"
    assert plan(text, ROOT).changes == ()


def test_of_two_lines_for_a_mount_point_the_first_is_moved_and_the_other_named() -> None:
    found = plan("/dev/sda1 / ext4\n/dev/sdb1 / ext4\n", ROOT)
    assert found.text == b"/dev/etherd/e11.0p1 / ext4\n/dev/sdb1 / ext4\n"
    assert "line 2: / is on /dev/sdb1, not on e11.0" in found.warnings[0]


def test_swaps_go_to_the_lines_in_their_order() -> None:
    found = plan(
        "/swap.img none swap\n/dev/sda1 none swap\n/dev/sda2 swap swap\n",
        {},
        part(1, "swap"),
        part(2, "swap"),
    )
    assert found.text == (
        b"/swap.img none swap\n/dev/etherd/e11.0p1 none swap\n/dev/etherd/e11.0p2 swap swap\n"
    )


def test_missing_lines_are_told_and_not_added() -> None:
    found = plan("", {"/": part(1), "/srv": part(2, "xfs")}, part(3, "swap"))
    assert found.text == b""
    assert [warning.rpartition(": ")[2] for warning in found.warnings[1:]] == [
        "/dev/etherd/e11.0p1 / ext4 defaults 0 1",
        "/dev/etherd/e11.0p2 /srv xfs defaults 0 2",
        "/dev/etherd/e11.0p3 none swap sw 0 0",
    ]
    assert found.warnings[0].startswith("no line mounts /:")


def test_other_subvolumes_follow_the_first_only_if_it_stays_a_btrfs() -> None:
    text = "UUID=a / btrfs subvol=@\nUUID=a /home btrfs subvol=@home\n"
    assert (
        plan(text, {"/": part(2, "ext4")}).text.decode().splitlines()[1] == "UUID=a /home btrfs subvol=@home"
    )


def test_a_line_that_names_the_device_already_is_one_of_its_subvolumes() -> None:
    text = "UUID=a /home btrfs subvol=@home\n/dev/etherd/e12.0p1 /srv btrfs subvol=@srv\n"
    found = plan(text, {"/home": Device("/dev/etherd/e12.0p1", "btrfs")})
    assert [line.options[-1] for line in parse(found.text)] == ["_netdev", "_netdev"]


def test_what_is_shown_can_harm_no_terminal() -> None:
    assert shown(b"/a\x1b[31m\xff") == r"/a\x1b[31m\xff"


def test_another_target_as_the_boot_target_is_respected() -> None:
    found = plan_fstab(b"UUID=a /srv ext4 rw\n", {"/srv": part(1)}, target=Target(12, 0))
    assert found.text == b"/dev/etherd/e11.0p1 /srv ext4 rw,_netdev\n"
