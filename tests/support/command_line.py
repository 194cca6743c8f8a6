"""`basicaer` for tests: in this process, and as a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from support.patience import deadline

from jobs.cli import main

#: A file with a Bell pair, measured.
BELL = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[2];\ncreg c[2];\nh q[0];\ncx q[0],q[1];\nmeasure q -> c;\n'
#: The installed command.
BASICAER = str(Path(sys.executable).with_name("basicaer"))


def basicaer(*arguments: str, url: str | None = None) -> Result:
    """Run a command in this process, off a terminal of 100 columns."""
    return CliRunner().invoke(main, [*arguments, *(["--url", url] if url else [])], env={"COLUMNS": "100"})


def submitted(url: str, path: str) -> str:
    """Submit a file, and return the job's id."""
    done = basicaer("run", path, "--no-wait", url=url)
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


def command_lines_with(text: str) -> list[str]:
    """Return the command lines of running processes that contain this text."""
    # Without -ww, ps cuts lines at $COLUMNS.
    listing = ["/bin/ps", "-Awwo", "args"]
    done = subprocess.run(listing, capture_output=True, text=True, timeout=deadline(10), check=True)
    return [line for line in done.stdout.splitlines() if text in line]


def doctor_report(*arguments: str) -> tuple[int, dict[str, list[Any]]]:
    """Run the doctor: its exit code, and its checks by name."""
    done = basicaer("doctor", "--json", *arguments)
    checks: dict[str, list[Any]] = {}
    for check in json.loads(done.stdout):
        checks.setdefault(check["name"], []).append(check)
    return done.exit_code, checks
