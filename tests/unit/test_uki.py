import json
import struct
import sys
from pathlib import Path

import pytest

from aoeinit.cli import main
from aoeinit.errors import ConfigError, KernelError
from aoeinit.image.uki import efi_architecture, find_parts, ukify_arguments
from tests.unit.kernel_samples import RELEASE
from tests.unit.system_sample import make_system

STUB = "usr/lib/systemd/boot/efi/linuxx64.efi.stub"
UKIFY = """\
#!/bin/sh
for option; do
	case $option in
	--initrd=*) initrd=${option#*=} ;;
	--cmdline=@*) cmdline=${option#*=@} ;;
	--output=*) output=${option#*=} ;;
	esac
done
{ echo "one unified $*"; cat "$cmdline" "$initrd"; } >"$output"
"""


def efi_program(machine: int = 0x8664) -> bytes:
    return (
        b"MZ" + bytes(0x3A) + struct.pack("<I", 0x80) + bytes(0x40) + b"PE\0\0" + struct.pack("<H", machine)
    )


@pytest.fixture
def sysroot(tmp_path: Path) -> Path:
    system = make_system(tmp_path / "system")
    for name, content in {
        f"boot/vmlinuz-{RELEASE}": efi_program(),
        STUB: b"stub",
        "usr/lib/os-release": b"ID=test\n",
        "etc/kernel/cmdline": b"# comment\nroot=/dev/etherd/e11.0p1\n  ro quiet\n",
    }.items():
        (system / name).parent.mkdir(parents=True, exist_ok=True)
        (system / name).write_bytes(content)
    return system


def test_every_part_is_found_in_the_sysroot(sysroot: Path) -> None:
    parts = find_parts(sysroot, RELEASE, vmlinuz=None, cmdline=None)
    assert ukify_arguments(parts, initrd=Path("/i"), cmdline=Path("/c"), output=Path("/o")) == [
        "build",
        f"--linux={sysroot}/boot/vmlinuz-{RELEASE}",
        "--initrd=/i",
        "--cmdline=@/c",
        f"--os-release=@{sysroot}/usr/lib/os-release",
        f"--uname={RELEASE}",
        f"--stub={sysroot}/{STUB}",
        "--efi-arch=x64",
        "--output=/o",
    ]
    assert parts.cmdline == "root=/dev/etherd/e11.0p1 ro quiet"


def test_what_is_given_is_taken_and_the_kernel_of_the_modules_comes_before_that_of_boot(
    sysroot: Path, tmp_path: Path
) -> None:
    (sysroot / f"lib/modules/{RELEASE}/vmlinuz").write_bytes(efi_program())
    found = find_parts(sysroot, RELEASE, vmlinuz=None, cmdline=" a\n b ")
    assert found.vmlinuz == sysroot / f"lib/modules/{RELEASE}/vmlinuz"
    assert found.cmdline == "a b"
    (tmp_path / "mine").write_bytes(efi_program())
    given = find_parts(sysroot, RELEASE, vmlinuz=tmp_path / "mine", cmdline="")
    assert (given.vmlinuz, given.cmdline) == (tmp_path / "mine", "")


@pytest.mark.parametrize(
    ("gone", "message", "hint"),
    [
        (f"boot/vmlinuz-{RELEASE}", f"lib/modules/{RELEASE}/vmlinuz or ", "--vmlinuz"),
        (STUB, "linuxx64.efi.stub: not there", "systemd-boot-efi"),
        ("usr/lib/os-release", "etc/os-release or ", "--sysroot"),
        ("etc/kernel/cmdline", "etc/kernel/cmdline or ", "--cmdline 'root=/dev/etherd/"),
    ],
)
def test_what_is_missing_is_told_with_the_way_out(sysroot: Path, gone: str, message: str, hint: str) -> None:
    (sysroot / gone).unlink()
    with pytest.raises(ConfigError) as caught:
        find_parts(sysroot, RELEASE, vmlinuz=None, cmdline=None)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_a_command_line_that_is_no_text_is_refused(sysroot: Path) -> None:
    (sysroot / "etc/kernel/cmdline").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"cannot read .*etc/kernel/cmdline"):
        find_parts(sysroot, RELEASE, vmlinuz=None, cmdline=None)
    with pytest.raises(ConfigError, match="NUL"):
        find_parts(sysroot, RELEASE, vmlinuz=None, cmdline="a\0b")


@pytest.mark.parametrize(("machine", "name"), [(0x8664, "x64"), (0xAA64, "aa64"), (0x14C, "ia32")])
def test_the_architecture_is_the_kernels(tmp_path: Path, machine: int, name: str) -> None:
    (tmp_path / "vmlinuz").write_bytes(efi_program(machine))
    assert efi_architecture(tmp_path / "vmlinuz") == name


@pytest.mark.parametrize(
    "content",
    [b"", b"MZ", efi_program()[:-1], efi_program(0x1234), efi_program()[1:], b"MZ" + b"\xff" * 100],
    ids=["empty", "short", "cut", "unknown-machine", "no-magic", "far-offset"],
)
def test_a_kernel_that_efi_cannot_start_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "vmlinuz").write_bytes(content)
    with pytest.raises(KernelError, match="is no EFI program"):
        efi_architecture(tmp_path / "vmlinuz")


def test_a_kernel_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match=r"cannot read the kernel .*: Is a directory"):
        efi_architecture(tmp_path)


class TestTheCommand:
    @pytest.fixture(autouse=True)
    def _environment(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.programs = tmp_path / "programs"
        self.programs.mkdir()
        monkeypatch.setenv("PATH", f"{self.programs}:/usr/bin:/bin")
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        monkeypatch.setattr("aoeinit.system.ukify.PRIVATE", tmp_path / "nowhere")

    def ukify(self, script: str) -> None:
        (self.programs / "ukify").write_text(script)
        (self.programs / "ukify").chmod(0o755)

    def build(self, sysroot: Path, *arguments: object) -> int:
        usual = ["build", "--kernel", RELEASE, "--sysroot", sysroot, "--nic", "nic", "--filesystem", "ext4"]
        self.monkeypatch.setattr(sys, "argv", ["aoeinit", *map(str, [*usual, *arguments])])
        return main.run()

    def test_writes_the_unified_image_alone_or_the_image_too(
        self, sysroot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.ukify(UKIFY)
        uki, image = tmp_path / "uki", tmp_path / "image"
        assert self.build(sysroot, "--uki", uki, "-v") == 0
        assert uki.read_bytes().startswith(b"one unified build --linux=")
        assert uki.stat().st_mode & 0o7777 == 0o600
        assert capsys.readouterr().out.splitlines()[-1].startswith(f"{uki}: {uki.stat().st_size} bytes")
        assert self.build(sysroot, "--uki", uki, "--output", image, "--cmdline", "@x", "--json") == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["image"], told["size"]) == (str(image), image.stat().st_size)
        assert (told["uki"], told["uki_size"]) == (str(uki), uki.stat().st_size)
        assert uki.read_bytes().endswith(b"\n@x" + image.read_bytes())
        left = {path.name for path in tmp_path.iterdir()}
        assert left == {"system", "programs", "uki", "image"}

    def test_a_dry_run_writes_nothing(self, sysroot: Path, tmp_path: Path) -> None:
        self.ukify(UKIFY)
        assert self.build(sysroot, "--uki", tmp_path / "uki", "--dry-run") == 0
        assert not (tmp_path / "uki").exists()

    @pytest.mark.parametrize(
        ("script", "said"),
        [
            (
                "#!/bin/sh\necho first\necho no stub >&2\nexit 3\n",
                "ukify failed (exit code 3); it said last: no stub",
            ),
            ("#!/bin/sh\n", "cannot make the unified kernel image: [Errno 2]"),
            ("no program", "cannot make the unified kernel image: [Errno 8]"),
            ("#!/bin/sh\nfor last; do :; done\necho >${last#*=}\n", "does not hold the image"),
        ],
    )
    def test_a_failure_leaves_the_old_one(
        self, sysroot: Path, tmp_path: Path, script: str, said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.ukify(script)
        (tmp_path / "uki").write_text("old")
        assert self.build(sysroot, "--uki", tmp_path / "uki") == 1
        assert said in capsys.readouterr().err
        assert (tmp_path / "uki").read_text() == "old"

    def test_without_ukify_its_package_is_named(
        self, sysroot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.monkeypatch.setenv("PATH", str(self.programs))
        assert self.build(sysroot, "--uki", tmp_path / "uki") == 1
        assert "systemd-ukify" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--cmdline", "ro"], "add --uki FILE"),
            (["--vmlinuz", "/boot/vmlinuz"], "add --uki FILE"),
            (["--uki", "/x", "--output", "/x"], "--output and --uki both name /x"),
        ],
    )
    def test_options_that_make_no_sense_are_usage_errors(
        self, sysroot: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.build(sysroot, *arguments) == 2
        assert said in capsys.readouterr().err
