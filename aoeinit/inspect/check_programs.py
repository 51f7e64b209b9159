"""The programs of an image: /init, what every program needs to start, and what our agent needs."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from posixpath import normpath

from aoeinit import __version__
from aoeinit.boot import contract
from aoeinit.boot.files import INIT, LIBRARY, agent_files
from aoeinit.errors import AoeinitError
from aoeinit.image.busybox import applets
from aoeinit.inspect.findings import Finding, error, warning
from aoeinit.inspect.listing import shown
from aoeinit.inspect.tree import Tree, content_of, size_of

ELF = b"\x7fELF"
SCRIPT_LINE = 256
MISSING_SHOWN = 3


def check_init(tree: Tree, sysroot: Path) -> Iterator[Finding]:
    """Check that the kernel can start ``/init``."""
    try:
        path = tree.resolve("init")
    except AoeinitError as failure:
        yield error(failure.message)
        return
    item = tree.files.get(path) if path else None
    if path is None or item is None:
        yield error("no /init in it, or a link that leads nowhere")
        return
    if not item.is_file or not item.mode & 0o111:
        yield error("/init is no program: not a file, or not executable")
        return
    content = content_of(item) or b""
    if content.startswith(b"#!"):
        yield from _script("init", content, tree, error)
    elif not content.startswith(ELF):
        yield error("/init is neither an ELF program nor a script")
    elif not (sysroot / path).is_file():
        yield error("/init could not be extracted")


def check_programs(tree: Tree, sysroot: Path) -> list[Finding]:
    """Check every program: its libraries and its interpreter."""
    from aoeinit.image.libraries import Loader  # noqa: PLC0415 - pyelftools is slow to import

    loader = Loader(sysroot)
    findings: list[Finding] = []
    missing: dict[str, list[str]] = {}
    for path, item in tree.files.items():
        content = content_of(item) if item.is_file and item.mode & 0o111 else None
        if content is None:
            continue
        if content.startswith(b"#!") and path != "init":
            findings += _script(path, content, tree, warning)
        elif content.startswith(ELF) and not path.endswith(".ko"):
            try:
                for each in loader.closure(path).missing:
                    missing.setdefault(each.name, []).append(path)
            except AoeinitError as failure:
                findings.append(error(shown(failure.message.replace(f"{sysroot}/", "/"))))
    for name, programs in missing.items():
        more = f" and {len(programs) - MISSING_SHOWN} more" if len(programs) > MISSING_SHOWN else ""
        who = ", ".join(f"/{shown(path)}" for path in programs[:MISSING_SHOWN])
        findings.append(error(f"{shown(name)} is not in it: {who}{more} cannot start"))
    return findings


def check_agent(tree: Tree, release: str | None, version: str | None) -> Iterator[Finding]:
    """Check an image of ours, made by ``version``: the agent's files, applets and the modules in its list."""
    yield from _library(tree, version)
    busybox = tree.find("bin/busybox")
    content = content_of(busybox) if busybox else None
    if content is None:
        yield error("no /bin/busybox in it, which the agent runs under")
        return
    built_in = applets(content)
    lacking = [name for name in contract.APPLETS if name not in built_in or not tree.find(f"bin/{name}")]
    if lacking:
        yield error(f"the agent needs applets that are not in it: {', '.join(lacking)}")
    yield from _order(tree, release)


def _library(tree: Tree, version: str | None) -> Iterator[Finding]:
    """Find files of the agent that are missing or empty; of another version's, what is there is known."""
    shipped = set(agent_files()) if version == __version__ else {INIT}
    there = {f"{LIBRARY}/{path.rpartition('/')[2]}" for path in tree.files if f"/{LIBRARY}/" in f"/{path}"}
    for path in sorted(shipped | there):
        item = tree.find(path)
        if item is None or not (item.is_link or size_of(item)):
            yield error(f"/{shown(path)} is {'empty' if item else 'not in it'}: the agent needs it")


def _order(tree: Tree, release: str | None) -> Iterator[Finding]:
    text = tree.text(contract.MODULES_FILE)
    if text is None:
        yield error(f"no /{contract.MODULES_FILE} in it: the agent would load no module")
        return
    for number, line in enumerate(text.splitlines(), start=1):
        match line.split():
            case [stage, need, path] if stage in contract.STAGES and need in contract.NEEDS:
                if tree.find(path) is None:
                    # Of drivers and file systems, those that are there may do: the modules' own check knows.
                    find = error if need == "required" and stage == "aoe" else warning
                    yield find(f"/{contract.MODULES_FILE} lists {shown(path)}, which is not in it")
                elif release is not None and f"/lib/modules/{release}/" not in normpath(path):
                    yield error(
                        f"/{contract.MODULES_FILE} lists {shown(path)}, which is not of kernel {release}"
                    )
            case _:
                yield error(
                    f"/{contract.MODULES_FILE}, line {number}: {shown(line[:80])} is no STAGE NEED PATH"
                )


def _script(path: str, content: bytes, tree: Tree, find: Callable[[str], Finding]) -> Iterator[Finding]:
    line = content[2:SCRIPT_LINE].partition(b"\n")[0].strip(b" \t")
    # As in the kernel's fs/binfmt_script.c: a carriage return belongs to the name.
    words = [] if not line else [re.split(rb"[ \t\0]", line)[0].decode(errors="replace")]
    interpreter = tree.find(words[0]) if words else None
    if interpreter is None or not interpreter.mode & 0o111:
        name = shown(words[0]) if words else "none"
        yield find(f"/{shown(path)} is a script, and its interpreter ({name}) is not in it")
