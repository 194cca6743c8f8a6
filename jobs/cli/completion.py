"""``basicaer completion``: what makes a shell complete commands, options and files."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from jobs.cli.options import example

_SHELLS = ("bash", "zsh", "fish")


@click.command(
    epilog=example('bash, zsh:  eval "$(basicaer completion bash)"', "fish:  basicaer completion fish | source"),
    short_help="Print what completes commands in a shell.",
)
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(shell: str) -> None:
    """Print the lines by which a SHELL completes commands, options and files."""
    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"{shell} is not known to click")
    click.echo(made(click.Group(), {}, "basicaer", "_BASICAER_COMPLETE").source())
