"""Whether the product works with the oldest versions that it says it does: ``make lowest-check``.

An environment of its own has each requirement in the version of its lower bound, and what these need in whatever
version pip finds. `basicaer demo` and the tests that depend most on other packages run there.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from importlib.metadata import requires
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAME = "basicaer-celery"
#: What reads and makes circuits, and what goes through Redis.
TESTS = (
    *("tests/unit/jobs/lowering", "tests/unit/jobs/rebuilding", "tests/unit/jobs/submit", "tests/unit/jobs/noise"),
    *("tests/unit/jobs/results", "tests/unit/simulator/circuit", "tests/unit/simulator/shards"),
    *("tests/unit/simulator/sampling", "tests/integration/test_job.py", "tests/integration/test_estimator.py"),
)
#: What the tests need beside the product; in any version.
TOOLS = ("hypothesis", "pytest", "pytest-timeout", "pytest-xdist", "qiskit-aer", "stim")


def lower_bounds() -> list[str]:
    """Return each requirement of the product, extras included, as a constraint to its oldest version."""
    found = []
    for requirement in requires(NAME) or []:
        match = re.match(r"([\w.-]+)(?:\[[\w,]+\])?[^;]*?>=([\w.]+)", requirement)
        if match is None:
            raise SystemExit(f"{requirement} has no lower bound")
        found.append(f"{match[1]}=={match[2]}")
    return found


def main() -> None:
    """Make the environment, and run everything in it; ends with the status of what fails first."""
    with tempfile.TemporaryDirectory() as folder:
        constraints, binaries = Path(folder, "lowest.txt"), Path(folder, "venv", "bin")
        constraints.write_text("\n".join(lower_bounds()) + "\n", encoding="ascii")
        sys.stdout.write(constraints.read_text(encoding="ascii"))
        sys.stdout.flush()
        # Those of CI would ask for the newest.
        environment = os.environ | {"PIP_CONSTRAINT": str(constraints)}
        environment["PATH"] = f"{binaries}{os.pathsep}{environment['PATH']}"
        for command in (
            [sys.executable, "-m", "venv", str(binaries.parent)],
            ["python", "-m", "pip", "install", "-q", f"{ROOT}[flower,metrics,plot]", *TOOLS],
            ["basicaer", "demo"],
            ["python", "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", *TESTS],
        ):
            # The tests import the packages of this folder.
            done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
            if done.returncode:
                raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
