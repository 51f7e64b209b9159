"""Faults to be planted in a system that has none, and the finding that each is to give."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aoeinit.inspect.reading import read_image
from tests.unit import doctor_samples as sample
from tests.unit.doctor_samples import IMAGE, KERNEL, MENU, ROOT, respell, spoil_image
from tests.unit.grub_samples import DEBIAN_DEFAULTS
from tests.unit.inspect_samples import PROGRAM, Made, archive
from tests.unit.kernel_samples import FOLDER, RELEASE, module_elf, path_of
from tests.unit.system_sample import CARD

OTHER = "6.2.0-test"
LINUX = f"root={ROOT} ro quiet"

Plant = Callable[[Path], object]


@dataclass(frozen=True)
class Fault:
    """What is done to the system, and the finding: a part of its words, and whether it is an error."""

    plant: Plant
    what: str
    fatal: bool = True


def respelled(path: str, old: str, new: str) -> Plant:
    return lambda sysroot: respell(sysroot, path, old, new)


def written(path: str, text: str) -> Plant:
    def plant(sysroot: Path) -> None:
        (sysroot / path).parent.mkdir(parents=True, exist_ok=True)
        (sysroot / path).write_text(text)

    return plant


def removed(*paths: str) -> Plant:
    def plant(sysroot: Path) -> None:
        for path in paths:
            (sysroot / path).unlink()

    return plant


def without(*names: str) -> Plant:
    return lambda sysroot: spoil_image(sysroot / IMAGE, lambda path: not path.endswith(names))


def both(*plants: Plant) -> Plant:
    def plant(sysroot: Path) -> None:
        for each in plants:
            each(sysroot)

    return plant


def ignorant(sysroot: Path) -> None:
    """Leave of an image what another tool would put into it, and an init that knows nothing."""
    items = read_image((sysroot / IMAGE).read_bytes()).items
    made = [
        Made(each.path, each.mode, each.link.encode() if each.is_link else each.content or b"")
        for each in items
        if "aoeinit" not in each.path and each.path != "init" and not each.is_device
    ]
    script = Made("init", PROGRAM, b"#!/bin/sh\nmount /dev/sda1 /root\n")
    (sysroot / IMAGE).write_bytes(archive([*made, script]))


def folder_for_image(sysroot: Path) -> None:
    (sysroot / IMAGE).unlink()
    (sysroot / IMAGE).mkdir()


def of_another_release(sysroot: Path) -> None:
    (sysroot / KERNEL).write_bytes(sample.bzimage(OTHER))


def another_kernel(sysroot: Path) -> None:
    (sysroot / f"boot/vmlinuz-{OTHER}").write_bytes(sample.bzimage(OTHER))
    shutil.copytree(sysroot / FOLDER, sysroot / f"lib/modules/{OTHER}")


def newer_module(sysroot: Path) -> None:
    (sysroot / FOLDER / path_of("ext4")).write_bytes(module_elf("ext4", firmware=("new.bin",)))


def without_aoe(sysroot: Path) -> None:
    respell(sysroot, f"{FOLDER}/modules.dep", f"{path_of('aoe')}:\n", "")


def truncated(sysroot: Path) -> None:
    content = (sysroot / IMAGE).read_bytes()
    (sysroot / IMAGE).write_bytes(content[: len(content) // 2])


def empty_boot(sysroot: Path) -> None:
    shutil.rmtree(sysroot / "boot")
    (sysroot / "boot").mkdir()


def pinned_by_title(sysroot: Path) -> None:
    """Let GRUB start the second entry, whose image is not there."""
    title = f"Advanced options for Debian GNU/Linux>Debian GNU/Linux, with Linux {RELEASE}"
    before, image, after = (sysroot / MENU).read_text().rpartition(f"/initrd.img-{RELEASE}")
    menu = f"{before}{image}-gone{after}".replace("${saved_entry}", title)
    (sysroot / MENU).write_text(menu)


def executable(path: str) -> Plant:
    return lambda sysroot: (sysroot / path).chmod(0o755)


def migration(done: str) -> Plant:
    return written("etc/aoeinit/migrate.json", f'{{"target": "e11.0", "done": {done}}}')


def parameter(words: str) -> Plant:
    return respelled(MENU, LINUX, f"{LINUX} {words}")


FSTAB = "etc/fstab"
INTERFACES = "etc/network/interfaces"
BRIDGE = f"auto br0\niface br0 inet dhcp\n  bridge-ports {CARD.name}\n"

FAULTS = {
    "image gone": Fault(removed(IMAGE), f"names the image /initrd.img-{RELEASE}, which is not there"),
    "image cut short": Fault(truncated, "is cut short"),
    "image empty": Fault(written(IMAGE, ""), "no initramfs: it is empty"),
    "image is text": Fault(written(IMAGE, "Error 404"), "no initramfs: at offset 0"),
    "image is a folder": Fault(
        folder_for_image,
        f"names the image /initrd.img-{RELEASE}, which is not there",
    ),
    "image without aoe": Fault(without("/aoe.ko"), "/kernel/aoe.ko is listed in modules.dep but not there"),
    "image without the card's driver": Fault(without("/nic.ko"), "lacks the module nic"),
    "image without the file system": Fault(without("/ext4.ko"), "lacks the module ext4"),
    "image without init": Fault(without("init"), "no /init in it"),
    "image without a part of the agent": Fault(without("/target.sh"), "/target.sh is not in it"),
    "image for another kernel": Fault(
        of_another_release, f"its modules are for kernel {RELEASE}, not for {OTHER}"
    ),
    "image of another tool": Fault(without("etc/aoeinit/image"), "was made by an unknown tool", fatal=False),
    "image in which nothing knows AoE": Fault(
        ignorant, "nothing in it knows AoE: no program or script raises the link and asks for targets"
    ),
    "image older than a module": Fault(
        newer_module, f"is older than the modules of {RELEASE}: ext4", fatal=False
    ),
    "image older than the configuration": Fault(
        written("etc/aoeinit.d/more.toml", 'module = ["crc"]\n'),
        "is older than /etc/aoeinit.d/more.toml",
        fatal=False,
    ),
    "image for another card": Fault(
        lambda sysroot: respell(sysroot.parent / "sys", "devices/card/modalias", "pci:v1d2", "pci:v9d9"),
        "lacks the module other",
    ),
    "card with another MAC": Fault(
        respelled("etc/systemd/network/00-aoeinit.link", CARD.mac, "52:54:00:00:00:09"),
        "does not know enp1s0 (52:54:00:00:00:09)",
        fatal=False,
    ),
    "kernel gone": Fault(removed(KERNEL), f"names the kernel /vmlinuz-{RELEASE}, which is not there"),
    "kernel without aoe": Fault(without_aoe, f"kernel {RELEASE} has no aoe driver"),
    "kernel without modules": Fault(
        lambda sysroot: shutil.rmtree(sysroot / FOLDER), f"no modules of kernel {RELEASE}"
    ),
    "another kernel without an image": Fault(another_kernel, f"kernel {OTHER} has no image", fatal=False),
    "image gone of an entry that is the default by its title": Fault(
        pinned_by_title, f"names the image /initrd.img-{RELEASE}-gone, which is not there"
    ),
    "entry without an image": Fault(
        respelled(MENU, f"\tinitrd\t/initrd.img-{RELEASE}\n", ""), "without an image"
    ),
    "root on the old disk": Fault(
        respelled(MENU, ROOT, "/dev/sda2"), "root=/dev/sda2 is no device of a target"
    ),
    "root on another partition": Fault(respelled(MENU, ROOT, "/dev/etherd/e11.0p3"), "but /etc/fstab mounts"),
    "root on another target": Fault(
        respelled(MENU, ROOT, "/dev/etherd/e12.0p2"), f"/ is on {ROOT}, not on e12.0"
    ),
    "menu without an entry": Fault(written(MENU, "set timeout=5\n"), "its menu has no entry"),
    "default of a removed kernel": Fault(
        respelled(sample.GRUBENV, "gnulinux-simple", f"gnulinux-advanced>gnulinux-{OTHER}"),
        "which is not in the menu",
        fatal=False,
    ),
    "GRUB's settings as before": Fault(
        written("etc/default/grub", DEBIAN_DEFAULTS),
        "/etc/default/grub is not as a root on",
        fatal=False,
    ),
    "a stale device.map": Fault(
        written("boot/grub/device.map", "(hd0) /dev/sda\n"), "/boot/grub/device.map is not as", fatal=False
    ),
    "a server that cannot be": Fault(
        parameter("rd.aoe.server=localhost"), "rd.aoe.server=localhost cannot be used"
    ),
    "a timeout that is no number": Fault(
        parameter("rd.aoe.timeout=soon"), "rd.aoe.timeout=soon is no number", fatal=False
    ),
    "a parameter misspelt": Fault(parameter("rd.aoe.timout=9"), "rd.aoe.timout is no parameter", fatal=False),
    "a shell that is not there": Fault(
        parameter("rd.aoe.onfail=shell"), "the image has no shell", fatal=False
    ),
    "two targets named": Fault(parameter("rd.aoe=e12.0"), "name different targets", fatal=False),
    "another target than the system's, by rd.aoe=": Fault(
        respelled(MENU, LINUX, "root=UUID=aaaa rd.aoe=e12.0,none ro"),
        "rd.aoe=e12.0,none does not name e11.0",
    ),
    "another target than the system's, without root=": Fault(
        respelled(MENU, LINUX, "rd.aoe=e12.0 ro"), "rd.aoe=e12.0 does not name e11.0"
    ),
    "a virtual LAN without its module": Fault(parameter("rd.aoe.vlan=7"), "the image has no module 8021q"),
    "an init that is not there": Fault(parameter("init=/sbin/none"), "init=/sbin/none is not there"),
    "no init at all": Fault(
        both(removed("sbin/init"), removed("usr/lib/systemd/systemd")),
        "no init: none of /sbin/init",
    ),
    "configuration for another target": Fault(
        respelled("etc/aoeinit.toml", "e11.0", "e12.0"),
        "target = e12.0 in /etc/aoeinit.toml, and the next boot takes e11.0",
        fatal=False,
    ),
    "configuration damaged": Fault(respelled("etc/aoeinit.toml", '"e11.0"', "e11"), "not TOML", fatal=False),
    "fstab: a disk that is gone": Fault(
        respelled(FSTAB, "# made by hand", "/dev/sda3 /srv ext4 defaults 0 2"),
        "/srv is on /dev/sda3, not on e11.0",
    ),
    "fstab: swap on a disk that is gone": Fault(
        respelled(FSTAB, "# made by hand", "/dev/sda3 none swap sw 0 0"),
        "swap is on /dev/sda3, not on e11.0: a boot waits for it, and goes on after 90 s",
        fatal=False,
    ),
    "fstab: a disk of the network that is gone": Fault(
        respelled(FSTAB, "# made by hand", "/dev/sdb1 /srv ext4 _netdev 0 2"),
        "/srv is on /dev/sdb1, not on e11.0: a boot waits for it, and goes on after 90 s",
        fatal=False,
    ),
    "swap by a UUID without udev's rule": Fault(
        both(
            respelled(FSTAB, "# made by hand", "UUID=1234 none swap sw 0 0"),
            removed("etc/udev/rules.d/61-aoeinit-etherd.rules"),
        ),
        "no udev rule gives AoE devices such names",
        fatal=False,
    ),
    "fstab: the old root": Fault(respelled(FSTAB, ROOT, "/dev/sda2"), "/ is on /dev/sda2, not on e11.0"),
    "fstab: no root": Fault(respelled(FSTAB, ROOT, f"#{ROOT}"), "no line mounts /", fatal=False),
    "fstab: not there": Fault(removed(FSTAB), "no line mounts /", fatal=False),
    "fstab: a file system that no kernel has": Fault(
        respelled(FSTAB, "/ ext4", "/ zonefs"), "has no file system zonefs"
    ),
    "fstab: swap over the network": Fault(
        respelled(FSTAB, "# made by hand", "/dev/etherd/e11.0p3 none swap sw 0 0"),
        "swap over the network",
        fatal=False,
    ),
    "fstab: waits for the network": Fault(
        respelled(FSTAB, "errors=remount-ro", "_netdev"), "_netdev makes / wait", fatal=False
    ),
    "fstab: a line that makes no sense": Fault(
        respelled(FSTAB, "# made by hand", "what"), "it has 1 of the fields", fatal=False
    ),
    "a UUID without udev's rule": Fault(
        both(
            respelled(FSTAB, "/dev/etherd/e11.0p1", "UUID=1234"),
            removed("etc/udev/rules.d/61-aoeinit-etherd.rules"),
        ),
        "no udev rule gives AoE devices such names",
    ),
    "udev's rule gone": Fault(
        removed("etc/udev/rules.d/61-aoeinit-etherd.rules"),
        "61-aoeinit-etherd.rules is not there",
        fatal=False,
    ),
    "network never settled": Fault(
        removed("etc/systemd/network/00-aoeinit.link"), "aoeinit network was never run here", fatal=False
    ),
    "interface that goes down at a shutdown": Fault(
        removed("etc/network/interfaces.d/aoeinit"),
        "keeps networking.service from taking enp1s0 down",
        fatal=False,
    ),
    "interface in a bridge": Fault(
        respelled(INTERFACES, "allow-hotplug", f"{BRIDGE}allow-hotplug"), "becomes part of br0"
    ),
    "interface renamed": Fault(
        written("etc/udev/rules.d/70-net.rules", f'ATTR{{address}}=="{CARD.mac}", NAME="lan0"\n'),
        "enp1s0 becomes lan0 under the root",
    ),
    "interface with another MTU": Fault(
        respelled(INTERFACES, "inet dhcp", "inet dhcp\n  mtu 9000"),
        "the MTU of enp1s0 becomes 9000",
        fatal=False,
    ),
    "suspend not masked": Fault(
        removed("etc/systemd/system/suspend.target"),
        "/etc/systemd/system/suspend.target is not there: it keeps the machine from a sleep",
        fatal=False,
    ),
    "a network that is not settled": Fault(
        removed(
            "etc/udev/rules.d/61-aoeinit-etherd.rules",
            "etc/systemd/system/sleep.target",
            "etc/systemd/system/suspend.target",
            "etc/systemd/system/hibernate.target",
        ),
        "/etc/udev/rules.d/61-aoeinit-etherd.rules, /etc/systemd/system/sleep.target, "
        "/etc/systemd/system/suspend.target and 1 more are missing or differ",
        fatal=False,
    ),
    "a hook gone": Fault(
        removed("etc/kernel/postinst.d/initramfs-aoeinit"),
        "no hook is installed: the next kernel gets no image of ours",
        fatal=False,
    ),
    "the hooks gone, and another generator back": Fault(
        both(
            removed("etc/kernel/postinst.d/initramfs-aoeinit", "etc/initramfs-tools/update-initramfs.conf"),
            executable("etc/kernel/postinst.d/initramfs-tools"),
        ),
        "gets no image of ours, and the next run of initramfs-tools replaces the present one",
        fatal=False,
    ),
    "a hook changed": Fault(
        written("etc/kernel/postrm.d/initramfs-aoeinit", "#!/bin/sh\n"),
        "is not as the hooks need it",
        fatal=False,
    ),
    "a hook that calls nothing": Fault(removed("usr/local/sbin/aoeinit"), "which is not there", fatal=False),
    "another generator is back": Fault(
        executable("etc/kernel/postinst.d/initramfs-tools"), "initramfs-tools is active, too", fatal=False
    ),
    "/boot is not mounted": Fault(empty_boot, "/boot is not mounted", fatal=False),
    "a migration that was cut short": Fault(
        migration('["table", "copy /"]'),
        "the migration to e11.0 was not finished: it ended after the step 'copy /'",
    ),
    "a migration that was cut short at the hooks": Fault(
        migration('["table", "hooks"]'), "it ended after the step 'images with every kernel'"
    ),
    "a migration's record that is none": Fault(migration("7"), "migrate.json is damaged"),
    "a damaged record": Fault(written("var/lib/aoeinit/grub.json", "{"), "grub.json is damaged", fatal=False),
}
