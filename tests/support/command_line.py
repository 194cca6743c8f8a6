"""`basicaer` for tests: in this process, and as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.patience import deadline

from jobs.cli import main

#: The installed command.
BASICAER = str(Path(sys.executable).with_name("basicaer"))


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take all BASICAER_ variables out of the environment."""
    for name in [name for name in os.environ if name.startswith("BASICAER_")]:
        monkeypatch.delenv(name)


def basicaer(*arguments: str, url: str | None = None) -> Result:
    """Run a command in this process, off a terminal of 100 columns."""
    return CliRunner().invoke(main, [*arguments, *(["--url", url] if url else [])], env={"COLUMNS": "100"})


def command_lines_with(text: str) -> list[str]:
    """Return the command lines of running processes that contain this text."""
    # Without -ww, ps cuts lines at $COLUMNS.
    listing = ["/bin/ps", "-Awwo", "args"]
    done = subprocess.run(listing, capture_output=True, text=True, timeout=deadline(10), check=True)
    return [line for line in done.stdout.splitlines() if text in line]
