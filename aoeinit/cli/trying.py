"""What ``aoeinit try`` does: chooses, boots, and tells what came of it."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from aoeinit.aoe.target import Target
from aoeinit.cli import try_text
from aoeinit.cli.given import reading_given
from aoeinit.cli.try_subject import (
    Looked,
    find_subject,
    find_vmlinuz,
    installed,
    look_at,
    readable,
)
from aoeinit.doctor.system import Kernel
from aoeinit.errors import AoeinitError, ConfigError, KernelError, TrialError
from aoeinit.inspect.listing import shown
from aoeinit.kernel.hardware import network_interfaces
from aoeinit.system.disk_copy import require_disk
from aoeinit.system.machine import running_kernel
from aoeinit.system.qemu import emulated_cards, why_no_kvm
from aoeinit.system.trials import require_programs, run_trial
from aoeinit.trial.cards import CARDS, Card, choose_card
from aoeinit.trial.console import Line, plain
from aoeinit.trial.hardware import Hardware, Nic
from aoeinit.trial.plan import Trial

DEFAULT_TARGET = Target(11, 0)
NOT_PROVED = "whether KVM works is told by a kernel, and none is known"


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for, whatever kernel and image it is tried with."""

    target: Target | None
    disk: Path | None
    firmware: str | None
    nic: str | None
    append: str
    memory: int
    seconds: float


def try_one(
    wish: Wish, sysroot: Path, named: tuple[Path | None, str | None], log: Path | None, *, as_json: bool
) -> int:
    """Try one boot, of the image and the kernel that are ``named``; give the exit code."""
    end_cleanly()
    with temporary_folder() as folder:
        by_disk = wish.disk is not None and wish.firmware is not None
        looked = None if by_disk else find_subject(*named, sysroot, folder)
        # A disk may be any machine's.
        own = own_drivers(sysroot) if wish.disk is None else ()
        result = boot(wish, looked, own, log)
    if as_json:
        try_text.print_json(try_text.as_data(result))
    else:
        click.echo("\n".join(try_text.full(result)))
    return 0 if result.outcome.reached else 1


def try_all(wish: Wish, sysroot: Path, *, as_json: bool) -> int:
    """Try every kernel that is installed, a line each; give the exit code."""
    end_cleanly()
    kernels = installed(sysroot)
    if not kernels:
        raise TrialError(f"no kernel is installed in {sysroot}", "name another folder with --sysroot")
    told: list[dict[str, object]] = []
    for kernel in kernels:
        name = kernel.release or f"{kernel.image}"
        try:
            result = try_kernel(wish, sysroot, kernel, kernels)
        except AoeinitError as error:
            line, data = f"{name}: {error.message}", {"kernel": name, "reached": False, "why": error.message}
        else:
            line = f"{name}: {try_text.short(result)}; {try_text.card_text(result)}"
            data = try_text.as_data(result)
        told.append(data)
        if not as_json:
            click.echo(line)
    reached = all(each["reached"] for each in told)
    if as_json:
        try_text.print_json({"reached": reached, "kernels": told})
    return 0 if reached else 1


def try_kernel(wish: Wish, sysroot: Path, kernel: Kernel, kernels: tuple[Kernel, ...]) -> try_text.Result:
    """Try a kernel that is installed."""
    if kernel.image is None:
        raise TrialError(f"it has no image: aoeinit build --kernel {kernel.release}")
    with temporary_folder() as folder:
        release = kernel.release or None
        looked = look_at(sysroot / kernel.image, release, None, sysroot, kernels, folder)
        return boot(wish, looked, own_drivers(sysroot), None)


def boot(wish: Wish, looked: Looked | None, own: tuple[str, ...], log: Path | None) -> try_text.Result:
    """Choose the machine and boot it; the console is kept if that was asked for, or if it failed."""
    with reading_given():
        card = card_for(wish, looked, own)
    for warning in require_disk(wish.disk) if wish.disk else ():
        warn(warning)
    require_programs(with_disk=wish.disk is not None, firmware=wish.firmware)
    no_kvm = why_emulated(looked.subject.vmlinuz if looked else running_vmlinuz())
    trial = Trial(
        subject=looked.subject if looked else None,
        disk=wish.disk,
        target=wish.target or (looked.target if looked else None) or DEFAULT_TARGET,
        firmware=wish.firmware,
        hardware=Hardware(Nic(card.model), wish.memory, "tcg" if no_kvm else "kvm"),
        append=wish.append,
        seconds=wish.seconds,
        named=wish.target is not None,
    )
    read = (*(looked.subject.files if looked else ()), *((wish.disk,) if wish.disk else ()))
    place, keep = new_log(log, read), log is not None
    try:
        with progress() as tell:
            outcome, lines = run_trial(trial, place, tell, warn)
        keep = keep or not outcome.reached
    finally:
        if not keep:
            place.unlink()
    others = tuple(each for each in own if each != card.driver)
    return try_text.Result(trial, card, others, no_kvm, outcome, lines, place if keep else None)


def end_cleanly() -> None:
    """Clean up also where somebody ends this, or the connection to it."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder for as long as the block runs."""
    try:
        with TemporaryDirectory(prefix="aoeinit-try-") as name:
            yield Path(name)
    except OSError as error:
        raise no_room(error) from error


def no_room(error: OSError) -> TrialError:
    """Make an error of one of the temporary files."""
    return TrialError(
        f"{error.filename or 'a temporary file'}: {error.strerror}", "TMPDIR names a folder with more room"
    )


def card_for(wish: Wish, looked: Looked | None, own: tuple[str, ...]) -> Card:
    """Choose the card: the one that was named, or one that the image has a driver for."""
    models = emulated_cards()
    if wish.nic is not None:
        card = next((each for each in CARDS if each.model == wish.nic), None)
        if card is None or card.model not in models:
            known = ", ".join(each.model for each in CARDS if each.model in models)
            raise ConfigError(
                f"this QEMU has no network card {wish.nic!r} that can be tried", f"it has {known}"
            )
        if wish.firmware and not card.has_rom:
            raise ConfigError(f"the card {wish.nic} has no ROM to start a machine from", "choose another")
        return card
    every = frozenset(module for each in CARDS for module in each.modules)
    found = choose_card(models, looked.modules if looked else every, own, by_rom=wish.firmware is not None)
    if found is None:
        drivers = ", ".join(looked.drivers if looked else ()) or "none at all"
        raise TrialError(
            f"QEMU emulates no card that the image has a driver for; its drivers are: {drivers}",
            "make one to be tried, with a driver more: aoeinit build --nic host --nic e1000 --output FILE",
        )
    return found


def own_drivers(sysroot: Path) -> tuple[str, ...]:
    """Name the drivers of this machine's own cards, if it is this machine's system that is tried."""
    if os.path.realpath(sysroot) != "/":
        return ()
    try:
        return tuple(dict.fromkeys(each.driver for each in network_interfaces(Path("/sys")) if each.driver))
    except KernelError:
        return ()


@cache
def why_emulated(vmlinuz: Path | None) -> str:
    """Say why KVM cannot be used; empty if it can."""
    return why_no_kvm(vmlinuz) if vmlinuz else NOT_PROVED


def running_vmlinuz() -> Path | None:
    """Give the running kernel's file, if it is where kernels are."""
    try:
        return readable(find_vmlinuz(Path("/"), running_kernel(), ()))
    except AoeinitError:
        return None


def new_log(named: Path | None, read: Iterable[Path]) -> Path:
    """Make the file for the console, if only for as long as a boot does not fail.

    Raises :class:`TrialError` for a name of what is ``read``, or of what is no plain file.
    """
    if named is None:
        descriptor, name = tempfile.mkstemp(prefix="aoeinit-try-", suffix=".log")
        os.close(descriptor)
        return Path(name)
    if named.exists() and (not named.is_file() or any(map(named.samefile, read))):
        raise TrialError(f"the console would overwrite {named}", "name another file with --log")
    try:
        named.write_bytes(b"")
    except OSError as error:
        raise TrialError(f"cannot write {named}: {error.strerror}", "name a file with --log") from error
    return named


def warn(text: str) -> None:
    """Print what the user should know."""
    click.echo(f"aoeinit: warning: {shown(text)}", err=True)


@contextmanager
def progress() -> Iterator["try_text.Tell"]:
    """Show the machine's last word on one line, if somebody looks."""
    if not sys.stderr.isatty():
        yield lambda _line: None
        return

    def tell(line: Line) -> None:
        said = shown(plain(line.text)).strip()
        if not said:
            return
        text = f"{line.seconds:6.1f} s  {said}"
        click.echo(f"\r\x1b[K{text[: shutil.get_terminal_size().columns - 1]}", nl=False, err=True)

    try:
        yield tell
    finally:
        click.echo("\r\x1b[K", nl=False, err=True)
