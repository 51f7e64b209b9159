import json
import os
import threading
from contextlib import suppress
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from aoeinit.aoe.target import Target
from aoeinit.cli.build import build
from aoeinit.cli.config import config
from aoeinit.cli.settings import settings_for
from aoeinit.config import COMPRESSIONS, KEYS, Settings
from aoeinit.config_files import DEFAULT, load_settings
from aoeinit.errors import AoeinitError, ConfigError
from aoeinit.image.compression import METHODS

TOP = Path(__file__).parents[2]

ONE_RUN = {
    *("kernel", "sysroot", "sysfs", "output", "uki", "cmdline", "vmlinuz"),
    *("dry_run", "as_json", "verbose", "quiet"),
}
"""Options of build that say something of one run, not of this system's images."""


def write(sysroot: Path, text: str | bytes, name: str = "aoeinit.toml") -> Path:
    path = sysroot / "etc" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_without_files_everything_is_the_default(tmp_path: Path) -> None:
    assert load_settings(tmp_path) == (Settings(), dict.fromkeys(KEYS, DEFAULT))


def test_a_fifo_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    fifo = write(tmp_path, "", "aoeinit.d/a.toml")
    fifo.unlink()
    os.mkfifo(fifo)

    def answer() -> None:
        """Write to whoever waits for it, so that the test would fail and not hang."""
        with suppress(BrokenPipeError):
            fifo.write_text('nic = "host"')

    writer = threading.Thread(target=answer)
    writer.start()
    try:
        with pytest.raises(ConfigError, match=r"aoeinit\.d/a\.toml: not a regular file"):
            load_settings(tmp_path)
    finally:
        with open(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)):
            writer.join()


def test_every_key_is_read_and_its_line_known(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """# a comment

nic = ["host", "e1000"]
filesystem = "ext4"  # a string stands for a list of one
target = "e11.0"
module = [
    # one a line
    "dummy",
    "bonding",
]
program = ['/usr/sbin/ethtool']
file = ["/a:/b", "/c d"]
compress = "xz"
level = 9
microcode = "none"
""",
    )
    settings, origins = load_settings(tmp_path)
    assert settings == Settings(
        nic=("host", "e1000"),
        filesystem=("ext4",),
        target=Target(11, 0),
        module=("dummy", "bonding"),
        program=("/usr/sbin/ethtool",),
        file=((tmp_path / "a", "/b"), (tmp_path / "c d", "/c d")),
        compress="xz",
        level=9,
        microcode="none",
    )
    lines = {name: origins[name] for name in ("nic", "module", "program", "level")}
    assert lines == {
        "nic": f"{path}:3",
        "module": f"{path}:6",
        "program": f"{path}:11",
        "level": f"{path}:14",
    }


def test_a_later_file_replaces_what_an_earlier_one_says_lists_as_a_whole(tmp_path: Path) -> None:
    main = write(tmp_path, 'nic = ["host", "e1000"]\nmodule = ["a"]\n')
    write(tmp_path, 'nic = "all"\ntarget = "e1.1"', "aoeinit.d/10-lab.toml")
    last = write(tmp_path, '\ntarget = "e2.2"', "aoeinit.d/20-room.toml")
    write(tmp_path, "neither = this", "aoeinit.d/20-room.toml~")
    write(tmp_path, "nor = that", "aoeinit.d/.30-hidden.toml")
    settings, origins = load_settings(tmp_path)
    assert (settings.nic, settings.module, settings.target) == (("all",), ("a",), Target(2, 2))
    assert origins["module"] == f"{main}:2"
    assert origins["target"] == f"{last}:2"


def test_another_compression_puts_aside_the_level_of_the_one_before(tmp_path: Path) -> None:
    write(tmp_path, 'compress = "zstd"\nlevel = 19')
    write(tmp_path, 'compress = "xz"', "aoeinit.d/x.toml")
    settings, origins = load_settings(tmp_path)
    assert (settings.compress, settings.level, origins["level"]) == ("xz", None, DEFAULT)


def test_links_of_a_sysroot_are_followed_inside_it(tmp_path: Path) -> None:
    write(tmp_path, 'target = "e3.3"\nfile = "/key"', "real.toml")
    (tmp_path / "etc/aoeinit.toml").symlink_to("/etc/real.toml")
    (tmp_path / "key").symlink_to("/secret")
    (tmp_path / "secret").touch()
    settings, origins = load_settings(tmp_path)
    assert settings.file == ((tmp_path / "secret", "/key"),)
    assert origins["target"] == f"{tmp_path}/etc/aoeinit.toml:1"


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ('\nnics = "all"', 2, "unknown key 'nics'", "did you mean nic?"),
        ("colour = 1", 1, "unknown key 'colour'", "there is: nic, filesystem, "),
        ('# build\n[build]\nnic = "all"', 2, "unknown key 'build'", "there is: nic"),
        ("nic = 5", 1, "nic is an integer", 'it takes a string, or a list of strings: nic = "host"'),
        ('nic = ["all", true]', 1, "nic is a list with a boolean", "it takes a string, or a list"),
        ("nic = [[]]", 1, "nic is a list with a list", "it takes"),
        ('target = ["e1.1"]', 1, "target is a list", 'it takes a string: target = "e11.0"'),
        ("target = 11.0", 1, "target is a float", "it takes a string"),
        ("target.shelf = 11", 1, "target is a table", "it takes a string"),
        ("target = 2020-01-01", 1, "target is a date or time", "it takes a string"),
        ("\n\nlevel = '9'", 3, "level is a string", "it takes a whole number: level = 9"),
        ("level = true", 1, "level is a boolean", "it takes a whole number"),
        ("nic = []", 1, "nic: names no driver", "name one at least"),
        ('nic = ["a b"]', 1, "nic: 'a b' is not a name", "no blanks"),
        ('target = "11.0"', 1, "target: '11.0' is not an AoE target", "e<shelf>.<slot>"),
        ('compress = "zst"', 1, "compress: 'zst' is none of zstd, xz, gzip, lz4, none", "mean zstd?"),
        ("#\nlevel = 20", 2, "compression zstd has no level 20", "1 to 19"),
        ('compress = "none"\nlevel = 1', 2, "compression none has no level 1", "no level"),
        ('program = " "', 1, "program: ' ' is not a path", "name a file"),
        ('file = "key:/etc/key"', 1, "file: 'key' is no absolute path", "write where it is"),
        ('file = "/key:etc/key"', 1, "file: '/key:etc/key' is not SRC[:DST]", "absolute path in the image"),
        ('emergency_password = "/x"', 1, "emergency_password: that is no crypt hash", "in single quotes"),
        ('nic = "all"\nnic = "host"', 2, "not TOML: Cannot overwrite a value", "a line is like"),
        ("nic = all", 1, "not TOML: Invalid value in column 7", 'a line is like: nic = "host"'),
        ('\nnic = ["all"\n\n', 2, "not TOML: Unclosed array", "a line is like"),
        (b"\nnic = '\xff'", 2, "not UTF-8: byte 0xff", "save the file as UTF-8"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(
    tmp_path: Path, text: str | bytes, line: int | str, message: str, hint: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path)
    assert caught.value.message.startswith(f"{path}:{line}: {message}")
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("text", ["nic = " + "[" * 9999, "level = " + "9" * 5000])
def test_beyond_the_bounds_of_a_parser_the_file_is_told(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=f"^{path}: not TOML: "):
        load_settings(tmp_path)


def test_files_that_cannot_be_read_are_errors_and_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "etc/aoeinit.toml").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"cannot read .*etc/aoeinit.toml: Is a directory"):
        load_settings(tmp_path)
    (tmp_path / "etc/aoeinit.toml").rmdir()
    (tmp_path / "etc/aoeinit.toml").symlink_to("gone.toml")
    with pytest.raises(ConfigError, match=r"aoeinit.toml is a link to gone.toml, which is not there"):
        load_settings(tmp_path)
    (tmp_path / "etc/aoeinit.toml").unlink()
    (tmp_path / "etc/aoeinit.d").touch()
    with pytest.raises(ConfigError, match=r"cannot read .*etc/aoeinit.d: Not a directory"):
        load_settings(tmp_path)


words = st.sampled_from(
    [
        *KEYS,
        "=",
        "[",
        "]",
        '"',
        "'''",
        "\n",
        "\r\n",
        "#",
        ",",
        ".",
        "1",
        "true",
        '"all"',
        "e11.0",
        "\\u00",
        "{",
    ]
)


@given(st.lists(words | st.text(max_size=3), max_size=30))
def test_whatever_a_file_holds_it_is_read_or_told_to_be_wrong(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str]
) -> None:
    sysroot = tmp_path_factory.getbasetemp() / "any"
    write(sysroot, "".join(pieces).encode(errors="surrogatepass"))
    try:
        load_settings(sysroot)
    except AoeinitError as error:
        assert f"{sysroot}/etc/aoeinit.toml:" in error.message  # noqa: PT017 - most examples are right or wrong


def test_options_and_keys_are_the_same() -> None:
    options = {parameter.name: parameter for parameter in build.params}
    assert set(options) - ONE_RUN == set(KEYS)
    for name, key in KEYS.items():
        option = options[name]
        assert isinstance(option, click.Option)
        assert option.opts == [f"--{name.replace('_', '-')}"]
        assert option.is_flag == key.flag
        assert option.multiple == key.repeats
        assert (option.type == click.INT) == key.whole
        assert isinstance(option.type, click.Choice) == bool(key.choices)


def test_every_example_of_a_key_is_right(tmp_path: Path) -> None:
    for name, key in KEYS.items():
        write(tmp_path, f"{name} = {key.example}")
        assert getattr(load_settings(tmp_path)[0], name) not in {None, ()}


def test_the_compressions_are_those_that_there_are() -> None:
    assert tuple(METHODS) == COMPRESSIONS


def test_the_annotated_example_has_every_key_and_loads(tmp_path: Path) -> None:
    write(tmp_path, (TOP / "contrib/examples/aoeinit.toml").read_bytes())
    _, origins = load_settings(tmp_path)
    assert DEFAULT not in origins.values()


def test_every_key_is_documented() -> None:
    text = (TOP / "docs/configuration.md").read_text()
    assert [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")] == list(KEYS)


def test_options_are_stronger_than_files(tmp_path: Path) -> None:
    write(tmp_path, 'nic = "all"\nmodule = ["a", "b"]\ncompress = "zstd"\nlevel = 19')
    chosen = {"nic": None, "module": ("c",), "compress": "gzip", "level": None}
    settings = settings_for(tmp_path, chosen)
    assert settings == Settings(nic=("all",), module=("c",), compress="gzip")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--microcode", "some"], "'some' is not one of"),
        (["--target", "11.0"], "'11.0' is not an AoE target"),
        (["--compress", "zst"], "'zst' is not one of"),
        (["--nic", "a b"], "'a b' is not a name"),
        (["--file", "a:b"], "'a:b' is not SRC[:DST]"),
    ],
)
def test_a_wrong_option_is_a_usage_error(tmp_path: Path, arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(build, ["--kernel", "6.1", "--sysroot", str(tmp_path), *arguments])
    assert result.exit_code == 2
    assert message in result.output


def test_a_level_that_the_compression_of_a_file_does_not_have_is_refused(tmp_path: Path) -> None:
    write(tmp_path, 'compress = "gzip"')
    with pytest.raises(ConfigError, match="compression gzip has no level 19"):
        settings_for(tmp_path, {"level": 19})


def test_a_wrong_file_stops_a_build(tmp_path: Path) -> None:
    write(tmp_path, "nix = 1")
    result = CliRunner().invoke(build, ["--kernel", "6.1", "--sysroot", str(tmp_path)])
    assert isinstance(result.exception, ConfigError)


def show(sysroot: Path, *arguments: str) -> str:
    command = ["show", "--sysroot", str(sysroot), *arguments]
    result = CliRunner().invoke(config, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_config_show_prints_a_file_that_says_the_same(tmp_path: Path) -> None:
    path = write(tmp_path, 'target = "e9.9"\n\nprogram = ["/opt/\\"q\\\\ü\\u007f"]\nlevel = 3\n')
    before = load_settings(tmp_path)[0]
    printed = show(tmp_path)
    assert f'# {path}:1\ntarget = "e9.9"\n' in printed
    assert '# default\nnic = ["host"]\n' in printed
    write(tmp_path, printed)
    assert load_settings(tmp_path)[0] == before


def test_config_show_gives_values_and_origins_as_json(tmp_path: Path) -> None:
    path = write(tmp_path, '\nfile = "/a:/b"')
    assert json.loads(show(tmp_path, "--json")) == {
        "nic": {"value": ["host"], "origin": "default"},
        "filesystem": {"value": [], "origin": "default"},
        "target": {"value": None, "origin": "default"},
        "module": {"value": [], "origin": "default"},
        "program": {"value": [], "origin": "default"},
        "file": {"value": [f"{tmp_path}/a:/b"], "origin": f"{path}:2"},
        "compress": {"value": "zstd", "origin": "default"},
        "level": {"value": None, "origin": "default"},
        "microcode": {"value": "auto", "origin": "default"},
        "emergency_shell": {"value": False, "origin": "default"},
        "emergency_password": {"value": None, "origin": "default"},
    }


@pytest.mark.parametrize("arguments", [["shwo"], ["show", "more"], ["show", "--sysroot", "/nowhere"]])
def test_wrong_calls_of_config_are_usage_errors(arguments: list[str]) -> None:
    assert CliRunner().invoke(config, arguments).exit_code == 2
