import errno
import json
import os
from pathlib import Path

import pytest

from aoeinit.errors import AoeinitError, ConfigError
from aoeinit.install.hooks import (
    INSTALL_CONF,
    RECORD,
    UPDATE_INITRAMFS,
    VENDOR_CONF,
    configured_generator,
    plan_install,
    plan_remove,
    status,
)
from aoeinit.install.record import ChangePlan, record_text
from aoeinit.install.state import Change, Present, look
from aoeinit.system.changes import apply

COMMAND = "/opt/aoeinit/bin/aoeinit"
PLUGIN = "etc/kernel/install.d/52-aoeinit.install"
COPY_PLUGIN = "etc/kernel/install.d/95-aoeinit.install"
POSTINST = "etc/kernel/postinst.d/initramfs-aoeinit"
POSTRM = "etc/kernel/postrm.d/initramfs-aoeinit"
MASK = "etc/kernel/install.d/85-initrd.install"
TOOLS = "etc/kernel/postinst.d/initramfs-tools"


def put(sysroot: Path, path: str, text: str = "", mode: int = 0o644) -> None:
    file = sysroot / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)


def tree(sysroot: Path) -> dict[str, tuple[bytes, int]]:
    """Everything below a folder: content, or where a link leads, and mode."""
    return {
        str(path.relative_to(sysroot)): (
            str(path.readlink()).encode()
            if path.is_symlink()
            else path.read_bytes()
            if path.is_file()
            else b"",
            path.lstat().st_mode,
        )
        for path in sorted(sysroot.rglob("*"))
    }


@pytest.fixture
def fedora(tmp_path: Path) -> Path:
    put(tmp_path, "usr/bin/kernel-install", mode=0o755)
    put(tmp_path, "usr/lib/kernel/install.d/50-dracut.install", mode=0o755)
    put(tmp_path, VENDOR_CONF, "# vendor\nlayout=bls\n")
    return tmp_path


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    put(tmp_path, "usr/bin/kernel-install", mode=0o755)
    put(tmp_path, "usr/sbin/update-initramfs", mode=0o755)
    put(tmp_path, "usr/lib/kernel/install.d/85-initrd.install", mode=0o755)
    put(tmp_path, TOOLS, "#!/bin/sh\n", mode=0o755)
    put(tmp_path, UPDATE_INITRAMFS, "# comment\nupdate_initramfs=yes\nbackup_initramfs=no\n")
    return tmp_path


def by_path(plan: ChangePlan) -> dict[str, Change]:
    return {change.path: change for change in plan.changes}


def install(sysroot: Path, *, is_debian: bool, command: str = COMMAND) -> None:
    plan = plan_install(sysroot, command=command, debian=is_debian)
    for change in plan.changes:
        apply(sysroot, change)
    apply(sysroot, Change(RECORD, None, Present(record_text(plan.record), 0o600), ""))


def test_fedora_gets_the_plugins_and_the_generator(fedora: Path) -> None:
    plan = plan_install(fedora, command=COMMAND, debian=False)
    assert list(by_path(plan)) == [PLUGIN, COPY_PLUGIN, INSTALL_CONF]
    assert not any(change.consent for change in plan.changes)
    assert plan.warnings == ()


def test_a_new_install_conf_keeps_what_the_vendors_says(fedora: Path) -> None:
    conf = by_path(plan_install(fedora, command=COMMAND, debian=False))[INSTALL_CONF]
    assert conf.after == Present(b"# vendor\nlayout=bls\ninitrd_generator=aoeinit\n", 0o644)


def test_an_install_conf_that_is_there_counts_alone(fedora: Path) -> None:
    put(fedora, INSTALL_CONF, "initrd_generator=dracut # mine\nlayout=other", mode=0o600)
    conf = by_path(plan_install(fedora, command=COMMAND, debian=False))[INSTALL_CONF]
    assert conf.after == Present(b"initrd_generator=aoeinit\nlayout=other", 0o600)


def test_hooks_call_the_command_by_its_path(debian: Path) -> None:
    plan = by_path(plan_install(debian, command="/opt/my tools/aoeinit", debian=True))
    for path in (PLUGIN, POSTINST, POSTRM):
        after = plan[path].after
        assert after
        assert after.mode == 0o755
        assert b"\nexec '/opt/my tools/aoeinit' kernel-install " in after.content


def test_debian_gets_its_own_hooks_and_masks_under_both_names(debian: Path) -> None:
    plan = by_path(plan_install(debian, command=COMMAND, debian=True))
    assert {POSTINST, POSTRM} < set(plan)
    for name in ("55-initrd.install", "85-initrd.install"):
        assert plan[f"etc/kernel/install.d/{name}"].after == Present(b"/dev/null", None)
    assert "etc/kernel/install.d/85-initrd.install" not in {
        change.path for change in plan.values() if change.consent
    }


def test_what_belongs_to_others_is_changed_with_consent_only(debian: Path) -> None:
    plan = plan_install(debian, command=COMMAND, debian=True)
    asked = {change.path: change.after for change in plan.changes if change.consent}
    assert asked == {
        TOOLS: Present(b"#!/bin/sh\n", 0o644),
        UPDATE_INITRAMFS: Present(b"# comment\nupdate_initramfs=no\nbackup_initramfs=no\n", 0o644),
    }


def test_a_plugin_that_somebody_put_in_a_masks_place_needs_consent(debian: Path) -> None:
    put(debian, "etc/kernel/install.d/85-initrd.install", "#!/bin/sh\n", mode=0o755)
    assert by_path(plan_install(debian, command=COMMAND, debian=True))[
        "etc/kernel/install.d/85-initrd.install"
    ].consent


def test_update_initramfs_without_its_file_is_active_and_gets_one(debian: Path) -> None:
    (debian / UPDATE_INITRAMFS).unlink()
    assert UPDATE_INITRAMFS in {each.trigger for each in status(debian, debian=True).others}
    change = by_path(plan_install(debian, command=COMMAND, debian=True))[UPDATE_INITRAMFS]
    assert (change.after, change.consent) == (Present(b"update_initramfs=no\n", 0o644), True)
    install(debian, is_debian=True)
    assert status(debian, debian=True).complete
    assert {each.path: each.after for each in plan_remove(debian).changes}[UPDATE_INITRAMFS] is None


@pytest.mark.parametrize("text", ["update_initramfs=no # by me\n", 'update_initramfs="no"\t# by me\n'])
def test_a_no_with_a_comment_is_left_alone(debian: Path, text: str) -> None:
    put(debian, UPDATE_INITRAMFS, text)
    assert UPDATE_INITRAMFS not in by_path(plan_install(debian, command=COMMAND, debian=True))
    assert UPDATE_INITRAMFS not in {each.trigger for each in status(debian, debian=True).others}


def test_debian_without_systemd_gets_its_own_hooks_only(tmp_path: Path) -> None:
    plan = plan_install(tmp_path, command=COMMAND, debian=True)
    assert list(by_path(plan)) == [POSTINST, POSTRM]


def test_where_nothing_would_call_a_hook_none_is_installed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no kernel-install and is no Debian"):
        plan_install(tmp_path, command=COMMAND, debian=False)


def test_a_link_is_not_written_through(fedora: Path) -> None:
    (fedora / "etc/kernel").mkdir(parents=True)
    (fedora / INSTALL_CONF).symlink_to("/usr/lib/kernel/install.conf")
    with pytest.raises(ConfigError, match=r"is a link to /usr/lib/kernel/install\.conf"):
        plan_install(fedora, command=COMMAND, debian=False)


def test_links_to_folders_are_followed_inside_the_sysroot(fedora: Path) -> None:
    (fedora / "elsewhere").mkdir()
    (fedora / "etc").mkdir()
    (fedora / "etc/kernel").symlink_to("/elsewhere")
    install(fedora, is_debian=False)
    assert (fedora / "elsewhere/install.d/52-aoeinit.install").is_file()


@pytest.mark.parametrize("is_debian", [False, True])
def test_installing_twice_changes_nothing(debian: Path, is_debian: bool) -> None:  # noqa: FBT001
    install(debian, is_debian=is_debian)
    before = tree(debian)
    again = plan_install(debian, command=COMMAND, debian=is_debian)
    assert again.changes == ()
    assert record_text(again.record) == (debian / RECORD).read_bytes()
    assert tree(debian) == before


def test_removing_puts_back_every_byte_and_mode(debian: Path) -> None:
    put(debian, INSTALL_CONF, "layout=other\ninitrd_generator=dracut", mode=0o640)
    put(debian, PLUGIN, "old version\n", mode=0o700)
    before = tree(debian)
    install(debian, is_debian=True)
    install(debian, is_debian=True, command="/usr/bin/aoeinit")
    plan = plan_remove(debian)
    for change in plan.changes:
        apply(debian, change)
    (debian / RECORD).unlink()
    for folder in sorted(plan.record.folders, reverse=True):
        (debian / folder).rmdir()
    assert plan.record.changes == {}
    assert tree(debian) == before


def test_what_was_changed_since_keeps_its_changes(debian: Path) -> None:
    put(debian, INSTALL_CONF, "layout=other\n")
    install(debian, is_debian=True)
    put(debian, INSTALL_CONF, "layout=bls\ninitrd_generator=aoeinit\n# new\n")
    put(debian, UPDATE_INITRAMFS, "update_initramfs=no\n# new\n")
    put(debian, TOOLS, "#!/bin/sh\n# a new version\n", mode=0o644)
    put(debian, POSTINST, "edited\n", mode=0o755)
    plan = plan_remove(debian)
    after = {change.path: change.after for change in plan.changes}
    assert after[INSTALL_CONF] == Present(b"layout=bls\n# new\n", 0o644)
    assert after[UPDATE_INITRAMFS] == Present(b"update_initramfs=yes\n# new\n", 0o644)
    assert after[TOOLS] == Present(b"#!/bin/sh\n# a new version\n", 0o755)
    assert POSTINST not in after
    assert plan.warnings == (f"/{POSTINST} was changed since it was installed, and stays as it is",)
    assert list(plan.record.changes) == [POSTINST]


@pytest.mark.parametrize(
    ("path", "edited"),
    [
        (INSTALL_CONF, "layout=bls\ninitrd_generator=dracut\n# mine\n"),
        (UPDATE_INITRAMFS, "# mine\nupdate_initramfs=all\n"),
        (TOOLS, "#!/bin/sh\n# a new version\n"),
        (PLUGIN, "#!/bin/sh\n# mine\n"),
    ],
)
def test_an_edit_between_two_installations_comes_back(debian: Path, path: str, edited: str) -> None:
    put(debian, INSTALL_CONF, "layout=other\n")
    install(debian, is_debian=True)
    put(debian, path, edited, mode=0o755)
    install(debian, is_debian=True)
    assert look(debian, path) != Present(edited.encode(), 0o755)
    restored = {change.path: change.after for change in plan_remove(debian).changes}
    assert restored[path] == Present(edited.encode(), 0o755)


def test_permissions_that_somebody_gave_our_hook_do_not_make_it_stay(debian: Path) -> None:
    install(debian, is_debian=True)
    (debian / PLUGIN).chmod(0o644)
    install(debian, is_debian=True)
    assert {change.path: change.after for change in plan_remove(debian).changes}[PLUGIN] is None


def test_a_generator_that_was_set_anew_stays(debian: Path) -> None:
    install(debian, is_debian=True)
    put(debian, INSTALL_CONF, "initrd_generator=dracut\n")
    assert INSTALL_CONF not in {change.path for change in plan_remove(debian).changes}


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


def test_status_tells_what_is_there_and_who_else(debian: Path) -> None:
    found = status(debian, debian=True)
    assert (found.generator, found.command, found.complete) == (None, None, False)
    assert {each.trigger for each in found.others} == {TOOLS, UPDATE_INITRAMFS}
    assert PLUGIN in found.missing
    install(debian, is_debian=True)
    found = status(debian, debian=True)
    assert (found.generator, found.command, found.complete) == ("aoeinit", COMMAND, True)
    assert (found.others, found.differing, found.missing) == ((), (), ())
    put(debian, POSTINST, "edited\n", mode=0o755)
    assert status(debian, debian=True).differing == (POSTINST,)


@pytest.mark.parametrize("value", ["dracut", ""])
def test_status_is_not_complete_where_a_drop_in_names_another_generator(fedora: Path, value: str) -> None:
    install(fedora, is_debian=False)
    (fedora / "usr/lib/kernel/install.d/50-dracut.install").unlink()
    assert status(fedora, debian=False).complete
    drop_in = f"{INSTALL_CONF}.d/50-x.conf"
    put(fedora, drop_in, f"initrd_generator={value}\n")
    found = status(fedora, debian=False)
    assert (found.generator, found.generator_file, found.complete) == (value, drop_in, False)


def test_dracuts_plugin_is_active_unless_another_generator_is_set_or_it_is_masked(fedora: Path) -> None:
    assert [each.name for each in status(fedora, debian=False).others] == ["dracut"]
    put(fedora, INSTALL_CONF, "initrd_generator=mkinitcpio\n")
    assert status(fedora, debian=False).others == ()
    put(fedora, INSTALL_CONF, "initrd_generator=dracut\n")
    assert [each.name for each in status(fedora, debian=False).others] == ["dracut"]
    (fedora / "etc/kernel/install.d").mkdir()
    (fedora / "etc/kernel/install.d/50-dracut.install").symlink_to("/dev/null")
    assert status(fedora, debian=False).others == ()


def test_a_generator_that_nothing_silences_is_warned_of(fedora: Path) -> None:
    put(fedora, "usr/share/libalpm/hooks/90-mkinitcpio-install.hook")
    (warning,) = plan_install(fedora, command=COMMAND, debian=False).warnings
    assert warning.startswith("mkinitcpio stays active (/usr/share/libalpm/hooks/90-mkinitcpio-install.hook)")


def test_a_drop_in_with_another_generator_is_warned_of(fedora: Path) -> None:
    drop_in = f"{VENDOR_CONF}.d/50-x.conf"
    put(fedora, drop_in, "initrd_generator = dracut\n")
    assert configured_generator(fedora) == ("dracut", drop_in)
    (warning,) = plan_install(fedora, command=COMMAND, debian=False).warnings
    assert (
        warning == f"/{drop_in} sets initrd_generator=dracut; since systemd 254 it overrides /{INSTALL_CONF}"
    )
    put(fedora, f"{INSTALL_CONF}.d/50-x.conf", "layout=bls\n")
    assert configured_generator(fedora) == (None, None)


def test_a_generators_file_that_cannot_be_read_is_named(
    fedora: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(AoeinitError, match=r"cannot read .*install\.conf: Permission denied"):
        configured_generator(fedora)


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
