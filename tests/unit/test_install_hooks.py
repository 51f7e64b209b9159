"""What the hooks change in a system, and that all of it can be taken back."""

from pathlib import Path

import pytest

from aoeinit.errors import ConfigError
from aoeinit.install.hooks import INSTALL_CONF, RECORD, UPDATE_INITRAMFS, plan_install, plan_remove, status
from aoeinit.install.record import record_text
from aoeinit.install.state import Present, look
from aoeinit.system.changes import apply
from tests.unit.hooks_samples import (
    COMMAND,
    COPY_PLUGIN,
    PLUGIN,
    POSTINST,
    POSTRM,
    TOOLS,
    by_path,
    install,
    make_debian,
    make_fedora,
)
from tests.unit.tree_samples import put, tree


@pytest.fixture
def fedora(tmp_path: Path) -> Path:
    return make_fedora(tmp_path)


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    return make_debian(tmp_path)


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
