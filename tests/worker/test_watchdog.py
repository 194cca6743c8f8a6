"""The watchdog kills a run that does not stop after its job has ended, and no other."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import pytest

from worker.watchdog import PATIENCE, Watchdog


@dataclass
class Running:
    """What the watchdog sees of a Celery request."""

    id: str
    worker_pid: int


@pytest.fixture
def deaf():
    """A process that answers nothing but SIGKILL."""
    code = "import signal, time; [signal.signal(s, signal.SIG_IGN) for s in (2, 15)]; time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code])
    yield process
    process.kill()
    process.wait()


def test_kills_after_its_patience(store, submit, deaf):
    """A run whose job is cancelled has 2 s, less the tick that noticing may take."""
    submit()
    now = 100.0
    watchdog = Watchdog(store, lambda: [Running("job", deaf.pid)], lambda task: task, lambda: now)
    watchdog.look()
    store.cancel("job")
    watchdog.look()
    now += PATIENCE - store.tick - 0.01
    watchdog.look()
    assert deaf.poll() is None

    now += 0.02
    watchdog.look()
    assert deaf.wait(5) == -9


def test_leaves_others_alone(store, submit, deaf):
    """A job that is not final is never killed, nor a request that has no process yet."""
    submit()
    now = 100.0
    requests = [Running("job", deaf.pid), Running("unknown", 0)]
    watchdog = Watchdog(store, lambda: requests, lambda task: task, lambda: now)
    for _ in range(5):
        watchdog.look()
        now += PATIENCE
    assert deaf.poll() is None
