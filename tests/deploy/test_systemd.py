"""deploy/systemd where systemd does not run: its own checker takes the units, and finds them confined."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.patience import deadline
from support.processes import ROOT, missing

from jobs.cli import main
from worker.runtime.drain import PATIENCE

FOLDER = ROOT / "deploy" / "systemd"
UNITS = sorted(path.name for path in FOLDER.glob("*.service"))
#: Of systemd's scale from 0, the best, to 10; above 4 it no longer says "OK".
MOST_EXPOSED = 2.0


@pytest.fixture
def units(tmp_path):
    """The units, with the tests' own commands in place of those under /opt."""
    for name in UNITS:
        text = (FOLDER / name).read_text()
        (tmp_path / name).write_text(text.replace("/opt/basicaer/bin", str(Path(sys.executable).parent)))
    return tmp_path


def analyze(*arguments):
    program = shutil.which("systemd-analyze") or missing("no systemd-analyze on PATH: install Debian's systemd")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=deadline(60), check=False)


@pytest.mark.slow
def test_systemd_takes_the_units(units):
    """`systemd-analyze verify` finds nothing to say."""
    done = analyze("verify", "--man=no", *(str(units / name) for name in UNITS))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
@pytest.mark.parametrize("name", UNITS)
def test_the_units_are_confined(units, name):
    """`systemd-analyze security` finds little that a service could do beside its work."""
    done = analyze(
        "security", "--offline=yes", "--no-pager", f"--threshold={MOST_EXPOSED * 10:.0f}", str(units / name)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Overall exposure level .*: \d\.\d OK", done.stdout)


def values(name, key):
    return re.findall(rf"^{key}=(.*)$", (FOLDER / name).read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", UNITS)
def test_the_units_say_what_there_is(name):
    """Each starts a command of ours, as the user that is made, without a password on its command line."""
    (line,) = values(name, "ExecStart")
    program, command, *options = line.split()
    assert program == "/opt/basicaer/bin/basicaer"
    known = {option for each in main.commands[command].params for option in each.opts}
    assert {option for option in options if option.startswith("--")} <= known | {
        "--address=127.0.0.1",
        "--port=5555",
    }
    assert "redis://" not in line
    assert values(name, "User") == ["basicaer"]
    assert re.search(r"^u basicaer ", (FOLDER / "basicaer.sysusers").read_text(), re.MULTILINE)


@pytest.mark.rule(34)
def test_a_worker_has_time_to_drain():
    """Its parent alone is told to end, with more time than a drain takes; a killed run does not end the unit."""
    assert values("basicaer-worker.service", "KillMode") == ["mixed"]
    assert float(values("basicaer-worker.service", "TimeoutStopSec")[0]) >= 3 * PATIENCE
    assert values("basicaer-worker.service", "OOMPolicy") == ["continue"]
