"""What the end of a copy and of a comparison means."""

import pytest

from aoeinit.errors import AoeinitError
from aoeinit.install.command import Command
from aoeinit.install.migrate.outcome import compared, copied
from aoeinit.install.migrate.plan import Copy
from tests.unit.migrate_samples import GIB, MIB

COPY = Copy(Command(("rsync",), "copies /home"), "/home", "/dev/etherd/e11.0p1", 5 * MIB, ())


def test_files_that_vanish_while_they_are_copied_are_told() -> None:
    said = (
        'file has vanished: "/from/a"\nrsync warning: some files vanished before they could be transferred\n'
    )
    assert copied(0, "", COPY, 0) == ()
    assert copied(24, said, COPY, 0) == ('1 file was gone before the copy: file has vanished: "/from/a"',)


@pytest.mark.parametrize(
    ("code", "said", "text"),
    [
        (
            11,
            "rsync: write failed on x: No space left on device (28)\n",
            "for /home is full: 7 bytes are free",
        ),
        (23, "rsync: read errors mapping x: Input/output error (5)\n", "exit code 23: rsync: read errors"),
        (-9, "", "ended by signal 9"),
    ],
)
def test_a_copy_that_is_not_whole_is_an_error(code: int, said: str, text: str) -> None:
    with pytest.raises(AoeinitError, match=text):
        copied(code, said, COPY, 7)


@pytest.mark.parametrize(
    ("inodes", "text"),
    [(0, "no inodes are left on the target's file system for /home"), (None, "is full"), (9, "is full")],
)
def test_a_file_system_without_inodes_is_not_told_to_be_full(inodes: int | None, text: str) -> None:
    with pytest.raises(AoeinitError, match=text):
        copied(11, "rsync: mkstemp: No space left on device (28)\n", COPY, 3 * GIB, inodes)


LISTED = ">f.st...... var/log/syslog\n*deleting   tmp/gone\n"


def test_what_has_changed_on_the_source_meanwhile_is_a_warning() -> None:
    (warning,) = compared(0, LISTED, "", "/", {"var/log/syslog", "tmp/gone"})
    assert warning == (
        "2 files of / changed on the source after the copy: "
        "var/log/syslog (different); tmp/gone (only on the target)"
    )
    (warning,) = compared(0, ">f+++++++++ new name\n", "", "/", {"new name"})
    assert warning == "1 file of / changed on the source after the copy: new name (only on the source)"
    assert list(compared(0, "", "", "/", set())) == []


@pytest.mark.parametrize(
    ("changed", "said"), [({"tmp/gone"}, "1 file of / is not"), (set(), "2 files of / are not")]
)
def test_what_differs_without_a_reason_is_an_error(changed: set[str], said: str) -> None:
    with pytest.raises(AoeinitError, match=f"^{said} the same on the target"):
        list(compared(0, LISTED, "", "/", changed))


def test_a_comparison_that_did_not_end_well_is_an_error() -> None:
    with pytest.raises(AoeinitError, match="/ cannot be compared: rsync, exit code 23: rsync: opendir"):
        list(compared(23, "", "rsync: opendir failed\n", "/", set()))
