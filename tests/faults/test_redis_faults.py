"""Redis restarts, dies, loses its last second, is full, hangs, or stays away."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.circuits import bell
from support.faults.servers import ONE_AND_TWO, Site, lasting, running, site
from support.patience import deadline
from support.processes import eventually

from jobs import BasicAerError, JobNotFoundError, UnreachableError

pytestmark = pytest.mark.rule(34, 18)

#: The counts of `bell` and `lasting` under seed 1.
SEEDED = {"00": 515, "11": 509}
#: Steps that take some 1.1 seconds of CPU.
A_WHILE = 110_000


@pytest.fixture
def here(request):
    """A Redis and one worker, or as many as the test's parameter says, with a lease of 2 s."""
    with site(lease=2) as here:
        here.hire(getattr(request, "param", 1))
        yield here


one_and_two = pytest.mark.parametrize("here", ONE_AND_TWO, indirect=True)


def counts(job) -> dict[str, int]:
    return job.result(timeout=deadline(30)).get_counts()


def seeded(here: Site, circuit=None):
    return here.provider().get_backend().run(circuit or bell(), seed_simulator=1)


@contextmanager
def away(here: Site, sig: signal.Signals = signal.SIGKILL):
    """Redis is down for the block."""
    if sig == signal.SIGKILL:
        here.redis.kill()
    else:
        here.redis.stop(sig)
    yield
    here.redis.start()


@contextmanager
def hung(here: Site):
    """Redis is there but silent for the block."""
    here.redis.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        here.redis.process.send_signal(signal.SIGCONT)


@contextmanager
def full(here: Site):
    """Redis refuses all that takes memory for the block."""
    with here.redis.client() as client:
        client.config_set("maxmemory", 1)
        try:
            yield
        finally:
            client.config_set("maxmemory", 0)


def appended_to(here: Site) -> Path:
    """Return the file that Redis appends its commands to; before Redis 7 there is one only."""
    return next(here.redis.folder.glob("appendonlydir/*.incr.aof"), here.redis.folder / "appendonly.aof")


@contextmanager
def cut_to(here: Site, length: int):
    """Redis is down for the block, and comes back with so much of its file: cut amid a command, as by a crash."""
    with away(here):
        with appended_to(here).open("rb+") as file:
            file.truncate(length + 7)
        yield


def recorded(here: Site, job) -> bool:
    """Whether Redis has the job's record."""
    with here.redis.client() as client:
        return bool(client.exists(f"basicaer:1:job:{job.job_id()}"))


def after(seconds: float) -> None:
    """Let a time pass that is itself the fault: how long Redis is away."""
    end = time.monotonic() + seconds
    eventually(lambda: time.monotonic() > end, within=seconds + 5)


def refused(here: Site, monkeypatch, *calls) -> None:
    """Each call says that it cannot reach Redis, before twice the connect timeout is over."""
    monkeypatch.setattr("jobs.follow.waiting.OUTAGE", 1)
    for call in calls:
        start = time.monotonic()
        with pytest.raises(UnreachableError, match="Cannot reach Redis at redis"):
            call()
        assert time.monotonic() - start < 2 * here.connect_timeout


def untouched(here: Site, *jobs) -> None:
    """No worker is said to have died, none did, and the record holds together."""
    assert [here.lapses(job) for job in jobs] == [0] * len(jobs)
    assert [worker.process.poll() for worker in here.workers] == [None] * len(here.workers)
    here.check()


@pytest.mark.parametrize(
    ("here", "sig"),
    [(1, signal.SIGTERM), pytest.param(1, signal.SIGKILL, marks=pytest.mark.long), (2, signal.SIGKILL)],
    indirect=["here"],
)
class TestRestart:
    @pytest.mark.rule(34)
    def test_while_idle(self, here, sig):
        """A worker comes back by itself to a Redis that was restarted or killed."""
        before = seeded(here)
        assert counts(before) == SEEDED
        eventually(lambda: before.async_result.state == "SUCCESS", what="Celery's SUCCESS")

        with away(here, sig):
            pass

        assert counts(before) == SEEDED
        job = seeded(here)
        assert counts(job) == SEEDED
        untouched(here, before, job)

    @pytest.mark.rule(18, 34)
    def test_while_it_runs(self, here, sig):
        """A run and a waiting client live through a restart."""
        job = running(seeded(here, lasting(A_WHILE)))

        with ThreadPoolExecutor() as threads:
            waiting = threads.submit(counts, job)
            with away(here, sig):
                pass
            assert waiting.result(30) == SEEDED

        untouched(here, job)

    @pytest.mark.rule(34)
    def test_at_completion(self, here, sig):
        """A run that ends while Redis is away is completed when it is back, and Celery knows it."""
        job = running(seeded(here, lasting(A_WHILE // 3)))

        with away(here, sig):
            eventually(lambda: here.logged("Redis does not take the end of"), within=20, what="the end of the run")

        assert counts(job) == SEEDED
        eventually(lambda: job.async_result.state == "SUCCESS", what="Celery's SUCCESS")
        untouched(here, job)


class TestTheLastSecondLost:
    """Where the end of the append-only file is lost, so is what it held, and nothing else."""

    @pytest.mark.rule(34)
    def test_while_idle(self, here):
        """A job that ended in that second is unknown; older ones stay, and workers take new ones."""
        kept = seeded(here)
        assert counts(kept) == SEEDED
        eventually(lambda: kept.async_result.state == "SUCCESS", what="Celery's SUCCESS")
        length = appended_to(here).stat().st_size
        lost = seeded(here)
        assert counts(lost) == SEEDED

        with cut_to(here, length):
            pass

        here.check()
        with pytest.raises(JobNotFoundError, match="never was there"):
            lost.status()
        assert counts(kept) == SEEDED
        again = seeded(here)
        assert counts(again) == SEEDED
        untouched(here, kept, again)

    @pytest.mark.rule(34)
    def test_while_it_runs(self, here):
        """A job that was submitted, but not begun, before that second runs again."""
        kept = seeded(here)
        assert counts(kept) == SEEDED
        # Nobody claims while nobody may pop: what was handed out stays in the queue.
        for worker in here.workers:
            worker.process.send_signal(signal.SIGSTOP)
        taken_back = seeded(here, lasting(A_WHILE))
        length = appended_to(here).stat().st_size
        for worker in here.workers:
            worker.process.send_signal(signal.SIGCONT)
        running(taken_back)
        lost = seeded(here)
        assert recorded(here, lost)

        with cut_to(here, length):
            pass

        here.check()
        with pytest.raises(JobNotFoundError, match="never was there"):
            lost.status()
        assert counts(kept) == counts(taken_back) == SEEDED
        again = seeded(here)
        assert counts(again) == SEEDED
        untouched(here, kept, taken_back, again)

    @pytest.mark.rule(34)
    @one_and_two
    def test_at_completion(self, here):
        """A completion that is lost is made again, from a second run: the same counts, one lapse."""
        job = running(seeded(here, lasting(A_WHILE // 2)))
        length = appended_to(here).stat().st_size
        assert counts(job) == SEEDED

        with cut_to(here, length):
            pass

        assert recorded(here, job)
        assert here.provider().job(job.job_id()).status().name == "RUNNING"
        assert counts(here.provider().job(job.job_id())) == SEEDED
        # The lease was that of a run that nobody does any more.
        assert here.lapses(job) == 1
        assert [worker.process.poll() for worker in here.workers] == [None] * len(here.workers)
        here.check()


class TestFull:
    @pytest.mark.rule(36)
    def test_while_idle(self, here):
        """Run() says that Redis is full and what to do; workers live, and go on when there is room."""
        backend = here.provider().get_backend()

        with full(here):
            with pytest.raises(BasicAerError, match=r"is full: delete jobs .*, or raise its maxmemory"):
                backend.run(bell())
            # Longer than a tick: workers meet it too.
            after(here.lease / 2)

        assert here.provider().jobs() == []
        job = seeded(here)
        assert counts(job) == SEEDED
        untouched(here, job)

    @pytest.mark.rule(34)
    @one_and_two
    def test_while_it_runs(self, here):
        """A run that cannot renew its lease for longer than it lasts is no dead worker."""
        # A step takes 10 us: half as long again as Redis is full, whatever a lease is on this machine now.
        job = running(seeded(here, lasting(round(2.2 * A_WHILE * here.lease))))

        with full(here):
            after(1.5 * here.lease)
            assert job.status().name == "RUNNING"

        assert counts(job) == SEEDED
        untouched(here, job)

    @pytest.mark.rule(34)
    @one_and_two
    def test_at_completion(self, here):
        """What ends while Redis is full is not lost."""
        job = running(seeded(here, lasting(A_WHILE // 2)))

        with full(here):
            after(1.5)

        assert counts(job) == SEEDED
        next_job = seeded(here)
        assert counts(next_job) == SEEDED
        untouched(here, job, next_job)

    @pytest.mark.rule(34)
    def test_a_large_result(self, here):
        """A result in chunks that finds Redis full is put when there is room."""
        wide = lasting(A_WHILE // 2)
        wide.add_bits([type(wide.qubits[0])() for _ in range(15)])
        job = running(here.provider().get_backend("statevector_simulator").run(wide, seed_simulator=1))

        with full(here):
            after(2)
            assert job.status().name == "RUNNING"

        assert job.result(timeout=deadline(30)).get_statevector().size == 1 << 17
        untouched(here, job)

    @pytest.mark.rule(8)
    def test_cancel(self, here):
        """A job can be cancelled, and deleted, to make room in a Redis that is full."""
        job = running(seeded(here, lasting(100 * A_WHILE)))

        with full(here):
            assert job.cancel() is True
            assert job.status().name == "CANCELLED"

        next_job = seeded(here)
        assert counts(next_job) == SEEDED
        untouched(here, job, next_job)


class TestHung:
    @pytest.mark.rule(34)
    def test_while_idle(self, here):
        """Workers that waited for a Redis that hung for longer than a lease take the next job."""
        before = seeded(here)
        assert counts(before) == SEEDED

        with hung(here):
            after(1.2 * here.lease)

        job = seeded(here)
        assert counts(job) == SEEDED
        untouched(here, before, job)

    @pytest.mark.rule(34)
    @pytest.mark.parametrize(
        ("here", "leases"), [(1, 0.4), pytest.param(1, 1.6, marks=pytest.mark.long), (2, 1.6)], indirect=["here"]
    )
    def test_while_it_runs(self, here, leases):
        """A Redis that answers nothing for less, or more, than a lease costs time only."""
        job = running(seeded(here, lasting(A_WHILE)))

        with ThreadPoolExecutor() as threads:
            waiting = threads.submit(counts, job)
            with hung(here):
                after(leases * here.lease)
            assert waiting.result(30) == SEEDED

        next_job = seeded(here)
        assert counts(next_job) == SEEDED
        untouched(here, job, next_job)

    @pytest.mark.rule(34)
    @one_and_two
    def test_at_completion(self, here):
        """A run that ends while Redis answers nothing is completed when it does, and Celery knows it."""
        job = running(seeded(here, lasting(A_WHILE // 3)))

        with hung(here):
            after(1.2 * here.lease)

        assert counts(job) == SEEDED
        eventually(lambda: job.async_result.state == "SUCCESS", what="Celery's SUCCESS")
        untouched(here, job)

    @pytest.mark.rule(18)
    def test_the_client_says_so(self, here, monkeypatch):
        """Each call on a Redis that hangs ends in one clear error, in the time that was set."""
        job = seeded(here)
        assert counts(job) == SEEDED

        with hung(here):
            refused(here, monkeypatch, job.status, job.cancel, job.result)

        assert counts(job) == SEEDED


@pytest.mark.rule(34)
@one_and_two
def test_three_outages_in_a_row(here):
    """Outages that are longer than the lease, however many, are no lapse of those who lived."""
    job = running(seeded(here, lasting(3 * A_WHILE)))
    with here.redis.client() as client:

        def fed():
            return client.get("basicaer:1:fed")

        for _ in range(3):
            with away(here):
                before = time.time() * 1000
                after(1.2 * here.lease)
            # No longer than until the first tick: there is no time to renew in peace.
            eventually(lambda since=before: int(fed()) > since, what="a tick")

    assert counts(job) == SEEDED
    untouched(here, job)


@pytest.mark.rule(18)
def test_the_client_says_that_redis_is_away(here, monkeypatch):
    """Each call on a Redis that is down ends in one clear error, in the time that was set."""
    provider = here.provider()
    backend = provider.get_backend()
    job = backend.run(bell(), seed_simulator=1)

    with away(here):
        refused(here, monkeypatch, lambda: backend.run(bell()), job.status, job.cancel, job.result, provider.jobs)

    assert counts(job) == SEEDED
