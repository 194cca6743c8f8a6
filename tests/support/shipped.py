"""The programs of `examples/`, run as a user would: as they are, in a folder of his own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from support.patience import deadline
from support.processes import ROOT

EXAMPLES = ROOT / "examples"
_ROW = re.compile(r"^\| \[`(\S+)`\]\(\1\) \| [^|]* \| `([^|]*)` \|", re.MULTILINE)

#: Example -> the last line that its README says it prints.
PRINTED: dict[str, str] = dict(_ROW.findall((EXAMPLES / "README.md").read_text()))


def lines_of(name: str, *arguments: str, url: str, folder: Path) -> list[str]:
    """Run an example from another folder, and return the lines that it prints."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments], cwd=folder, env=os.environ | {"BASICAER_URL": url},
        capture_output=True, text=True, check=False, timeout=deadline(60),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
