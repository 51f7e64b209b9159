"""What a command has changed in a sysroot: kept there in a file, so that it can be undone byte by byte."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from aoeinit.errors import AoeinitError
from aoeinit.install.state import Change, Present, State, locate, look, undone
from aoeinit.sysroot import resolve


@dataclass(frozen=True, slots=True)
class Record:
    """What a command has done: by path what was there before its first run, and what the last put there.

    ``folders`` are those they have made.
    """

    changes: Mapping[str, Change]
    folders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """The changes of a sysroot, in order, what the user should know, and the record to keep of them.

    ``record_path`` is where the record is, relative to the sysroot.
    """

    changes: tuple[Change, ...]
    warnings: tuple[str, ...]
    record: Record
    record_path: str


def plan_changes(
    sysroot: Path, record_path: str, wanted: Iterable[Change], warnings: Iterable[str] = ()
) -> ChangePlan:
    """Plan those of the wanted changes that are not so yet; raises AoeinitError for a damaged record."""
    changes = tuple(change for change in wanted if change.before != change.after)
    record = _extended(read_record(sysroot, record_path), changes, sysroot, record_path)
    return ChangePlan(changes, tuple(warnings), record, record_path)


def plan_undo(
    sysroot: Path, record_path: str, restored: Callable[[Change, State], State | Change] = undone
) -> ChangePlan:
    """Plan to put back what was there before the changes of a record.

    ``restored`` gives, for a recorded change and what stands there now, what is to stand there again, or the
    change itself where it cannot be undone any more: it stays in the record, with a warning.
    """
    record = read_record(sysroot, record_path)
    changes: list[Change] = []
    left: dict[str, Change] = {}
    for path, change in record.changes.items():
        current = look(sysroot, path)
        target = restored(change, current)
        if isinstance(target, Change):
            left[path] = change
        elif target != current:
            changes.append(Change(path, current, target, "as it was before"))
    warnings = (f"/{path} was changed since it was installed, and stays as it is" for path in left)
    return ChangePlan(tuple(changes), tuple(warnings), Record(left, record.folders), record_path)


def read_record(sysroot: Path, record_path: str) -> Record:
    """Read what earlier runs have kept; empty where there was none."""
    state = look(sysroot, record_path)
    if state is None:
        return Record({}, ())
    try:
        plain = json.loads(state.content)
        changes = {
            path: Change(path, _from_plain(each["before"]), _from_plain(each["after"]), each["why"])
            for path, each in plain["changes"].items()
        }
        return Record(changes, _texts(plain["folders"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AoeinitError(
            f"{locate(sysroot, record_path)} is damaged: {type(error).__name__}: {error}",
            "restore it from a backup, or undo the changes by hand and remove it",
        ) from error


def _texts(plain: Any) -> tuple[str, ...]:  # noqa: ANN401 - as json gives it
    if not (isinstance(plain, list) and all(isinstance(each, str) for each in plain)):
        raise ValueError(f"{plain!r} is no list of names")
    return tuple(plain)


def _from_plain(plain: Any) -> State:  # noqa: ANN401 - as json gives it
    return None if plain is None else Present.from_plain(plain)


def _extended(record: Record, changes: Iterable[Change], sysroot: Path, record_path: str) -> Record:
    """Add changes to a record; what was there first stays known, unless somebody has changed it since."""
    added = {change.path: _since(record.changes.get(change.path), change) for change in changes}
    paths = (*added, record_path) if added else ()
    folders = (str(folder) for path in paths for folder in reversed(PurePath(path).parents[:-1]))
    missing = (folder for folder in folders if resolve(sysroot, folder) is None)
    return Record({**record.changes, **added}, tuple(dict.fromkeys((*record.folders, *missing))))


def _since(earlier: Change | None, change: Change) -> Change:
    """Join a change to an earlier one of the same path, if it found the content that the earlier one left."""
    if earlier is None or _content(earlier.after) != _content(change.before):
        return change
    return replace(change, before=earlier.before)


def _content(state: State) -> tuple[bytes, bool] | None:
    return (state.content, state.is_link) if state else None


def record_text(record: Record) -> bytes:
    """Write a record."""
    changes = {
        path: {
            "before": change.before.as_plain() if change.before else None,
            "after": change.after.as_plain() if change.after else None,
            "why": change.why,
        }
        for path, change in record.changes.items()
    }
    return json.dumps({"changes": changes, "folders": record.folders}, indent=2).encode() + b"\n"
