"""The hooks that keep images in step with kernels: what a system has to change to have them, or not."""

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from aoeinit.errors import ConfigError
from aoeinit.install.assignments import shell_value_of, value_of, with_value, without
from aoeinit.install.generators import KNOWN, POSTINST, Generator, active_generators
from aoeinit.install.kernel_install import GENERATOR
from aoeinit.install.record import ChangePlan, plan_changes, plan_undo
from aoeinit.install.state import Change, Present, State, locate, look, undone
from aoeinit.sysroot import resolve

SCRIPTS: Final = Path(__file__).with_name("scripts")

PLUGINS: Final = "etc/kernel/install.d"
INSTALL_CONF: Final = "etc/kernel/install.conf"
VENDOR_CONF: Final = "usr/lib/kernel/install.conf"
UPDATE_INITRAMFS: Final = "etc/initramfs-tools/update-initramfs.conf"

RECORD: Final = "var/lib/aoeinit/hooks.json"
"""Where it is kept what was there before, so that it can be put back."""

STAGING_PLUGINS: Final = ("55-initrd.install", "85-initrd.install")
"""Debian's plugins (13 and 12) that stage ``/boot/initrd.img-KVER`` whatever the generator is."""

SETTINGS: Final = {INSTALL_CONF: "initrd_generator", UPDATE_INITRAMFS: "update_initramfs"}
"""Files of which one line is ours, and its key."""

NOWHERE: Final = Present(b"/dev/null", None)


def plan_install(sysroot: Path, *, command: str, debian: bool) -> ChangePlan:
    """Plan to put the hooks in place, as far as they are not.

    ``command`` is what the hooks call, a name or a path; ``debian`` says that packages of kernels run the
    scripts in ``/etc/kernel/postinst.d``.

    Raises :class:`ConfigError` where nothing would ever call a hook.
    """
    plan = plan_changes(sysroot, RECORD, _wanted(sysroot, command, debian=debian))
    return replace(plan, warnings=tuple(_still_active(sysroot, plan.changes)))


def _wanted(sysroot: Path, command: str, *, debian: bool) -> Iterator[Change]:
    """Give everything that belongs to the hooks, whether it is so already or not."""
    kernel_install = resolve(sysroot, "usr/bin/kernel-install") is not None
    if not (kernel_install or debian):
        raise ConfigError(
            f"{sysroot} has no kernel-install and is no Debian: nothing there would call a hook",
            "install kernel-install (systemd-udev on Fedora), or run aoeinit build after each kernel update",
        )
    if kernel_install:
        for name in sorted(path.name for path in (SCRIPTS / "kernel-install").iterdir()):
            yield _script(sysroot, f"kernel-install/{name}", PLUGINS, command)
        yield _generator(sysroot)
        yield from _masks(sysroot)
    if debian:
        for event in ("postinst.d", "postrm.d"):
            yield _script(sysroot, f"debian/{event}/initramfs-aoeinit", f"etc/kernel/{event}", command)
    yield from _silenced(sysroot)


def _script(sysroot: Path, source: str, folder: str, command: str) -> Change:
    content = (SCRIPTS / source).read_bytes()
    content = content.replace(b"exec aoeinit ", f"exec {shlex.quote(command)} ".encode())
    path = f"{folder}/{source.rpartition('/')[2]}"
    return Change(
        path, look(sysroot, path), Present(content, 0o755), "makes and removes images with their kernels"
    )


def _generator(sysroot: Path) -> Change:
    """Set the generator; a new file begins with what the vendor's says, which it hides."""
    before = look(sysroot, INSTALL_CONF)
    found = before or look(sysroot, VENDOR_CONF)
    _refuse_link(sysroot, INSTALL_CONF, before)
    text = found.content if found and not found.is_link else b""
    after = replace(before or Present(b"", 0o644), content=with_value(text, "initrd_generator", GENERATOR))
    return Change(INSTALL_CONF, before, after, f"names {GENERATOR} as the generator")


def _masks(sysroot: Path) -> Iterator[Change]:
    if any(resolve(sysroot, f"usr/lib/kernel/install.d/{name}") for name in STAGING_PLUGINS):
        for name in STAGING_PLUGINS:
            path = f"{PLUGINS}/{name}"
            before = look(sysroot, path)
            why = "would add another generator's image to the boot entry"
            yield Change(path, before, NOWHERE, why, consent=before not in {None, NOWHERE})


def _silenced(sysroot: Path) -> Iterator[Change]:
    """Keep other generators from replacing the image, when a kernel is installed and later."""
    for generator in KNOWN:
        if generator.trigger.startswith(f"{POSTINST}/"):
            before = look(sysroot, generator.trigger)
            if before and before.mode is not None:
                after = replace(before, mode=before.mode & ~0o111)
                why = f"keeps {generator.name} from replacing the image when a kernel is installed"
                yield Change(generator.trigger, before, after, why, consent=True)
    before = look(sysroot, UPDATE_INITRAMFS)
    if before or resolve(sysroot, "usr/sbin/update-initramfs"):
        _refuse_link(sysroot, UPDATE_INITRAMFS, before)
        found = before or Present(b"", 0o644)
        off = shell_value_of(found.content, "update_initramfs") == "no"
        after = found if off else replace(found, content=with_value(found.content, "update_initramfs", "no"))
        why = "keeps kmod, udev and busybox updates from replacing the image through update-initramfs"
        yield Change(UPDATE_INITRAMFS, before, after, why, consent=True)


def _refuse_link(sysroot: Path, path: str, state: State) -> None:
    if state and state.is_link:
        raise ConfigError(
            f"{locate(sysroot, path)} is a link to {state.content.decode(errors='replace')}",
            "put a file in its place: the other may belong to somebody else",
        )


def _still_active(sysroot: Path, changes: Iterable[Change]) -> Iterator[str]:
    changed = {change.path for change in changes}
    for generator in active_generators(sysroot, configured=GENERATOR):
        if generator.trigger not in changed:
            yield f"{generator.name} stays active (/{generator.trigger}) and may write an image of its own"
    value, path = configured_generator(sysroot)
    if path not in {None, INSTALL_CONF, VENDOR_CONF} and value != GENERATOR:
        yield f"/{path} sets initrd_generator={value}; since systemd 254 it overrides /{INSTALL_CONF}"


def configured_generator(sysroot: Path) -> tuple[str | None, str | None]:
    """Give the generator that install.conf(5) or a drop-in of it names, and which file does."""
    drop_ins = {}
    for folder in (f"{VENDOR_CONF}.d", f"{INSTALL_CONF}.d"):
        found = resolve(sysroot, folder)
        for file in found.file.glob("*.conf") if found else ():
            drop_ins[file.name] = f"{folder}/{file.name}"
    main = INSTALL_CONF if look(sysroot, INSTALL_CONF) else VENDOR_CONF
    for path in (*(drop_ins[name] for name in sorted(drop_ins, reverse=True)), main):
        found = resolve(sysroot, path)
        state = look(sysroot, found.path) if found and found.file.is_file() else None
        value = value_of(state.content, "initrd_generator") if state else None
        if value is not None:
            return value, path
    return None, None


@dataclass(frozen=True, slots=True)
class Status:
    """How a system stands: ``differing`` are the files that are not as this version would have them.

    ``generator`` is the one in force, and ``generator_file`` the file that says so. ``command`` is what the
    installed hooks call, and ``None`` where none is installed.
    """

    generator: str | None
    generator_file: str | None
    command: str | None
    in_place: tuple[str, ...]
    differing: tuple[str, ...]
    missing: tuple[str, ...]
    others: tuple[Generator, ...]

    @property
    def complete(self) -> bool:
        """Whether a new kernel will get an image of ours, and of nobody else."""
        # Where there is no kernel-install, no generator need be set: if one is missing, so is install.conf.
        ours = self.generator in {None, GENERATOR}
        return ours and not (self.differing or self.missing or self.others)


def status(sysroot: Path, *, debian: bool) -> Status:
    """Tell what of the hooks is in place."""
    command = installed_command(sysroot)
    wanted = tuple(_wanted(sysroot, command or GENERATOR, debian=debian))
    generator, file = configured_generator(sysroot)
    return Status(
        generator=generator,
        generator_file=file,
        command=command,
        in_place=tuple(each.path for each in wanted if each.before == each.after),
        differing=tuple(each.path for each in wanted if each.before != each.after and each.before),
        missing=tuple(each.path for each in wanted if each.before != each.after and not each.before),
        others=tuple(active_generators(sysroot, configured=generator)),
    )


def installed_command(sysroot: Path) -> str | None:
    """Give the command that the installed hooks call."""
    for path in (f"{PLUGINS}/52-aoeinit.install", "etc/kernel/postinst.d/initramfs-aoeinit"):
        state = look(sysroot, path)
        found = re.search(rb"^exec (.+) kernel-install ", state.content, re.MULTILINE) if state else None
        if found:
            return "".join(shlex.split(found[1].decode(errors="replace")))
    return None


def plan_remove(sysroot: Path) -> ChangePlan:
    """Plan to put back what was there before; what somebody has changed since stays, but for our own line."""
    return plan_undo(sysroot, RECORD, _restored)


def _restored(change: Change, current: State) -> State | Change:
    target = undone(change, current)
    key = SETTINGS.get(change.path)
    if not isinstance(target, Change) or key is None or current is None or current.is_link:
        return target
    text = current.content
    if change.after is None or value_of(text, key) != value_of(change.after.content, key):
        return current  # somebody has set it anew since: that is no longer our line
    value = value_of(change.before.content, key) if change.before else None
    return replace(current, content=without(text, key) if value is None else with_value(text, key, value))
