"""The command ``aoeinit``: finds a subcommand, prints what went wrong, and ends with its exit code."""

import importlib
import keyword
import os
import sys
from typing import cast

import click

from aoeinit import __version__
from aoeinit.errors import AoeinitError

EXIT_CODES = "Exit codes: 0 done; 1 failed, or the answer is no; 2 the command line is wrong."

COMMANDS = {
    "build": "Build an initramfs image for one kernel release.",
    "completion": "Print the script that makes a shell complete the command aoeinit.",
    "config": "Print what the configuration files say.",
    "discover": "Ask the network which AoE targets there are, and which servers answer for them.",
    "doctor": "Find what would keep a system from its root at the next boot, each with the way out.",
    "fstab": "Make the lines of /etc/fstab name the devices of an AoE target.",
    "grub": "Let a target start the system on it: the boot loader, and its command line.",
    "hooks": "Make and remove images when kernels are installed and removed.",
    "kernel-install": "Make or remove the image of a kernel; what the hooks call.",
    "migrate": "Move the running system onto an AoE target.",
    "man": "Write the manual pages, one a command, to a folder.",
    "inspect": "Show what is in an image, ours or another tool's, and whether it would boot.",
    "modules": "Print which modules, in load order, and which firmware a name or alias needs.",
    "network": "Keep the interface under the root up, with its name, MAC and MTU.",
    "server": "Set up what a diskless machine finds in its network: a target, DHCP, and what iPXE starts.",
    "status": "Show how this system found its root, how long that took, and what the driver says now.",
    "try": "Boot an image in an emulated machine from an AoE target, before the real one has to.",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are run, so that each pays only for itself."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Name every command."""
        return sorted(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """Import the module of the same name and take its command of the same name."""
        if name not in COMMANDS:
            return None
        python_name = name.replace("-", "_") + "_" * keyword.iskeyword(name)
        module = importlib.import_module(f"aoeinit.cli.{python_name}")
        return cast("click.Command", getattr(module, python_name))

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.command(cls=LazyGroup, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="aoeinit")
def aoeinit() -> None:
    """Build and check initramfs images for machines whose root is on an ATA-over-Ethernet target."""


def report(error: AoeinitError) -> None:
    """Print an error and its hint to standard error."""
    click.echo(f"aoeinit: {error.message}", err=True)
    if error.hint:
        click.echo(f"  hint: {error.hint}", err=True)


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(run())


def run() -> int:
    """Run the command line; give the exit code."""
    try:
        code = aoeinit.main(prog_name="aoeinit", standalone_mode=False)
        if sys.stdout is not None:  # it is None where the caller closed it
            sys.stdout.flush()
    except AoeinitError as error:
        report(error)
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("aoeinit: interrupted", err=True)
        return 1
    except BrokenPipeError:
        forget_output()
        return 1
    except OSError as error:
        # What commands read and write raises errors of their own: this is what they print.
        report(AoeinitError(f"cannot write to standard output: {error.strerror}", "see where it leads"))
        forget_output()
        return 1
    return code if isinstance(code, int) else 0


def forget_output() -> None:
    """Throw away what is still to be printed: Python would complain once more while it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
