"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from jobs.cli.exits import DEBUG
from worker.url import DEFAULT_URL

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _url_option(default: str) -> Callable[[_Command], _Command]:
    return click.option("--url", metavar="URL", help=f"The cluster's Redis, redis://...  [default: {default}]")


#: Of a client.
url_option = _url_option("BASICAER_URL; without it the embedded cluster")
#: Of a process of Celery's own, which joins no embedded cluster.
node_url_option = _url_option(f"BASICAER_URL; without it {DEFAULT_URL}")
#: Of the demo.
demo_url_option = _url_option("two workers of its own")
plot_option = click.option(
    "--plot", type=click.Path(path_type=Path), metavar="FILE", help="Draw a histogram into FILE, as in counts.png."
)


def _note_debug(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        context.find_root().meta[DEBUG] = True


debug_option = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    callback=_note_debug,
    help="Show an error with its traceback.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on stdout.")


def example(*lines: str) -> str:
    """Return the end of a command's help: what one types."""
    return "\b\n" + "\n".join(["For example:", *(f"  {line}" for line in lines)])
