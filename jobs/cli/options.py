"""Options that several commands have."""

from __future__ import annotations

import click

url_option = click.option(
    "--url",
    metavar="URL",
    help="The cluster's Redis, redis://... [default: BASICAER_URL; without it the embedded cluster]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on stdout.")
