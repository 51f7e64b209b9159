from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aoeinit.errors import AoeinitError
from aoeinit.install.migrate.layout import lay_out, wanted_of
from aoeinit.install.migrate.layout_file import read_layout
from aoeinit.install.migrate.preflight import (
    Facts,
    TargetFacts,
    left_behind,
    may_start,
    needed_programs,
    preflight,
    rehearse,
)
from aoeinit.install.migrate.progress import Progress
from aoeinit.install.migrate.source import Source
from aoeinit.install.migrate.steps import steps
from tests.unit.migrate_samples import (
    DISK,
    GIB,
    debian,
    device,
    fedora_btrfs,
    fedora_lvm,
    migration_of,
    mounted,
    source_of,
    swaps,
)

EMPTY = TargetFacts(DISK, "0x4019", "52:54:00:11:ff:01", "enp0s3", (), (), ours=False)
NO_AOE = AoeinitError("kernel 5.14 has no aoe driver", "use another")


def facts_of(source: Source, **changes: Any) -> Facts:  # noqa: ANN401 - any fact
    layout = lay_out(wanted_of(source), 100 << 30, firmware=source.firmware)
    good = Facts(
        source=source,
        target=EMPTY,
        layout=layout,
        programs=needed_programs(layout),
        kernels={"6.1.0-42-amd64": None},
        running=frozenset({"systemd", "sshd"}),
        interface="enp0s3",
        mac="52:54:00:11:00:01",
        command="/opt/aoeinit/bin/aoeinit",
    )
    return replace(good, **changes)


@pytest.mark.parametrize("source", [debian(), fedora_lvm(), fedora_btrfs()], ids=["debian", "lvm", "btrfs"])
def test_nothing_speaks_against_what_installers_make(source: Source) -> None:
    assert preflight(facts_of(source)) == ()


def with_target(**changes: Any) -> Mapping[str, Any]:  # noqa: ANN401 - any fact
    return {"target": replace(EMPTY, **changes)}


@pytest.mark.parametrize(
    ("changes", "text", "hint"),
    [
        (with_target(used_by=("it is mounted",)), "e11.0 is in use: it is mounted", "unmount it"),
        (with_target(holds=("dos at 0x1fe",)), "e11.0 is not empty: dos at 0x1fe", "--wipe"),
        (with_target(data=314572800), "data of no known kind, the first seen at byte 314572800", "--wipe"),
        (with_target(within="/srv"), "e11.0 lies on the file system of /srv, which is copied", "put it on"),
        (with_target(holds=("dos",), ours=True), "an earlier migration of this system", "--resume goes on"),
        ({"target": AoeinitError("no answer", "see the server")}, "no answer", "see the server"),
        ({"layout": AoeinitError("too small", "make it larger")}, "too small", "make it larger"),
        (
            {"programs": frozenset({"mount", "umount", "findmnt", "sfdisk", "mkswap", "mkfs.ext4"})},
            "rsync",
            "rsync",
        ),
        (
            {"programs": needed_programs(lay_out((), 1 << 30, firmware="bios"))},
            "mkfs.ext4 is not",
            "e2fsprogs",
        ),
        ({"kernels": {}}, "no kernel with modules", "package"),
        ({"kernels": {"5.14": NO_AOE}}, "no aoe driver", "use another"),
        (
            {"kernels": {"5.14": None, "6.1": NO_AOE}},
            "GRUB starts the newest kernel first, 6.1, and",
            "remove that kernel",
        ),
        ({"interface": AoeinitError("which interface?", "--interface")}, "which interface", "--interface"),
    ],
)
def test_each_of_these_keeps_a_migration_from_starting(changes: dict[str, Any], text: str, hint: str) -> None:
    findings = preflight(facts_of(debian(), **changes))
    assert not may_start(findings)
    assert any(text in each.text and hint in each.hint for each in findings)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            source_of(
                [mounted("/", "/dev/mapper/root")],
                [device("/dev/sda", "disk", device("/dev/mapper/root", "crypt"))],
            ),
            "/ is encrypted",
        ),
        (
            source_of(
                [mounted("/", "/dev/sda1")],
                [device("/dev/sda", "disk", device("/dev/mapper/swap", "crypt"))],
                swap=swaps(("/dev/mapper/swap", "partition", 65532)),
            ),
            "swap on /dev/mapper/swap is encrypted",
        ),
        (source_of([mounted("/", "/dev/sda1", "jfs")]), "/ is jfs, which cannot be made"),
        (
            source_of([mounted("/", "/dev/sda1"), mounted("/usr", "/dev/sda2")], fstab=["/usr"]),
            "/usr has a partition of its own",
        ),
        (source_of([mounted("/", "/dev/sda1")], firmware="efi"), "no EFI system partition"),
    ],
)
def test_what_cannot_be_moved_is_refused(source: Source, text: str) -> None:
    findings = preflight(facts_of(source))
    assert not may_start(findings)
    assert any(text in each.text for each in findings)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"running": frozenset({"postgres", "mariadbd"})}, "running while it is copied: MariaDB, PostgreSQL"),
        ({"kernels": {"5.14": NO_AOE, "6.1": None}}, "no image for kernel 5.14"),
        ({"mtu": 9000}, "enp0s3 has an MTU of 9000, and would get it under the root, too: rd.aoe.mtu=9000"),
        ({"command": None}, "new kernels will get no image"),
        (
            {"source": replace(fedora_btrfs(), snapshots=("a", "b"))},
            "snapshots of Btrfs are not copied: a, b",
        ),
        ({"source": replace(fedora_btrfs(), snapshots=tuple("abcde"))}, "not copied: a, b, c and 2 more"),
        (
            {"source": source_of([mounted("/", "/dev/sda1"), mounted("/srv/disk", "/dev/sdb1")])},
            "not copied: /srv/disk",
        ),
    ],
)
def test_these_are_warnings_only(changes: dict[str, Any], text: str) -> None:
    findings = preflight(replace(facts_of(debian()), **changes))
    assert may_start([each for each in findings if text in each.text])
    assert any(text in each.text for each in findings)


def test_a_file_is_called_as_it_was_named() -> None:
    disk = replace(DISK, node="/dev/loop0", given="/srv/e11.img")
    (found,) = preflight(facts_of(debian(), target=replace(EMPTY, disk=disk, holds=("dos",))))
    assert found.text == "/srv/e11.img is not empty: dos"


def test_all_is_told_at_once_errors_first() -> None:
    findings = preflight(
        facts_of(
            debian(),
            target=replace(EMPTY, holds=("dos",), used_by=("a mount",)),
            kernels={},
            running=frozenset({"mysqld"}),
        )
    )
    assert [each.level for each in findings] == ["error"] * 3 + ["warning"]


def test_a_target_that_holds_something_is_taken_with_wipe_only_and_our_own_with_resume() -> None:
    holding, ours = (replace(EMPTY, holds=("dos",), ours=ours) for ours in (False, True))
    assert may_start(preflight(facts_of(debian(), target=holding), wipe=True))
    assert may_start(preflight(facts_of(debian(), target=replace(EMPTY, data=0)), wipe=True))
    assert not may_start(preflight(facts_of(debian(), target=holding), resume=True))
    assert may_start(preflight(facts_of(debian(), target=ours), resume=True))


def test_sticks_and_the_like_are_not_mentioned() -> None:
    mounts = [
        mounted("/", "/dev/sda1"),
        mounted("/media/stick", "/dev/sdb1"),
        mounted("/run/media/x", "/dev/sdc1"),
    ]
    assert preflight(facts_of(source_of(mounts, fstab=["/"]))) == ()


def test_only_the_programs_that_a_layout_needs_are_asked_for() -> None:
    programs = needed_programs(lay_out(wanted_of(fedora_btrfs()), 20 << 30, firmware="efi"))
    assert {"mkfs.btrfs", "btrfs", "mkfs.ext4", "mkfs.vfat"} <= programs
    assert not {"mkfs.xfs", "mkswap"} & programs


@pytest.mark.parametrize(
    ("root", "home", "fits"), [(3, 3, False), (1, 9, False), (6, 3, False), (6, 5, True), (2, 9, True)]
)
def test_the_parts_of_a_file_system_need_its_room_together(root: int, home: int, *, fits: bool) -> None:
    source = source_of([mounted("/", "/dev/sda1", used=9 * GIB, size=20 * GIB)])
    parts = (("/", root), ("/home", home))
    text = "".join(f'[[partition]]\nmount = "{point}"\nsize = "{size}G"\n' for point, size in parts)
    layout = lay_out(read_layout(text.encode(), source, "x").wanted, 20 * GIB, firmware="bios")
    findings = preflight(facts_of(source, layout=layout))
    assert may_start(findings) == fits
    if not fits:
        said = f"/ and /home are to hold 10266 MiB together, and get {(root + home) * 1024}"
        assert [each.text.partition(":")[0] for each in findings] == [said]


def test_what_would_stop_a_step_on_the_copy_is_found_on_the_source(tmp_path: Path) -> None:
    findings = list(rehearse(steps(migration_of(debian())), tmp_path))
    said = {each.text.partition(":")[0]: each.level for each in findings}
    assert said["fstab"] == said["network"] == said["GRUB"] == "error"
    assert "partition table" not in said


def test_what_planners_warn_of_is_told_beforehand(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/fstab").write_text("LABEL=old /srv ext4 defaults 0 2\nUUID=a / ext4 defaults 0 1\n")
    findings = list(rehearse(steps(migration_of(debian())), tmp_path))
    assert any(
        "/etc/fstab: line 1: /srv is on LABEL=old" in each.text and each.level == "warning"
        for each in findings
    )


def test_a_bridge_that_takes_the_card_in_keeps_a_migration_from_starting(tmp_path: Path) -> None:
    (tmp_path / "etc/network").mkdir(parents=True)
    (tmp_path / "sbin").mkdir()
    (tmp_path / "sbin/ifup").touch()
    (tmp_path / "etc/network/interfaces").write_text(
        "auto br0\niface br0 inet dhcp\n    bridge_ports enp0s3\n"
    )
    findings = [
        each for each in rehearse(steps(migration_of(debian())), tmp_path) if "part of br0" in each.text
    ]
    assert [each.level for each in findings] == ["error"]


def test_who_goes_on_after_a_comparison_is_told_that_files_are_not_copied_again() -> None:
    made = migration_of(debian())
    begun = Progress(made.identity, DISK.size, made.layout, 1_000_000_000.0, ("copy /",))
    assert list(left_behind(None)) == list(left_behind(begun)) == []
    (found,) = left_behind(begun.after("compare /"))
    assert found.level == "warning"
    assert "by the run of 2001-09-" in found.text
