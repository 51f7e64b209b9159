"""``aoeinit completion``: what a shell reads to complete our command lines."""

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete the command aoeinit.

    Put it where the shell looks: as aoeinit in /usr/share/bash-completion/completions, as _aoeinit in
    /usr/share/zsh/site-functions, as aoeinit.fish in /usr/share/fish/vendor_completions.d.
    """
    from click.shell_completion import ShellComplete, get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"this version of click knows no completion for {shell}")
    complete = kind(ctx.find_root().command, {}, "aoeinit", "_AOEINIT_COMPLETE")
    # Not its own method: for bash that would start a bash, only to look at the version.
    click.echo(ShellComplete.source(complete))
