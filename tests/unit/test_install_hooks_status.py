"""The status of the hooks, and of the other generators of images."""

import errno
from pathlib import Path

import pytest

from aoeinit.errors import AoeinitError
from aoeinit.install.hooks import (
    INSTALL_CONF,
    UPDATE_INITRAMFS,
    VENDOR_CONF,
    configured_generator,
    plan_install,
    status,
)
from tests.unit.hooks_samples import COMMAND, PLUGIN, POSTINST, TOOLS, install, make_debian, make_fedora
from tests.unit.tree_samples import put


@pytest.fixture
def fedora(tmp_path: Path) -> Path:
    return make_fedora(tmp_path)


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    return make_debian(tmp_path)


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
