"""What a worker logs by itself: that it is ready, each run, each failure, and each trouble once."""

from __future__ import annotations

import json
import os
import re
import signal
import time

import psutil
import pytest
from support.circuits import bell, dividing_by_zero, endless
from support.patience import deadline
from support.processes import RedisServer, Worker, eventually

from jobs import BasicAerProvider
from worker.record.values import ShardId
from worker.runtime.run_log import _three_digits, log_death
from worker.runtime.shard_summary import shown
from worker.settings import Settings, SettingsError

SECRET = "not4thelog"  # noqa: S105 (of a Redis that lives for one test)
STAMP = re.compile(r"\[\d{4}-\d\d-\d\d [\d:,]+: (\w+)/[\w-]+\] (.*)")


class Site:
    """A Redis with a password, a worker that logs as it does by default, and a client."""

    def __init__(self, folder, **environment):
        self.server = RedisServer(folder, password=SECRET).start()
        self.worker = Worker(self.server.url, folder, level=(), **environment)
        self.worker.ready()
        self.provider = BasicAerProvider(self.server.url)

    @property
    def text(self):
        return self.worker.log.read_text()

    def said(self, wanted):
        """Return the lines with these words, once there is one."""

        def found():
            return [line for line in self.text.splitlines() if wanted in line]

        return eventually(found, within=30, what=wanted)

    def ran(self, circuit, **options):
        job = self.provider.get_backend().run(circuit, **options)
        job.wait_for_final_state(timeout=deadline(30))
        return job

    def close(self):
        self.provider.close()
        self.worker.stop()
        self.server.stop()


@pytest.fixture
def site(short_folder):
    site = Site(short_folder)
    yield site
    site.close()


@pytest.mark.slow
def test_each_event_is_a_line(site):
    """By default: ready, what ran, what failed; a killed process and an outage each once, without tracebacks."""
    assert re.search(
        r"w1@test is ready at .*: 1 slots, .*, circuits of up to \d+ qubits$", site.said("is ready")[0]
    )
    done = site.ran(bell("ghz"), shots=4096)
    (line,) = site.said(f"{done.job_id()} done")
    owner = Settings.from_env().owner
    pattern = rf"done in [\d.e-]+ s: ghz, 2 qubits, 4,096 shots, owner {owner}, attempt 1$"
    assert re.search(pattern, line), line
    failed = site.ran(dividing_by_zero("divides"))
    (line,) = site.said(f"{failed.job_id()} failed")
    assert "WARNING" in line
    assert re.search(r"divides, 1 qubit, .*, attempt 1: \w+: division by zero", line), line

    running = site.provider.get_backend().run(endless("lasting"))
    eventually(running.running, what="RUNNING")
    (child,) = psutil.Process(site.worker.process.pid).children()
    os.kill(child.pid, signal.SIGKILL)
    (line,) = site.said(f"pid:{child.pid} exited")
    assert line.endswith(f"while it ran {running.job_id()}/0"), line
    (line,) = site.said(f"{running.job_id()}/0: process {child.pid} died")
    assert line.endswith("died: it runs again when its lease ends (loss 1 of 3)"), line
    running.cancel()
    # The next run is of the process that has taken its place.
    site.ran(bell())
    assert "Traceback" not in site.text

    site.server.stop()
    site.said("Redis does not do its part")
    # Celery tries again after 2, 4, 6 ... s, and the node at each tick: none of it is news.
    time.sleep(5)
    site.server.start()
    (over,) = site.said("Redis does its part again, after")
    assert "INFO" in over
    assert len(site.said("Redis does not do its part")) == 1
    assert site.ran(bell()).done()
    stamped = [found[1] for line in site.text.splitlines() if (found := STAMP.match(line))]
    assert not {"ERROR", "CRITICAL"} & set(stamped) or stamped.count("ERROR") == 1, (
        "the killed process, and no other"
    )
    assert "Traceback" not in site.text and "SecurityWarning" not in site.text and "Deprecation" not in site.text
    assert SECRET not in site.text


@pytest.mark.slow
def test_json_is_one_object_a_line(short_folder):
    """BASICAER_LOG=json: every line is an object, from the start to the end, with a run's fields as fields."""
    site = Site(short_folder, BASICAER_LOG="json")
    try:
        done, failed = site.ran(bell("ghz"), shots=5), site.ran(dividing_by_zero())
        site.said(failed.job_id())
    finally:
        site.close()
    lines = [json.loads(line) for line in site.text.splitlines()]
    by_task = {line["task"]: line for line in lines if "task" in line}
    run = by_task[done.job_id()]
    expected = {
        "event": "done", "circuit": "ghz", "qubits": 2, "shots": 5, "attempt": 1, "level": "info",
        "owner": Settings.from_env().owner, "logger": "worker.runtime.run_log",
    }  # fmt: skip
    assert {name: run[name] for name in expected} == expected
    assert run["seconds"] > 0 and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", run["time"])
    bad = by_task[failed.job_id()]
    assert (bad["event"], bad["level"]) == ("failed", "warning")
    assert "division by zero" in bad["reason"]
    assert any("shuts down" in line["message"] for line in lines)
    assert SECRET not in site.text


def test_the_last_death_of_a_shard_says_so(caplog):
    """It does not run again; and of a run that nobody waited for nothing is said."""
    for losses in (0, 2, 3):
        log_death(ShardId("mine", 4), "process 7 died", losses)
    assert [record.getMessage() for record in caplog.records] == [
        "mine/4: process 7 died: it runs again when its lease ends (loss 2 of 3)",
        "mine/4: process 7 died: it has no attempt left, and fails when its lease ends (loss 3 of 3)",
    ]


def test_a_log_of_another_form_is_refused():
    """BASICAER_LOG takes two words."""
    with pytest.raises(SettingsError, match="BASICAER_LOG='xml' cannot be used: it takes text or json"):
        Settings.from_env(environ={"BASICAER_LOG": "xml"})


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.000698123, "0.000698"), (12.345, "12.3"), (123456.7, "123457"), (0.0, "0")]
)
def test_seconds_have_three_digits(seconds, text):
    """A short run is told apart from a shorter one, and a long one has no exponent."""
    assert _three_digits(seconds) == text


def test_a_name_makes_no_lines_of_its_own():
    """Who names a circuit cannot write what looks like another line of the log."""
    assert shown("a\n[2026-01-01 00:00:00,000: INFO/x] b") == "a?[2026-01-01 00:00:00,000: INFO/x] b"
    assert shown("x" * 500) == "x" * 64
