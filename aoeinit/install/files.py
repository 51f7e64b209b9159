"""Files of a command's own: written as they are, and taken away again when they are no longer among them."""

from collections.abc import Callable, Iterable
from pathlib import Path

from aoeinit.install import record
from aoeinit.install.record import ChangePlan, plan_changes
from aoeinit.install.state import Change, Present, look, undone

FILE_MODE = 0o644


def wanted_file(sysroot: Path, path: str, text: str, why: str, *, is_link: bool = False) -> Change:
    """Want a file, or a link to ``text``, at a path of the sysroot."""
    return Change(path, look(sysroot, path), Present(text.encode(), None if is_link else FILE_MODE), why)


def plan_files(
    sysroot: Path, record_path: str, wanted: Iterable[Change], is_obsolete: Callable[[str], bool]
) -> ChangePlan:
    """Plan what is wanted, and to put back what an earlier run has changed and is obsolete now."""
    changes = {change.path: change for change in wanted}
    warnings = []
    for path, earlier in record.read_record(sysroot, record_path).changes.items():
        if path in changes or not is_obsolete(path):
            continue
        current = look(sysroot, path)
        target = undone(earlier, current)
        if isinstance(target, Change):
            warnings.append(f"/{path} is no longer wanted, but was changed by somebody: it stays as it is")
        else:
            changes[path] = Change(path, current, target, "is no longer wanted")
    return plan_changes(sysroot, record_path, changes.values(), warnings)
