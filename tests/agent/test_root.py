"""The new root: links resolved inside it, its init, what is left for it."""

import os
from pathlib import Path

import pytest

from tests.agent.machine import Machine


def plant(machine: Machine, links: dict[str, str], *files: str) -> None:
    """A root of symbolic links (path: where it points) and programs."""
    for path, target in links.items():
        link = machine.root / "sysroot" / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    for path in files:
        machine.put(f"sysroot/{path}", "")
        (machine.root / "sysroot" / path).chmod(0o755)


USR_MERGED = {"sbin": "usr/sbin", "lib": "usr/lib", "usr/sbin/init": "../lib/systemd/systemd"}


@pytest.mark.parametrize(
    ("links", "path", "resolved"),
    [
        ({}, "/sbin/init", "/sbin/init"),
        ({}, "//sbin/./../sbin//init", "/sbin/init"),
        ({}, "/../../x", "/x"),
        ({}, "", ""),
        (USR_MERGED, "/sbin/init", "/usr/lib/systemd/systemd"),
        ({"sbin/init": "/lib/systemd/systemd", "lib": "/usr/lib"}, "/sbin/init", "/usr/lib/systemd/systemd"),
        ({"a": "b/c", "b/c/d": "/e f"}, "/a/d/g", "/e f/g"),
        ({"a": "../../../etc"}, "/a/init", "/etc/init"),
        ({"a": "$(reboot)*"}, "/a", "/$(reboot)*"),
    ],
)
def test_links_are_followed_inside_the_root(
    machine: Machine, links: dict[str, str], path: str, resolved: str
) -> None:
    plant(machine, links)
    assert machine.run(f"resolve_in_root '{path}' && echo \"$resolved\"").output == f"{resolved}\n"


def chain(length: int) -> dict[str, str]:
    return {f"l{number}": f"l{number + 1}" for number in range(length)}


@pytest.mark.parametrize("links", [{"a": "a"}, {"a": "b", "b": "/a"}, {"a": "l0", **chain(40)}])
def test_links_without_end(machine: Machine, links: dict[str, str]) -> None:
    plant(machine, links)
    assert machine.run("resolve_in_root /a || echo endless").output == "endless\n"


def test_forty_links_are_not_too_many(machine: Machine) -> None:
    plant(machine, chain(40))
    assert machine.run('resolve_in_root /l0 && echo "$resolved"').output == "/l40\n"


def test_links_are_resolved_as_a_chroot_resolves_them(machine: Machine) -> None:
    """The oracle is the kernel: readlink -f in a chroot."""
    plant(
        machine,
        {**USR_MERGED, "x/up": "..", "x/abs": "/usr/../lib"},
        "usr/lib/systemd/systemd",
        "bin/busybox",
    )
    (machine.root / "sysroot/bin/busybox").unlink()
    os.link(machine.root / "bin/busybox", machine.root / "sysroot/bin/busybox")
    paths = ["/sbin/init", "/x/up/sbin/init", "/x/abs/systemd/systemd", "/lib/./systemd/../systemd/systemd"]
    for path in paths:
        expected = machine.run(f"chroot /sysroot /bin/busybox readlink -f '{path}'").output
        assert machine.run(f"resolve_in_root '{path}' && echo \"$resolved\"").output == expected


@pytest.mark.parametrize(
    ("links", "files", "found"),
    [
        (USR_MERGED, ["usr/lib/systemd/systemd"], "/sbin/init"),
        ({"sbin/init": "/gone"}, ["bin/init"], "/bin/init"),
        ({}, ["etc/init", "bin/init"], "/etc/init"),
        ({}, ["usr/lib/systemd/systemd"], "/usr/lib/systemd/systemd"),
        ({}, ["sbin/init/folder", "bin/init"], "/bin/init"),
    ],
)
def test_the_first_init_that_can_run_is_used(
    machine: Machine, links: dict[str, str], files: list[str], found: str
) -> None:
    plant(machine, links, *files)
    assert machine.run('find_init; echo "$new_init"').output == f"{found}\n"


def test_an_init_that_is_not_executable_is_passed_over(machine: Machine) -> None:
    plant(machine, {}, "sbin/init", "bin/init")
    (machine.root / "sysroot/sbin/init").chmod(0o644)
    assert machine.run('find_init; echo "$new_init"').output == "/bin/init\n"


def test_the_init_that_was_asked_for(machine: Machine) -> None:
    plant(machine, {}, "sbin/init", "opt/my init")
    assert machine.run("init='/opt/my init'; find_init; echo \"$new_init\"").output == "/opt/my init\n"


def test_the_state_names_the_first_of_several_interfaces(machine: Machine) -> None:
    machine.plug_in("aoe0", 2)
    machine.run(
        "mkdir -p /run/aoeinit; target_answers e1.2 aoe0,aoe1; target=e1.2; root=/dev/etherd/e1.2\n"
        "echo '/dev/etherd/e1.2 /sysroot xfs ro 0 0' >>/proc/mounts; write_state"
    )
    assert machine.read("run/aoeinit/state").splitlines() == [
        "target=e1.2",
        "device=/dev/etherd/e1.2",
        "interface=aoe0,aoe1",
        "mac=52:54:00:00:00:02",
        "mtu=1500",
        "server=52:54:00:aa:bb:cc",
        "paths=52:54:00:aa:bb:cc",
        "root=/dev/etherd/e1.2",
        "filesystem=xfs",
    ]


def test_what_cannot_be_moved_is_a_problem(machine: Machine) -> None:
    (machine.root / "sysroot/dev").mkdir()
    machine.on("mount dev", "false")
    outcome = machine.run("move_mounts")
    assert outcome.kmsg == ["<4>aoeinit: cannot move /dev into the new root"]
    assert outcome.log[1:] == ["umount -l /proc", "umount -l /sys", "umount -l /run"]


@pytest.mark.parametrize(
    ("devtmpfs", "present", "made"),
    [("", "", ["mknod /dev/etherd/x c 152 3"]), ("", "dev/etherd/x", []), ("1", "", [])],
)
def test_nodes_are_made_only_where_the_kernel_makes_none(
    machine: Machine,
    devtmpfs: str,
    present: str,
    made: list[str],
) -> None:
    machine.put("sys/class/aoe/x/dev", "152:3\n")
    if present:
        machine.put(present, "")
    assert machine.run(f"has_devtmpfs={devtmpfs}; make_node /dev/etherd/x c /sys/class/aoe/x/dev").log == made
    assert machine.run(f"has_devtmpfs={devtmpfs}; make_node /dev/none c /sys/none").log == made
    assert Path(machine.root / "dev/none").exists() is False
