"""The agent's parameters in the command lines of entries: values that it could not use."""

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Final

from aoeinit.aoe.ethernet import parse_mac
from aoeinit.aoe.target import Target
from aoeinit.boot import contract
from aoeinit.doctor.entries import Entry
from aoeinit.doctor.findings import Finding, graded, warning
from aoeinit.doctor.system import ReadImage, System, target_of
from aoeinit.errors import AoeinitError
from aoeinit.install.grub.cmdline import split
from aoeinit.sysroot import resolve

INITS: Final = ("/sbin/init", "/etc/init", "/bin/init", "/usr/lib/systemd/systemd")
NUMBERS: Final = ("rd.aoe.mtu", "rd.aoe.timeout", "rd.aoe.vlan")
ON_FAILURE: Final = ("reboot", "poweroff", "wait", "shell")


def examine(system: System) -> Iterator[Finding]:
    """Look at the words of every entry, and for the init that they start."""
    for entry in system.entries:
        yield from (*_values(entry), *_init(system, entry), *_image(system, entry))
    if not system.entries:
        yield from _init(system, None)


def _values(entry: Entry) -> Iterator[Finding]:
    where = f"/{entry.file}: "
    for name in dict.fromkeys(split(word)[0] for word in entry.words):
        if name.startswith("rd.aoe.") and name not in contract.PARAMETERS:
            near = get_close_matches(name, contract.PARAMETERS, n=1)
            fix = f"write {near[0]}" if near else "see docs/parameters.md"
            yield warning(f"{where}{name} is no parameter of the agent", fix)
    for name, read, fatal in (("rd.aoe", Target.parse, False), ("rd.aoe.server", parse_mac, True)):
        value = entry.value(name)
        if value is not None and not all(_reads(read, each) for each in value.split(",")):
            what = f"{where}{name}={value} cannot be used"
            yield graded(what, f"mend {name}=", fatal=fatal and entry.is_default)
    for name in NUMBERS:
        value = entry.value(name)
        if value is not None and not re.fullmatch(r"[0-9]{1,9}", value, re.ASCII):
            yield warning(f"{where}{name}={value} is no number: the default is used", f"mend {name}=")
    said = entry.value("rd.aoe.onfail")
    if said is not None and said not in ON_FAILURE:
        yield warning(f"{where}rd.aoe.onfail={said} is none of {', '.join(ON_FAILURE)}", "mend it")
    targets = (entry.value("rd.aoe") or "").split(",")
    target = target_of(entry.value("root") or "")
    if targets != [""] and target and str(target) not in targets:
        yield warning(
            f"{where}rd.aoe={','.join(targets)} and root= name different targets; root= decides",
            "take one of them out",
        )


def _reads(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except AoeinitError:
        return False
    return True


def _init(system: System, entry: Entry | None) -> Iterator[Finding]:
    """Look for the program that the agent would start: what ``init=`` names, and nothing else then."""
    given = entry.value("init") if entry else None
    names = (given,) if given else INITS
    for name in names:
        found = resolve(system.sysroot, name)
        if found and found.file.is_file() and found.file.stat().st_mode & 0o111:
            return
    fatal = entry is None or entry.is_default
    where = f"/{entry.file}: " if entry and given else ""
    what = f"init={given} is not there" if given else f"no init: none of {', '.join(INITS)} is there"
    yield graded(
        f"{where}{what}",
        "take init= out" if given else "install systemd-sysv, or name it by init=",
        fatal=fatal,
    )


def _image(system: System, entry: Entry) -> Iterator[Finding]:
    """Compare with what the entry's image has for its parameters."""
    kernel = next((each for each in system.kernels if each.entry is entry), None)
    image = system.images.get(kernel.image or "") if kernel else None
    if not isinstance(image, ReadImage) or not image.facts.about or kernel is None:
        return
    if entry.value("rd.aoe.onfail") == "shell" and "shell" not in image.facts.about:
        yield warning(
            f"/{entry.file}: rd.aoe.onfail=shell, but the image has no shell: it restarts instead",
            f"{system.build(kernel.release)} --emergency-shell",
        )
    modules = {each.name for each in image.facts.modules}
    wanted = {"rd.aoe.vlan": "8021q", "rd.overlay": "overlay"}
    for parameter, module in wanted.items():
        built_in = image.tree.text(f"lib/modules/{kernel.release}/modules.builtin") or ""
        if entry.values(parameter) and module not in modules and f"/{module}.ko" not in built_in:
            yield graded(
                f"/{entry.file}: {parameter}, but the image has no module {module}",
                f"{system.build(kernel.release)} --module {module}",
                fatal=entry.is_default,
            )
