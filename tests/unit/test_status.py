import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from aoeinit.boot.contract import STEPS
from aoeinit.boot.report import DriverReport, ServerPath, Step, read_boot_report
from aoeinit.boot.timeline import MEANINGS, timeline
from aoeinit.cli.status import status
from aoeinit.errors import AoeinitError

STATE = "target=e11.0\ndevice=/dev/etherd/e11.0\nserver=52:54:00:aa:bb:cc\nroot=/dev/etherd/e11.0p1\n"
USED = "parameter=root=/dev/etherd/e11.0p1\nparameter=rootflags=a b\nparameter=quiet\n"
TIMELINE = (
    "1.50 start\n1.62 modules\n1.63 interface\n3.70 carrier\n3.71 aoe\n4.20 device\n4.31 root\n4.32 switch\n"
)
# As a kernel 6.1 with two servers of one target shows it.
DEBUGFS = """\
rttavg: 1 rttdev: 1
nskbpool: 0
kicked: 0
maxbcnt: 1024
ref: 1
falloc: 2
ffree: 00000000c0a8d1f0
525400aabbcc:0:16:16
\tssthresh:8
\ttaint:0
\tr:120
\tw:0
\taoe0,aoe1
falloc: 1
ffree: 00000000c0a8d1f1
525400aabbdd:1:1:16
\tssthresh:8
\ttaint:27
\tr:3
\tw:0
\taoe0
"""


@pytest.fixture
def booted(tmp_path: Path) -> Path:
    files = {
        "run/aoeinit/state": STATE + USED,
        "run/aoeinit/timeline": TIMELINE,
        "sys/block/etherd!e11.0/state": "up\n",
        "sys/block/etherd!e11.0/netif": "aoe0,aoe1\n",
        "sys/block/etherd!e11.0/payload": "1024\n",
        "sys/class/net/aoe0/mtu": "1500\n",
        "sys/module/aoe/parameters/aoe_deadsecs": "2147483647\n",
        "sys/kernel/debug/aoe/e11.0": DEBUGFS,
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def elements(svg: str) -> list[ET.Element]:
    return list(ET.fromstring(svg).iter())  # noqa: S314 - our own picture


def run(sysroot: Path, *arguments: str) -> str:
    result = CliRunner().invoke(status, ["--sysroot", str(sysroot), *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_a_report_has_what_the_agent_wrote_and_what_the_driver_says(booted: Path) -> None:
    report = read_boot_report(booted)
    assert report.state["root"] == "/dev/etherd/e11.0p1"
    assert "parameter" not in report.state
    assert report.parameters == ("root=/dev/etherd/e11.0p1", "rootflags=a b", "quiet")
    assert report.steps[:2] == (Step("start", 1.5), Step("modules", 1.62))
    assert report.driver == DriverReport(
        state="up",
        interfaces=("aoe0", "aoe1"),
        payload=1024,
        mtu=1500,
        dead_seconds=2147483647,
        paths=(
            ServerPath("52:54:00:aa:bb:cc", ("aoe0", "aoe1")),
            ServerPath("52:54:00:aa:bb:dd", ("aoe0",)),
        ),
    )


def test_a_driver_that_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "run/aoeinit").mkdir(parents=True)
    (tmp_path / "run/aoeinit/state").write_text("target=e11.0\n")
    (tmp_path / "run/aoeinit/timeline").write_text("")
    report = read_boot_report(tmp_path)
    assert report.driver == DriverReport(None, (), None, None, None, ())
    assert run(tmp_path).splitlines() == [
        "this boot",
        "  target       e11.0",
        "the driver now",
        "  state        unknown: /sys has no target e11.0",
    ]


@pytest.mark.parametrize("text", ["", "nonsense\n", "target=\n", "parameter=target=e11.0\n", "\0\0\0"])
def test_a_damaged_state_is_an_error_that_names_the_file(booted: Path, text: str) -> None:
    (booted / "run/aoeinit/state").write_text(text)
    with pytest.raises(AoeinitError, match="names no target") as caught:
        read_boot_report(booted)
    assert caught.value.message.startswith(f"{booted}/run/aoeinit/state ")
    assert "boot again" in (caught.value.hint or "")


@pytest.mark.parametrize("text", ["", "1.50 start\n"])
def test_a_time_line_with_nothing_to_draw_makes_no_picture(booted: Path, text: str) -> None:
    (booted / "run/aoeinit/timeline").write_text(text)
    arguments = ["--sysroot", str(booted), "--plot", str(booted / "boot.svg")]
    with pytest.raises(AoeinitError, match="run/aoeinit/timeline has no two steps") as caught:
        CliRunner().invoke(status, arguments, catch_exceptions=False)
    assert "--plot" in (caught.value.hint or "")
    assert not (booted / "boot.svg").exists()
    assert "seconds that each step took" not in run(booted)


@pytest.mark.parametrize("end", ["\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_a_hostile_parameter_is_one_value(booted: Path, end: str) -> None:
    (booted / "run/aoeinit/state").write_bytes(f"{STATE}parameter=init={end}target=e6.6\n".encode())
    report = read_boot_report(booted)
    assert report.state["target"] == "e11.0"
    assert report.parameters == (f"init={end}target=e6.6",)


def test_a_system_that_the_agent_did_not_boot(tmp_path: Path) -> None:
    with pytest.raises(AoeinitError, match="not booted by aoeinit's agent"):
        read_boot_report(tmp_path)


@pytest.mark.parametrize("line", ["soon start", "1.0", "-1 start", "1e9 start", "1.0 a b", "\u0661 start"])
def test_a_time_line_that_cannot_be_read(booted: Path, line: str) -> None:
    (booted / "run/aoeinit/timeline").write_text(f"1.0 start\n{line}\n")
    with pytest.raises(AoeinitError, match="has a line that is no step") as caught:
        read_boot_report(booted)
    assert caught.value.message.startswith(f"{booted}/run/aoeinit/timeline ")
    assert "boot again" in (caught.value.hint or "")


def test_it_is_printed_for_people(booted: Path) -> None:
    assert run(booted).splitlines() == [
        "this boot",
        "  target       e11.0",
        "  device       /dev/etherd/e11.0",
        "  server       52:54:00:aa:bb:cc",
        "  root         /dev/etherd/e11.0p1",
        "  parameter    root=/dev/etherd/e11.0p1",
        "  parameter    rootflags=a b",
        "  parameter    quiet",
        "the driver now",
        "  state        up",
        "  interfaces   aoe0,aoe1",
        "  payload      1024",
        "  mtu          1500",
        "  dead_seconds 2147483647",
        "  path         52:54:00:aa:bb:cc on aoe0,aoe1",
        "  path         52:54:00:aa:bb:dd on aoe0",
        "seconds that each step took",
        "  modules      0.12",
        "  interface    0.01",
        "  carrier      2.07",
        "  aoe          0.01",
        "  device       0.49",
        "  root         0.11",
        "  switch       0.01",
        "  total        2.82",
    ]


@pytest.mark.parametrize("words", ["kept", "not kept: there is no nft: install nftables"])
def test_a_pin_is_told_of_where_there_is_one(booted: Path, words: str) -> None:
    assert "  pin " not in run(booted)
    assert json.loads(run(booted, "--json"))["pin"] is None
    (booted / "run/aoeinit/pin").write_text(f"{words}\n")
    assert f"  pin          {words}" in run(booted).splitlines()
    assert json.loads(run(booted, "--json"))["pin"] == words


def test_it_is_printed_as_data(booted: Path) -> None:
    values = json.loads(run(booted, "--json"))
    assert values["state"]["target"] == "e11.0"
    assert values["parameters"] == ["root=/dev/etherd/e11.0p1", "rootflags=a b", "quiet"]
    assert values["steps"][3] == {"name": "carrier", "seconds": 3.7}
    assert values["driver"]["paths"][1] == {"mac": "52:54:00:aa:bb:dd", "interfaces": ["aoe0"]}


def test_the_picture_is_written_and_names_every_step(booted: Path) -> None:
    assert run(booted, "--plot", str(booted / "boot.svg")) == ""
    texts = [element.text for element in elements((booted / "boot.svg").read_text()) if element.text]
    assert set(MEANINGS.values()) <= set(texts)
    assert tuple(MEANINGS) == STEPS[1:]
    assert {"2.07 s", "root's device found"} <= set(texts)
    assert any(text.startswith("2.82 s from process 1") for text in texts)


@given(
    st.lists(st.floats(0, 1e9, allow_nan=False), max_size=12).map(sorted),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20).filter(
        lambda text: "\ufffe" not in text and "\uffff" not in text
    ),
)
def test_any_time_line_makes_a_picture_whose_bars_are_inside(times: list[float], title: str) -> None:
    svg = timeline([Step(f"<{number}>", seconds) for number, seconds in enumerate(times)], title)
    root, *rest = elements(svg)
    width = float(root.get("width") or 0)
    bars = [element for element in rest if element.tag.endswith("rect")][1:]
    assert len(bars) == max(len(times) - 1, 0)
    assert all(0 <= float(bar.get("x") or -1) <= width - 80 for bar in bars)
    assert len(re.findall("<line ", svg)) <= 9
