"""The question whether an image would boot a root on an AoE target, on a given kernel."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aoeinit.errors import AoeinitError
from aoeinit.inspect.check_knowledge import knows_aoe
from aoeinit.inspect.check_modules import check_modules
from aoeinit.inspect.check_programs import check_agent, check_init, check_programs
from aoeinit.inspect.facts import Facts
from aoeinit.inspect.findings import Finding, error, note, warning
from aoeinit.inspect.listing import shown
from aoeinit.inspect.reading import Image
from aoeinit.inspect.tree import Tree

RELEASE = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_~-]*")

WAY_OUT = "; make an image with aoeinit build, and keep it with aoeinit hooks install"

# Of many findings of one kind, this many are shown.
SHOWN = 8


@dataclass(frozen=True, slots=True)
class Checked:
    """An image to be checked: as it was read, and ``sysroot``, the folder with its files extracted."""

    image: Image
    tree: Tree
    facts: Facts
    sysroot: Path


def check_image(checked: Checked, kernel: str | None) -> tuple[Finding, ...]:
    """List all that speaks against the image booting an AoE root on the kernel release ``kernel``.

    ``None`` is the image's own kernel: that in a unified kernel image, or else that it has modules for.
    """
    tree, facts, sysroot = checked.tree, checked.facts, checked.sysroot
    found = [*_check_archives(checked), *check_init(tree, sysroot)]
    release, findings = _release(facts, kernel)
    found += findings
    if release is not None:
        found += check_modules(tree, sysroot, release)
    found += check_programs(tree, sysroot)
    if facts.about:
        found += check_agent(tree, release, facts.about.get("version"))
    else:
        found.append(_of_another_tool(tree, facts))
    return tuple(dict.fromkeys(found))


def _of_another_tool(tree: Tree, facts: Facts) -> Finding:
    tool = shown(facts.builder or "an unknown tool")
    if knows_aoe(tree):
        return note(f"built by {tool}: whether its scripts can find an AoE target is not known")
    return error(
        f"built by {tool}, and nothing in it knows AoE: no program or script raises the link and asks for "
        f"targets{WAY_OUT}"
    )


def kernel_release(kernel: str) -> str:
    """Read the release of a kernel's file, or take ``kernel`` for a release where there is no such file.

    Source: Linux' Documentation/arch/x86/boot.rst, fields ``header`` and ``kernel_version``. Raises
    :class:`AoeinitError` for a file that is no kernel for x86.
    """
    if "/" not in kernel:
        return kernel
    try:
        with open(kernel, "rb") as file:
            head = file.read(1 << 16)
    except OSError as failure:
        raise AoeinitError(f"{kernel}: {failure.strerror}", "give a kernel, or its release") from failure
    if head[0x202:0x206] != b"HdrS":
        raise AoeinitError(f"{kernel} is no kernel for x86", "give the kernel's release instead of its file")
    (at,) = struct.unpack_from("<H", head, 0x20E)
    return head[at + 0x200 : at + 0x300].partition(b"\0")[0].partition(b" ")[0].decode(errors="replace")


def _check_archives(checked: Checked) -> Iterator[Finding]:
    for segment in checked.image.segments:
        if segment.compression == "none" and segment.offset % 4:
            yield error(
                f"the archive at offset {segment.offset} is not at a multiple of 4: no kernel sees it"
            )
        elif segment.compression == "lz4 frame":
            yield error("it is packed in lz4's frame format: kernels know the legacy one only (lz4 -l)")
    # Early microcode is not unpacked: the kernel looks for it before it has a file system.
    lost = [item for item in checked.tree.lost if not item.name.startswith("kernel/")]
    for item in lost[:SHOWN]:
        yield error(f"{shown(item.path)} is lost: its folder does not come before it")
    if len(lost) > SHOWN:
        yield error(f"{len(lost) - SHOWN} more entries are lost: their folders do not come before them")


def _release(facts: Facts, kernel: str | None) -> tuple[str | None, list[Finding]]:
    """Choose the release whose modules are checked."""
    there = ", ".join(map(shown, facts.releases))
    own = facts.kernel if kernel is None else None
    if own is not None and not RELEASE.fullmatch(own):
        return None, [error(f"its section .uname names no kernel release: {shown(own[:80])}")]
    if not facts.releases:
        return None, [error("no kernel modules in it: no aoe, no network driver")]
    wanted = kernel or own or facts.about.get("kernel") or facts.releases[0]
    if wanted not in facts.releases:
        why = "not for" if kernel else "not for its own," if own else "and it was built for"
        return None, [error(f"its modules are for kernel {there}, {why} {shown(wanted)}")]
    if len(facts.releases) > 1 and kernel is None and own is None:
        return wanted, [warning(f"it has modules for {there}; {shown(wanted)} is checked")]
    return wanted, []
