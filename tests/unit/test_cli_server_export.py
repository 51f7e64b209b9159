"""aoeinit server export: what it shows and installs, what it refuses, and that it takes all of it back."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aoeinit.cli.server import server
from aoeinit.errors import ConfigError
from aoeinit.server.vblade import MAX_MACS
from tests.unit.server_samples import CONF, DROP_IN, MAC, UNIT, many_macs
from tests.unit.tree_samples import put


def call(*words: str) -> Result:
    return CliRunner().invoke(server, words, catch_exceptions=False)


def ask(sysroot: Path, *more: str, device: str = "/dev/vg/hyperion", mac: str = MAC) -> Result:
    words = ("--target", "e11.0", "--device", device, "--interface", "eth0", "--mac", mac)
    done = call("export", "--sysroot", str(sysroot), *words, *more)
    assert done.exit_code == 0, done.output
    return done


def tree(sysroot: Path) -> dict[str, str]:
    paths = [path for path in sysroot.rglob("*") if path.is_symlink() or path.is_file()]
    return {
        str(path.relative_to(sysroot)): str(path.readlink()) if path.is_symlink() else path.read_text()
        for path in paths
    }


@pytest.fixture(params=["ours", "debian"])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "debian":
        put(tmp_path, "usr/lib/systemd/system/vblade@.service")
    return tmp_path


def test_an_export_is_printed_and_nothing_written(system: Path) -> None:
    before = tree(system)
    shown = ask(system).stdout
    assert "/dev/vg/hyperion" in shown
    assert shown.startswith("# /etc/")
    assert {each["path"] for each in json.loads(ask(system, "--json").stdout)} <= {
        *(f"/{path}" for path in (CONF, DROP_IN, UNIT)),
        "/etc/systemd/system/vblade.target",
        "/etc/systemd/system/vblade.target.wants/vblade-e11.0.eth0.service",
        "/etc/systemd/system/multi-user.target.wants/vblade.target",
    }
    assert tree(system) == before


def test_an_export_is_put_in_place_once_and_taken_back(system: Path) -> None:
    before = tree(system)
    assert "would write" in ask(system, "--install", "--dry-run").stdout
    assert tree(system) == before
    assert (
        "on that system run: systemctl daemon-reload && systemctl restart vblade."
        in ask(system, "--install").stdout
    )
    installed = tree(system)
    assert ask(system, "--install").stdout == "nothing to change: all is in place\n"
    assert tree(system) == installed
    call("export", "--sysroot", str(system), "--undo")
    assert tree(system) == before


def test_fewer_macs_take_the_further_vblades_away(system: Path) -> None:
    ask(system, "--install", mac=",".join(many_macs(MAX_MACS + 1)))
    assert any(":2" in path for path in tree(system))
    ask(system, "--install")
    assert not any(":2" in path for path in tree(system))


def test_what_is_taken_back_or_moved_to_debians_unit_is_stopped(tmp_path: Path) -> None:
    stop = "on that system run: systemctl stop vblade-e11.0.eth0.service"
    ask(tmp_path, "--install")
    undone = call("export", "--sysroot", str(tmp_path), "--undo").stdout
    assert f"{stop} vblade.target; systemctl daemon-reload\n" in undone
    ask(tmp_path, "--install")
    put(tmp_path, "usr/lib/systemd/system/vblade@.service")
    moved = ask(tmp_path, "--install").stdout
    assert f"{stop}; systemctl daemon-reload && systemctl restart vblade.service\n" in moved


def test_a_server_that_gets_debians_package_leaves_our_unit(tmp_path: Path) -> None:
    ask(tmp_path, "--install")
    put(tmp_path, "usr/lib/systemd/system/vblade@.service")
    ask(tmp_path, "--install")
    assert {CONF, DROP_IN} < tree(tmp_path).keys()
    assert UNIT not in tree(tmp_path)


def test_what_somebody_else_exports_is_refused(system: Path) -> None:
    put(system, "etc/vblade.conf.d/mine.conf", "shelf=11\nslot=0\nnetif=eth0\nfilename=/dev/sdz\n")
    with pytest.raises(ConfigError, match=r"/etc/vblade.conf.d/mine.conf exports e11.0 on eth0 already"):
        ask(system, "--install")


def test_a_file_of_the_admins_is_not_overwritten(system: Path) -> None:
    path = next(each["path"] for each in json.loads(ask(system, "--json").stdout) if "e11.0" in each["path"])
    put(system, path.lstrip("/"), "# mine\n")
    before = tree(system)
    with pytest.raises(ConfigError, match=rf"^{path} is there already, and aoeinit has not written it$"):
        ask(system, "--install")
    assert tree(system) == before


def test_a_link_of_the_admins_is_not_overwritten(tmp_path: Path) -> None:
    link = tmp_path / "etc/systemd/system/multi-user.target.wants/vblade.target"
    link.parent.mkdir(parents=True)
    link.symlink_to("/srv/vblade.target")
    with pytest.raises(ConfigError, match=r"vblade\.target is there already"):
        ask(tmp_path, "--install")


def test_a_file_of_ours_is_written_again_without_a_record_or_after_a_change(system: Path) -> None:
    ask(system, "--install")
    installed = tree(system)
    (system / "var/lib/aoeinit/server-export.json").unlink()
    ask(system, "--install", device="/dev/vg/rhea")
    changed = next(path for path in installed if "e11.0" in path and not (system / path).is_symlink())
    put(system, changed, "# changed by somebody\n")
    ask(system, "--install")
    assert {path: text for path, text in tree(system).items() if path.startswith("etc")} == {
        path: text for path, text in installed.items() if path.startswith("etc")
    }


@pytest.mark.parametrize(
    "words",
    [
        ["--target", "e11.0"],
        ["--undo", "--target", "e11.0"],
        ["--target", "e11.0", "--device", "/x", "--interface", "a", "--mac", MAC, "--dry-run"],
    ],
)
def test_half_a_command_is_refused(words: list[str]) -> None:
    assert call("export", *words).exit_code == 2


def test_the_word_any_lets_everybody_in(system: Path) -> None:
    assert " -m " not in ask(system, mac="any").stdout
