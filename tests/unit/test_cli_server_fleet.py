"""aoeinit server fleet: what it makes of the file, puts in place and takes back, and what it refuses."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aoeinit.cli.server import server
from aoeinit.errors import ConfigError
from tests.unit.fleet_samples import ALL, CLIENT, HEAD, SECOND


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(server, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.toml"
    path.write_text(ALL)
    return path


def test_a_file_is_checked(file: Path) -> None:
    assert call("fleet", file).stdout == f"3 clients, 3 disks: nothing is wrong with {file}\n"
    told = json.loads(call("fleet", file, "--json").stdout)
    assert [(each["name"], each["target"]) for each in told["clients"]][2] == ("dione", "e10.0")
    assert told["clients"][2]["address"] == "10.11.1.7"
    assert told["exports"][0]["device"] == "/dev/vg/hyperion"


def test_everything_is_written_to_a_new_folder(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out/put"
    done = call("fleet", file, "--output", folder, "--sysroot", tmp_path)
    assert done.exit_code == 0
    assert "warning: nothing for networkd" in done.stderr
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    assert found >= {
        "boot.ipxe",
        "dnsmasq/etc/dnsmasq.d/aoeinit.conf",
        "dhcpd/etc/dhcp/aoeinit.conf",
        "kea/etc/kea/aoeinit.json",
        "exports/etc/systemd/system/vblade-e11.1.br0.service",
    }
    with pytest.raises(Exception, match="is not empty"):
        call("fleet", file, "--output", folder)


def test_a_fleet_is_put_in_place_changed_and_taken_back(file: Path, tmp_path: Path) -> None:
    sysroot = tmp_path / "root"
    sysroot.mkdir()
    words = ("fleet", file, "--install", "--dhcp", "dnsmasq", "--sysroot", sysroot)
    done = call(*words).stdout
    assert "on that system run: systemctl daemon-reload && systemctl restart vblade.target\n" in done
    assert done.endswith("on that system run: systemctl restart dnsmasq.service\n")
    assert "aoe:e11.1" in (sysroot / "etc/dnsmasq.d/aoeinit.conf").read_text()
    assert "nothing to change" in call(*words).stdout
    file.write_text(ALL.replace(SECOND, ""))
    assert "remove /etc/systemd/system/vblade-e11.1.br0.service" in call(*words).stdout
    assert "aoe:e11.1" not in (sysroot / "etc/dnsmasq.d/aoeinit.conf").read_text()
    call("fleet", "--undo", "--sysroot", sysroot)
    assert list(sysroot.iterdir()) == []


def test_the_settings_of_dhcp_stay_until_another_server_is_named(file: Path, tmp_path: Path) -> None:
    sysroot = tmp_path / "root"
    sysroot.mkdir()
    words = ("fleet", file, "--install", "--sysroot", sysroot)
    call(*words, "--dhcp", "dnsmasq")
    settings = sysroot / "etc/dnsmasq.d/aoeinit.conf"
    before = settings.read_text()
    file.write_text(ALL.replace(SECOND, ""))
    done = call(*words)
    assert (
        "warning: /etc/dnsmasq.d/aoeinit.conf stays as it is: --dhcp dnsmasq writes it anew\n" in done.stderr
    )
    assert settings.read_text() == before
    call(*words, "--dhcp", "kea")
    assert not settings.exists()
    assert "stays" in call(*words).stderr
    call("fleet", "--undo", "--sysroot", sysroot)
    assert list(sysroot.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "needs", "has_no_longer"),
    [
        (
            "dhcpd",
            '/etc/dhcp/dhcpd.conf needs include "/etc/dhcp/aoeinit.conf";\n',
            '/etc/dhcp/dhcpd.conf must no longer have include "/etc/dhcp/aoeinit.conf";\n',
        ),
        (
            "kea",
            '/etc/kea/kea-dhcp4.conf needs <?include "/etc/kea/aoeinit.json"?> as all of its text\n',
            '/etc/kea/kea-dhcp4.conf must no longer have <?include "/etc/kea/aoeinit.json"?>',
        ),
    ],
)
def test_a_dhcp_server_that_needs_a_line_to_read_its_settings_is_told_of(
    file: Path, tmp_path: Path, kind: str, needs: str, has_no_longer: str
) -> None:
    sysroot = tmp_path / "root"
    sysroot.mkdir()
    assert needs in call("fleet", file, "--install", "--dhcp", kind, "--sysroot", sysroot).stdout
    assert has_no_longer in call("fleet", "--undo", "--sysroot", sysroot).stdout


@pytest.mark.parametrize("debian", [True, False])
def test_what_one_command_has_put_in_place_the_other_does_not_take_over(
    file: Path, tmp_path: Path, *, debian: bool
) -> None:
    sysroot = tmp_path / "root"
    units = sysroot / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    (units / ("vblade@.service" if debian else "other.service")).touch()
    file.write_text(HEAD + CLIENT)
    disk = ("--target", "e11.0", "--device", "/dev/vg/hyperion")
    client = ("--interface", "br0", "--mac", "52:54:00:11:00:01")
    export = ("export", *disk, *client, "--install", "--sysroot", sysroot)
    fleet = ("fleet", file, "--install", "--sysroot", sysroot)
    for first, second in ((export, fleet), (fleet, export)):
        assert call(*first).exit_code == 0
        with pytest.raises(
            ConfigError, match=f"was put in place by aoeinit server {first[0]} already"
        ) as caught:
            call(*second)
        assert caught.value.hint == f"run aoeinit server {first[0]} --undo first"
        call(first[0], "--undo", "--sysroot", sysroot)


@pytest.mark.parametrize(
    "words",
    [["--install", "--output", "x"], ["--dhcp", "kea"], ["--dry-run"], ["--undo"]],
)
def test_options_that_do_not_go_together_are_refused(file: Path, words: list[str]) -> None:
    assert call("fleet", file, *words).exit_code == 2
    assert call("fleet").exit_code == 2


@pytest.mark.parametrize("content", [b"\xff", b"\0", b"=", b"[[client]]\n" * 3])
def test_garbage_is_an_error_with_the_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(ConfigError if content != b"\xff" else Exception, match=str(tmp_path / "f")):
        call("fleet", tmp_path / "f")
