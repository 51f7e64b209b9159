"""The record of a migration that was cut short: read as it was written, or refused."""

from dataclasses import replace

import pytest

from aoeinit.errors import AoeinitError
from aoeinit.install.migrate.progress import Progress, read_progress, text_of
from tests.unit.migrate_samples import DISK, GIB, debian, migration_of


def progress(**changes: object) -> bytes:
    migration = migration_of(debian())
    made = Progress(migration.identity, migration.disk.size, migration.layout, 1000.5, ("table", "copy /"))
    return text_of(replace(made, **changes))  # type: ignore[arg-type] # any field


def test_a_record_is_read_as_it_was_written() -> None:
    migration = migration_of(debian())
    found = read_progress(progress(), migration.identity, DISK, ["/", "/boot", "/new"])
    assert found.layout == migration.layout
    assert (found.started, found.done) == (1000.5, ("table", "copy /"))
    assert found.after("copy /boot").done == ("table", "copy /", "copy /boot")


@pytest.mark.parametrize(
    ("changes", "points", "text"),
    [
        ({"size": 5 * GIB}, ["/", "/boot"], "size of the target 5368709120, now 10737418240"),
        (
            {"identity": replace(migration_of(debian()).identity, origin="other")},
            ["/", "/boot"],
            "source other, now",
        ),
        ({}, ["/"], "/boot was mounted, and is not now"),
    ],
)
def test_the_record_of_another_migration_is_refused_with_what_differs(
    changes: dict[str, object], points: list[str], text: str
) -> None:
    with pytest.raises(AoeinitError, match=text):
        read_progress(progress(**changes), migration_of(debian()).identity, DISK, points)


def damaged() -> list[bytes]:
    whole = progress()
    return [
        b"",
        b"[]",
        b"{}",
        b"\xff\xfe",
        whole[: len(whole) // 2],
        whole.replace(b'"partitions"', b'"parts"'),
    ]


@pytest.mark.parametrize("content", damaged())
def test_a_damaged_record_is_told_as_such(content: bytes) -> None:
    with pytest.raises(AoeinitError, match="is damaged"):
        read_progress(content, migration_of(debian()).identity, DISK, ["/", "/boot"])
