"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

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
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on stdout.")


def example(*lines: str) -> str:
    """Return the end of a command's help: what one types."""
    return "\b\n" + "\n".join(["For example:", *(f"  {line}" for line in lines)])
