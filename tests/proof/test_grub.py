"""What aoeinit writes for GRUB, read by those who read it: the shell, and grub-editenv."""

import shutil
from pathlib import Path

import pytest

from aoeinit.aoe.target import Target
from aoeinit.install.grub.cmdline import Parameters
from aoeinit.install.grub.defaults import rewrite_defaults
from aoeinit.install.grub.entries import rewrite_environment
from tests.lab.programs import run

PARAMETERS = Parameters("/dev/etherd/e11.0p2", Target(11, 0))
ROOT = "root=/dev/etherd/e11.0p2"
READ = (
    '. "$1"; printf "%s|%s|" "$GRUB_CMDLINE_LINUX" "$GRUB_CMDLINE_LINUX_DEFAULT"; '
    'printf "%s|%s|%s" "$GRUB_DISABLE_OS_PROBER" "$GRUB_DEVICE" "$GRUB_DISABLE_LINUX_UUID"'
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "||true"),
        ('GRUB_CMDLINE_LINUX="quiet root=UUID=1"', "quiet||true"),
        ("GRUB_CMDLINE_LINUX=root=UUID=1 # why", "||true"),
        (r'GRUB_CMDLINE_LINUX="root=x dyndbg=\"file a +p\" \$x"', 'dyndbg="file a +p" $x||true'),
        ("GRUB_CMDLINE_LINUX='a=\"b c\" $x resume=/dev/sda2'", 'a="b c" $x||true'),
        (
            'GRUB_CMDLINE_LINUX="root=UUID=1 a"\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX b"',
            "a b||true",
        ),
        ('GRUB_CMDLINE_LINUX=a\nGRUB_CMDLINE_LINUX+=" root=UUID=1 b"', "a b||true"),
        ("GRUB_CMDLINE_LINUX_DEFAULT='root=UUID=1 splash'", "|splash|true"),
        ("GRUB_DISABLE_OS_PROBER=false\nGRUB_DEVICE=/dev/sda1", "||true"),
    ],
)
def test_the_shell_reads_the_defaults_as_they_were_meant(text: str, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "grub"
    file.write_bytes(rewrite_defaults(f"{text}\n".encode(), PARAMETERS)[0])
    # grub-mkconfig's own shell knows no +=, where users do not have another one there.
    shell = "bash" if "+=" in text else "sh"
    assert run([shell, "-ec", READ, shell, str(file)]) == f"{expected}|/dev/etherd/e11.0p2|true"


def test_grub_reads_the_environment_block(tmp_path: Path) -> None:
    editenv = "grub-editenv" if shutil.which("grub-editenv") else "grub2-editenv"
    file = tmp_path / "grubenv"
    run([editenv, str(file), "create"])
    run([editenv, str(file), "set", r"odd=a\b", "kernelopts=root=UUID=1 ro quiet", "saved_entry=one"])
    made = file.read_bytes()
    changed, _ = rewrite_environment(made, PARAMETERS, file)
    file.write_bytes(changed)
    assert len(changed) == len(made)
    assert run([editenv, str(file), "list"]).splitlines() == [
        r"odd=a\b",
        f"kernelopts={ROOT} ro quiet",
        "saved_entry=one",
    ]
    run([editenv, str(file), "set", "after=1"])
    assert "after=1" in run([editenv, str(file), "list"])
