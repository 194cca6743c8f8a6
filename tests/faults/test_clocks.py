"""Workers whose clocks are wrong: only Redis's own clock decides."""

from __future__ import annotations

import datetime
import os
import re
import signal
from pathlib import Path

import pytest
from support.circuits import bell
from support.faults.servers import lasting, running, site
from support.patience import deadline
from support.processes import eventually

#: The counts of `bell` and `lasting` under seed 1.
SEEDED = {"00": 515, "11": 509}
#: Steps that take about a second and a half: more than the lease below.
A_WHILE = 110_000
AN_HOUR = 3600


@pytest.fixture(scope="module")
def library() -> str:
    """Return the library of faketime; where there is none, skip, but fail in CI."""
    found = next(Path("/usr").glob("lib*/**/faketime/libfaketime.so.1"), None)
    if found is None:
        message = "no libfaketime: install faketime"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return str(found)


@pytest.fixture
def apart(library):
    """Two workers, one an hour ahead of Redis and one an hour behind; lease 1 s."""
    with site(lease=1) as here:
        for seconds in (AN_HOUR, -AN_HOUR):
            here.hire(LD_PRELOAD=library, FAKETIME=f"{seconds:+d}", FAKETIME_DONT_FAKE_MONOTONIC="1")
        yield here


def offset(worker) -> float:
    """How many seconds a worker's log is ahead of this clock."""
    last = re.findall(r"^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),", worker.log.read_text(), re.MULTILINE)[-1]
    said = datetime.datetime.fromisoformat(last).replace(tzinfo=datetime.timezone.utc)
    return (said - datetime.datetime.now(datetime.timezone.utc)).total_seconds()


@pytest.mark.rule(34)
def test_leases_hold(apart):
    """Workers two hours apart keep their leases, and the record's times are those of Redis."""
    assert [round(offset(worker) / AN_HOUR) for worker in apart.workers] == [1, -1]
    backend = apart.provider().get_backend()

    jobs = [backend.run(lasting(A_WHILE), seed_simulator=1) for _ in range(4)]

    assert [job.result(timeout=deadline(30)).get_counts() for job in jobs] == [SEEDED] * 4
    assert [apart.lapses(job) for job in jobs] == [0] * 4
    now = datetime.datetime.now(datetime.timezone.utc)
    assert all(abs(time - now).total_seconds() < 60 for job in jobs for time in job.timestamps().values())
    apart.check()


@pytest.mark.rule(34)
@pytest.mark.parametrize("dead", [0, 1], ids=["ahead", "behind"])
def test_a_dead_worker_is_noticed(apart, dead):
    """The lease of a worker that died ends in time, whatever its clock said."""
    victim, other = apart.workers[dead], apart.workers[1 - dead]
    other.process.send_signal(signal.SIGSTOP)
    job = running(apart.provider().get_backend().run(lasting(2 * A_WHILE), seed_simulator=1))

    victim.stop(signal.SIGKILL)
    other.process.send_signal(signal.SIGCONT)

    eventually(lambda: apart.lapses(job), within=15, what="the lapse")
    assert job.result(timeout=deadline(30)).get_counts() == SEEDED
    assert apart.lapses(job) == 1
    apart.check()
    assert apart.provider().get_backend().run(bell(), seed_simulator=1).result(30).get_counts() == SEEDED
