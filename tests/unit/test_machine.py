from pathlib import Path

import pytest

from aoeinit.errors import ConfigError
from aoeinit.system import machine


@pytest.mark.parametrize(
    ("os_release", "name"),
    [
        ('NAME="Fedora Linux"\nID=fedora\n', "initramfs-6.1.0.img"),
        ("ID=debian\nVERSION_ID=12\n", "initrd.img-6.1.0"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "initrd.img-6.1.0"),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', "initrd-6.1.0"),
        ("ID=arch\nPRETTY_NAME='ID=debian'\n", "initramfs-6.1.0.img"),
        (None, "initramfs-6.1.0.img"),
    ],
)
def test_the_image_gets_the_name_of_the_distribution(
    tmp_path: Path, os_release: str | None, name: str
) -> None:
    if os_release is not None:
        (tmp_path / "etc").mkdir()
        (tmp_path / "etc/os-release").write_text(os_release)
    assert machine.default_output(tmp_path, "6.1.0") == tmp_path / "boot" / name


def test_the_last_mount_on_the_root_tells_its_type(tmp_path: Path) -> None:
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(
        "1 0 0:2 / / rw - rootfs none rw\n"
        "22 1 152:2 / / rw,relatime shared:1 - ext4 /dev/etherd/e11.0p2 rw\n"
        "23 22 0:21 / /proc rw shared:12 - proc proc rw\n"
        "nonsense\n"
    )
    assert machine.mounted_filesystem(mountinfo, "/") == "ext4"
    assert machine.mounted_filesystem(mountinfo, "/proc") == "proc"


def test_the_root_below_an_overlay_counts(tmp_path: Path) -> None:
    mountinfo = tmp_path / "mountinfo"
    assert machine.root_device(mountinfo) is None
    mountinfo.write_text("22 1 0:33 / / rw - overlay overlay rw\n")
    assert machine.root_device(mountinfo) is None
    with mountinfo.open("a") as more:
        more.write("23 22 152:2 / /run/aoeinit/lower ro - ext4 /dev/etherd/e11.0p2 ro\n")
    assert machine.root_device(mountinfo) == "/dev/etherd/e11.0p2"


@pytest.mark.parametrize(
    ("device", "answer"),
    [
        ("/dev/etherd/e11.0p2", "True"),
        ("/dev/md7", "True"),
        ("/dev/sda2", "False"),
        ("/dev/md8", "False"),
        ("/dev/root", "None"),
        ("/dev/loop7", "None"),
    ],
)
def test_what_is_made_of_a_target_is_on_it(device: str, answer: str, tmp_path: Path) -> None:
    below = {"md7": ("sda2", "etherd!e11.0p1"), "md8": ("sda2",), "sda2": (), "loop7": ()}
    for name, parts in below.items():
        for part in (".", *parts):
            (tmp_path / "class/block" / name / "slaves" / part).mkdir(parents=True, exist_ok=True)
    assert str(machine.is_on_target(device, tmp_path)) == answer


@pytest.mark.parametrize(
    ("fstab", "kind"),
    [
        ("# / ext3\nUUID=1 /boot ext2 defaults 0 2\nUUID=2\t/\txfs defaults 0 1\n", "xfs"),
        ("UUID=2 / btrfs\n", "btrfs"),
        ("#UUID=2 / btrfs\n", None),
        ("UUID=2 / auto defaults 0 0\n", None),
        ("", None),
    ],
)
def test_fstab_tells_the_type_of_another_root(tmp_path: Path, fstab: str, kind: str | None) -> None:
    (tmp_path / "fstab").write_text(fstab)
    assert machine.fstab_filesystem(tmp_path / "fstab") == kind


def test_without_proc_the_type_of_the_root_is_unknown(tmp_path: Path) -> None:
    assert machine.mounted_filesystem(tmp_path / "mountinfo", "/") is None


def test_an_unknown_root_type_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        machine.root_filesystem(tmp_path)
    assert str(tmp_path / "etc/fstab") in caught.value.message
    assert "--filesystem" in str(caught.value.hint)


@pytest.mark.parametrize("kind", ["overlay", "tmpfs", "nfs4"])
def test_a_root_that_no_target_can_hold_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/fstab").write_text(f"{kind} / {kind} defaults 0 0\n")
    with pytest.raises(ConfigError, match=f"has a root of {kind}") as caught:
        machine.root_filesystem(tmp_path)
    assert "--filesystem" in str(caught.value.hint)


def test_the_running_root_has_a_type() -> None:
    found = machine.mounted_filesystem(Path("/proc/self/mountinfo"), "/")
    assert found is not None
    assert found.isidentifier()


@pytest.mark.parametrize(("value", "seconds"), [(None, 0), ("", 0), ("0", 0), ("1700000000", 1700000000)])
def test_source_date_epoch_is_honoured(
    monkeypatch: pytest.MonkeyPatch, value: str | None, seconds: int
) -> None:
    if value is None:
        monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    else:
        monkeypatch.setenv("SOURCE_DATE_EPOCH", value)
    assert machine.source_date_epoch() == seconds


@pytest.mark.parametrize("value", ["yesterday", "-1", "1.5", "4294967296", "\u0661"])
def test_an_impossible_source_date_epoch_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", value)
    with pytest.raises(ConfigError, match="SOURCE_DATE_EPOCH"):
        machine.source_date_epoch()
