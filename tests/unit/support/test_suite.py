"""What the suite promises of itself: tests that hang end, and processes that stay behind are ended and named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from support.patience import deadline, patience
from support.processes import ROOT, eventually

from simulator.kernels.threads import cores

pytestmark = pytest.mark.slow  # starts processes

SLEEPER = "import time; time.sleep(600)"


@pytest.fixture
def suite(tmp_path):
    """Run a file of tests as this suite is run, in a process of its own; returns how that ended."""
    # As in a clone of its own: each run ends what broken-off runs in its clone left, also those of other tests.
    clone = tmp_path / "clone"
    clone.mkdir()
    for name in ("pyproject.toml", "tests"):
        (clone / name).symlink_to(ROOT / name)
    # A run of its own, not a part of this one; and what Hypothesis finds there is nobody's.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("TESTS_", "PYTEST_"))}
    env |= {"PYTHONPATH": str(clone / "tests"), "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path / "hypothesis")}

    def run(code: str, *options: str, **popen: object) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "test_inner.py"
        path.write_text(code)
        command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "-c"]
        command += [str(clone / "pyproject.toml"), str(path), *options]
        return subprocess.run(
            command, cwd=clone, env=env, capture_output=True, text=True, timeout=deadline(90), check=False, **popen
        )

    return run


def gone(pid_file) -> bool:
    return not psutil.pid_exists(int(pid_file.read_text()))


def starting(pid_file, then: str = "") -> str:
    """A test that starts a process and leaves it."""
    return (
        "import os, signal, subprocess, sys\n"
        "def test_it():\n"
        f"    started = subprocess.Popen([sys.executable, '-c', {SLEEPER!r}], start_new_session=True)\n"
        "    started.returncode = 0  # nobody will ask for it\n"
        f"    open({str(pid_file)!r}, 'w').write(str(started.pid))\n"
        f"    {then or 'pass'}\n"
    )


@pytest.mark.parametrize("options", [[], ["-n", "1"]])
def test_what_stays_behind_is_ended_and_named(suite, tmp_path, options):
    """A process that a test started and did not end is ended after the last test; the run is red, and names it."""
    done = suite(starting(tmp_path / "pid"), "--ending", "0.1", *options)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "processes were left behind" in done.stdout
    assert SLEEPER in done.stdout
    eventually(lambda: gone(tmp_path / "pid"), what="its end")


def test_what_a_broken_off_process_leaves_is_ended(suite, tmp_path):
    """Of a process of pytest-xdist that was killed, the leading process ends what it had started."""
    done = suite(starting(tmp_path / "pid", "os.kill(os.getpid(), signal.SIGKILL)"), "--ending", "0.1", "-n", "1")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "ended what was left behind" in done.stderr
    eventually(lambda: gone(tmp_path / "pid"), what="its end")


def test_what_a_broken_off_run_leaves_is_ended_by_the_next(suite, tmp_path):
    """A run that was killed as a whole leaves its processes to the next one in the same clone, which ends them."""
    killed = suite(starting(tmp_path / "pid", "os.kill(os.getpid(), signal.SIGKILL)"))
    assert killed.returncode == -signal.SIGKILL
    assert not gone(tmp_path / "pid")
    done = suite("def test_it(): pass\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ended what an earlier run had left behind" in done.stderr
    eventually(lambda: gone(tmp_path / "pid"), what="its end")


def test_an_alarm_is_not_swallowed(suite):
    """A test that hangs in a lock ends at its alarm also where Hypothesis would run a failed example again."""
    code = (
        "import threading\n"
        "from hypothesis import given, settings, strategies as st\n"
        "lock = threading.Lock()\n"
        "lock.acquire()\n"
        "@given(st.integers())\n"
        "def test_it(number):\n"
        "    lock.acquire()\n"
    )
    done = suite(code, "--timeout", "0.5")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed" in done.stdout
    assert "TooLongError" in done.stdout


def test_where_no_alarm_gets_through_the_process_ends(suite):
    """A call that never comes back to Python ends the process, which says where it was."""
    code = (
        "import signal\n"
        "def test_it():\n"
        "    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})\n"
        "    signal.sigwait({signal.SIGUSR1})\n"
    )
    begin = time.monotonic()
    done = suite(code, "--timeout", "0.5")
    assert done.returncode == 1
    assert "Timeout" in done.stderr
    assert "in test_it" in done.stderr
    assert time.monotonic() - begin < deadline(60)


def test_ctrl_c_reaches_what_the_tests_start(suite):
    """Started in the background, where a shell has Ctrl-C ignored, the suite and its children take it."""
    code = (
        "import subprocess, sys\n"
        "def test_it():\n"
        "    code = 'import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)'\n"
        "    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)\n"
        "    assert done.stdout == 'True\\n'\n"
    )
    done = suite(code, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    assert done.returncode == 0, done.stdout + done.stderr


def test_patience_follows_the_load(monkeypatch):
    """Deadlines are as written while each process has its core, and grow with the load and the niceness."""

    def with_load(load: float, niceness: int = 0) -> float:
        monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0))
        monkeypatch.setattr("os.getpriority", lambda *_: niceness)
        monkeypatch.setattr("support.patience._running", lambda: 0)
        return patience()

    assert with_load(0.0) == with_load(cores() / 2) == 1
    assert with_load(2 * cores()) == 4
    assert with_load(2 * cores(), niceness=2) == 4 * 1.25**2
    assert with_load(1000.0 * cores()) == 20
