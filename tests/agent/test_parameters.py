"""The kernel's command line and the image's facts, as the agent reads them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agent.machine import Machine
from tests.agent.shell import agent_shell, single_quoted

# Prints each word that the parser finds: name, value, end of entry; then the end of the line.
SHOW_WORDS = r"""
set_parameter() { printf '%s\001%s\002' "$1" "$2"; }
show() { parse_words "$1"; printf '\003'; }
"""


def next_arg(text: str) -> tuple[str, str | None, str]:
    """One step of next_arg() in the kernel's lib/cmdline.c: name, value and the rest of the line."""
    spaces = " \t\n\v\f\r"
    in_quote = quoted = text.startswith('"')
    args = text[1:] if quoted else text
    equals = index = 0
    while index < len(args):
        if args[index] in spaces and not in_quote:
            break
        if equals == 0 and args[index] == "=":
            equals = index
        if args[index] == '"':
            in_quote = not in_quote
        index += 1
    word, rest = args[:index], args[index + 1 :].lstrip(spaces)
    if not equals:
        return word.removesuffix('"') if quoted else word, None, rest
    name, value = word[:equals], word[equals + 1 :]
    if value.startswith('"'):
        return name, value[1:].removesuffix('"'), rest
    return name, value.removesuffix('"') if quoted else value, rest


def parse_args(text: str) -> list[tuple[str, str]]:
    """What the kernel makes of a command line; a name that has a value ends in "=" here, as in the agent."""
    found = []
    rest = text.lstrip(" \t\n\v\f\r")
    while rest:
        name, value, rest = next_arg(rest)
        if name == "--" and value is None:
            break
        found.append((name, "") if value is None else (f"{name}=", value))
    return found


def words(lines: list[str]) -> list[list[tuple[str, str]]]:
    """What the agent makes of command lines."""
    output = agent_shell(SHOW_WORDS + "".join(f"show {single_quoted(line)}\n" for line in lines))
    return [
        [(name, value) for name, _, value in (entry.partition("\x01") for entry in line.split("\x02")[:-1])]
        for line in output.split("\x03")[:-1]
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", []),
        ("  ro\tquiet \n", [("ro", ""), ("quiet", "")]),
        ("root=a root=b", [("root=", "a"), ("root=", "b")]),
        ('a="b c" d', [("a=", "b c"), ("d", "")]),
        ('"a=b c" d', [("a=", "b c"), ("d", "")]),
        ('a=b"c d"e', [("a=", 'b"c d"e')]),
        ('"quiet"', [("quiet", "")]),
        ('a="b c', [("a=", "b c")]),
        ("a=b=c", [("a=", "b=c")]),
        ("a=", [("a=", "")]),
        ("ro -- root=x", [("ro", "")]),
        ("--x ro", [("--x", ""), ("ro", "")]),
        (
            "a=$(reboot) b=`reboot` c=* d=~",
            [("a=", "$(reboot)"), ("b=", "`reboot`"), ("c=", "*"), ("d=", "~")],
        ),
        ("a=\\ b", [("a=", "\\"), ("b", "")]),
    ],
)
def test_words_of_a_command_line(line: str, expected: list[tuple[str, str]]) -> None:
    assert words([line]) == [expected]
    assert parse_args(line) == expected


TOKENS = [
    "root",
    "rd.aoe",
    "=",
    '"',
    " ",
    "\n",
    "\t",
    "--",
    "-",
    "a",
    "é",
    "$(reboot)",
    "`",
    "\\",
    "*",
    "?",
    "[",
    "'",
]


@settings(max_examples=60)
@given(st.lists(st.lists(st.sampled_from(TOKENS), max_size=25).map("".join), min_size=20, max_size=40))
def test_words_are_those_that_the_kernel_finds(lines: list[str]) -> None:
    """But for a word that begins with "=": its name is no parameter in either reading."""

    def named(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [entry for entry in found if not entry[0].startswith("=")]

    assert [named(found) for found in words(lines)] == [named(parse_args(line)) for line in lines]


def test_a_long_value_is_parsed_whole() -> None:
    value = "x" * 4096
    assert words([f"root={value} ro"]) == [[("root=", value), ("ro", "")]]


def settings_after(machine: Machine, line: str, *names: str) -> list[str]:
    """The agent's variables after it has read a command line."""
    machine.put("proc/cmdline", f"{line}\n")
    show = "".join(f"printf '%s\\n' \"${name}\"\n" for name in names)
    return machine.run(f"read_parameters\n{show}").output.splitlines()


@pytest.mark.parametrize(
    ("line", "variable", "value"),
    [
        ("root=/dev/x root=/dev/y", "root", "/dev/y"),
        ("rootfstype=ext4,xfs", "rootfstype", "ext4,xfs"),
        ("rootflags=a,b", "rootflags", "a,b"),
        ("", "root_access", "ro"),
        ("rw", "root_access", "rw"),
        ("rw ro", "root_access", "ro"),
        ("rw=1", "root_access", "ro"),
        ("init=/bin/x", "init", "/bin/x"),
        ("", "panic", "30"),
        ("panic=0", "panic", "0"),
        ("panic=-1", "panic", "-1"),
        ("panic=5 panic=soon", "panic", "5"),
        ("panic=--1", "panic", "30"),
        ("quiet", "quiet", "1"),
        ("", "quiet", ""),
        ("rd.aoe=e11.0", "rd_aoe", "e11.0"),
        ("aoe=e11.0 rd.aoe=e11", "rd_aoe", ""),
        ("rd.aoe.nic=52:54:00:00:00:01", "rd_aoe_nic", "52:54:00:00:00:01"),
        ("", "timeout", "180"),
        ("rd.aoe.timeout=0", "timeout", "0"),
        ("rd.aoe.timeout=08", "timeout", "180"),
        ("rd.aoe.timeout=1.5", "timeout", "180"),
        ("rd.aoe.timeout=-1", "timeout", "180"),
        ("rd.aoe.timeout=9999999999", "timeout", "180"),
        ("rd.aoe.timeout=", "timeout", "180"),
        ("rd.debug", "debug", "1"),
        ("rd.debug=0", "debug", ""),
    ],
)
def test_a_parameter_and_what_it_sets(machine: Machine, line: str, variable: str, value: str) -> None:
    assert settings_after(machine, line, variable) == ([value] if value else [""])


@pytest.mark.parametrize(
    ("line", "warning"),
    [
        ("rd.aoe=e11", "rd.aoe=e11 is not a target such as e11.0 (shelf 0-65534, slot 0-254); ignored"),
        ("rd.aoe.timeout=soon", "rd.aoe.timeout=soon is not a number of seconds; using 180"),
        ("panic=soon", "panic=soon is not a number of seconds; using 30"),
    ],
)
def test_a_value_that_cannot_be_used_is_told(machine: Machine, line: str, warning: str) -> None:
    machine.put("proc/cmdline", f"{line}\n")
    assert machine.run("read_parameters").kmsg == [f"<4>aoeinit: {warning}"]


def truths(function: str, texts: list[str], *arguments: str) -> list[str]:
    """Those of ``texts`` for which the shell function is true."""
    rest = " ".join(arguments)
    script = "".join(
        f"{function} {single_quoted(text)} {rest} && echo {number}\n" for number, text in enumerate(texts)
    )
    return [texts[int(number)] for number in agent_shell(script).split()]


def test_numbers() -> None:
    good = ["0", "1", "99", "100"]
    bad = [
        "",
        "101",
        "00",
        "01",
        "-1",
        "+1",
        "1 ",
        " 1",
        "1e1",
        "0x1",
        "9999999999",
        "99999999999999999999",
        "a",
        "*",
    ]
    assert truths("is_number", good + bad, "100") == good


def test_targets() -> None:
    good = ["e0.0", "e11.0", "e65534.254"]
    bad = [
        "",
        "e",
        "e.",
        "e1",
        "e1.",
        "e.1",
        "11.0",
        "e65535.0",
        "e1.255",
        "e01.0",
        "e1.00",
        "e1.1.1",
        "ee1.1",
        "e1.1p1",
        "E1.1",
        "e*.*",
    ]
    assert truths("is_target", good + bad) == good


def test_partitions() -> None:
    good = ["", "p1", "p16", "p255"]
    bad = ["p", "p0", "p01", "p256", "1", "pp1", "p-1", "p1 "]
    assert truths("is_partition", good + bad) == good


def test_image_facts(machine: Machine) -> None:
    machine.put("etc/aoeinit/image", "version=1\nkernel=6.1.0-test\nunknown=x\nnic=all\ntarget=$(reboot)=*")
    outcome = machine.run('read_image_facts; printf \'%s\\n\' "$image_target" "$image_nic"')
    assert outcome.output.splitlines() == ["$(reboot)=*", "all"]
    assert outcome.kmsg == ["<6>aoeinit: version 1 on kernel 6.1.0-test"]


def test_an_image_for_another_kernel(machine: Machine) -> None:
    machine.put("etc/aoeinit/image", "kernel=5.10.0\n")
    assert machine.run("read_image_facts").said(
        "<4>aoeinit: this image was built for kernel 5.10.0, not 6.1.0-test"
    )
