"""The record of what the hooks have changed: read back whole, or refused by name."""

import json
import os
from pathlib import Path

import pytest

from aoeinit.errors import AoeinitError
from aoeinit.install.hooks import INSTALL_CONF, RECORD, plan_remove
from aoeinit.install.state import Present
from aoeinit.system.changes import apply
from tests.unit.hooks_samples import MASK, TOOLS, install, make_debian, make_fedora
from tests.unit.tree_samples import put


@pytest.fixture
def fedora(tmp_path: Path) -> Path:
    return make_fedora(tmp_path)


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    return make_debian(tmp_path)


def test_a_record_with_bytes_that_are_no_text_is_read_back(debian: Path) -> None:
    (debian / INSTALL_CONF).parent.mkdir(parents=True, exist_ok=True)
    (debian / INSTALL_CONF).write_bytes(b"# \xff\xfe\n")
    install(debian, is_debian=False)
    assert {change.path: change.after for change in plan_remove(debian).changes}[INSTALL_CONF] == Present(
        b"# \xff\xfe\n", 0o644
    )


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"changes": {"a": 1}, "folders": []}', '{"changes": {"a": {}}, "folders": []}'],
)
def test_a_damaged_record_is_named(fedora: Path, text: str) -> None:
    put(fedora, RECORD, text)
    with pytest.raises(AoeinitError, match=r"hooks\.json is damaged"):
        plan_remove(fedora)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("mode", "a"),
        ("mode", True),
        ("mode", -1),
        ("mode", 0o10000),
        ("content", 1),
        ("owner", [0]),
        ("owner", ["root", "root"]),
        ("owner", 0),
    ],
)
def test_a_record_with_a_value_of_another_kind_is_named(debian: Path, part: str, value: object) -> None:
    install(debian, is_debian=True)
    record = json.loads((debian / RECORD).read_text())
    record["changes"][TOOLS]["before"][part] = value
    put(debian, RECORD, json.dumps(record))
    with pytest.raises(AoeinitError, match=rf"hooks\.json is damaged: .*{part}"):
        plan_remove(debian)


@pytest.mark.parametrize("folders", ["etc", [1], None])
def test_a_record_whose_folders_are_no_names_is_named(debian: Path, folders: object) -> None:
    put(debian, RECORD, json.dumps({"changes": {}, "folders": folders}))
    with pytest.raises(AoeinitError, match=r"hooks\.json is damaged"):
        plan_remove(debian)


def test_a_record_of_before_owners_were_kept_is_read(debian: Path) -> None:
    install(debian, is_debian=True)
    record = json.loads((debian / RECORD).read_text())
    del record["changes"][TOOLS]["before"]["owner"]
    put(debian, RECORD, json.dumps(record))
    assert TOOLS in {change.path for change in plan_remove(debian).changes}


def test_files_keep_their_owner_when_they_are_changed_and_put_back(
    debian: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (debian / MASK).parent.mkdir(parents=True)
    (debian / MASK).symlink_to("/somewhere")
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda _, *owner: given.append(owner))
    monkeypatch.setattr(os, "chown", lambda _, *owner, **_follow: given.append(owner))
    real = Path.lstat

    def of_another(path: Path) -> os.stat_result:
        fields = list(real(path))
        fields[4:6] = (12, 34)
        return os.stat_result(fields)

    monkeypatch.setattr(Path, "lstat", of_another)
    install(debian, is_debian=True)
    assert given == [(12, 34)] * 2, "of initramfs-tools and update-initramfs.conf; ours are the maker's"
    given.clear()
    for change in plan_remove(debian).changes:
        apply(debian, change)
    assert given == [(12, 34)] * 3, "and the link"


def test_the_record_is_plain_json(fedora: Path) -> None:
    install(fedora, is_debian=False)
    record = json.loads((fedora / RECORD).read_text())
    assert record["changes"][INSTALL_CONF]["before"] is None
    assert record["folders"] == [
        "etc",
        "etc/kernel",
        "etc/kernel/install.d",
        "var",
        "var/lib",
        "var/lib/aoeinit",
    ]
