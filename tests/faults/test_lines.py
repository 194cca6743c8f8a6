"""An answer that is lost, and lines that are cut: the outcome is right, and there is one."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from qiskit import QuantumCircuit
from qiskit.providers import JobError
from support.circuits import bell, dividing_by_zero, endless
from support.faults.servers import ONE_AND_TWO, lasting, running, site
from support.patience import deadline
from support.processes import control_of, eventually

from jobs import JobNotFoundError, UnreachableError
from worker.record import keys
from worker.settings import QUEUE

pytestmark = pytest.mark.rule(34)

#: The counts of `bell` and `lasting` under seed 1.
SEEDED = {"00": 515, "11": 509}
#: Steps that take about a second and a half.
A_WHILE = 110_000
#: Tries of one call, after which its caller is told.
TRIES = 4


@pytest.fixture(scope="module")
def lines(request):
    """A Redis with as many workers as the parameter says, on one line, and a client, on another; lease 2 s."""
    with site(lease=2) as here:
        here.of_worker, here.of_client = here.proxy(), here.proxy()
        here.hire(request.param, here.of_worker.url)
        here.client = here.provider(here.of_client.url)
        yield here


@pytest.fixture(autouse=True)
def _checked(lines):
    """After each test the record holds together, and the workers are up and take the next job."""
    yield
    lines.of_client.mute = False
    job = lines.client.get_backend().run(bell(), seed_simulator=1)
    assert job.result(timeout=deadline(30)).get_counts() == SEEDED
    lines.check()
    assert {worker.process.poll() for worker in lines.workers} == {None}


def seeded(lines, circuit=None, **options):
    return lines.client.get_backend().run(circuit or bell(), seed_simulator=1, **options)


def counts(job) -> dict[str, int]:
    return job.result(timeout=deadline(30)).get_counts()


def cut_once(line, script: str, times: int = 1):
    """Cut the next answers to a script, and return what says whether that has happened."""
    before = line.cuts
    line.cut_reply(script, times)
    return lambda: line.cuts - before == times


@pytest.mark.parametrize("lines", ONE_AND_TWO, indirect=True)
class TestAnswersToAWorker:
    @pytest.mark.parametrize("script", ["claim", "beat", "complete"])
    def test_of_a_run(self, lines, script):
        """CLAIM and BEAT made again are granted again, and COMPLETE is done already: one result, no lapse."""
        cut = cut_once(lines.of_worker, script)

        job = seeded(lines, lasting(A_WHILE))

        assert counts(job) == SEEDED
        eventually(cut, what="a cut answer")
        assert lines.lapses(job) == 0
        eventually(lambda: job.async_result.state == "SUCCESS", what="Celery's SUCCESS")
        assert job.async_result.result is not None

    def test_complete_of_a_failure(self, lines):
        """A job that failed is FAILURE to Celery, also where COMPLETE's answer was lost."""
        cut = cut_once(lines.of_worker, "complete")

        job = seeded(lines, dividing_by_zero())

        with pytest.raises(JobError, match="division by zero"):
            job.result(timeout=deadline(30))
        eventually(cut, what="a cut answer")
        eventually(lambda: job.async_result.state == "FAILURE", what="Celery's FAILURE")

    def test_complete_whenever_it_is_tried(self, lines):
        """COMPLETE is tried on after all of redis-py's tries."""
        cut = cut_once(lines.of_worker, "complete", TRIES + 1)

        job = seeded(lines)
        # Only the first had anything to do.
        assert counts(job) == SEEDED

        eventually(cut, what="the tries")
        eventually(lambda: job.async_result.state == "SUCCESS", what="Celery's SUCCESS")

    def test_claim_that_is_given_up(self, lines):
        """A shard whose CLAIM was granted to a caller that never heard of it runs all the same."""
        cut = cut_once(lines.of_worker, "claim", TRIES)

        job = seeded(lines)

        assert counts(job) == SEEDED
        eventually(cut, what="a cut answer")
        eventually(lambda: job.async_result.state == "SUCCESS", what="Celery's SUCCESS")

    def test_put(self, lines):
        """A chunk that is PUT again is the same chunk."""
        cut = cut_once(lines.of_worker, "put")
        circuit = QuantumCircuit(17)
        circuit.h(range(17))

        job = lines.client.get_backend("statevector_simulator").run(circuit)

        assert abs(job.result(timeout=deadline(30)).get_statevector() - 2**-8.5).max() < 1e-12
        eventually(cut, what="a cut answer")
        assert lines.lapses(job) == 0

    def test_release(self, lines):
        """RELEASE made again has nothing to do."""
        job = running(seeded(lines, endless()))
        cut = cut_once(lines.of_worker, "release")

        assert job.cancel() is True

        eventually(cut, what="RELEASE")
        assert job.status().name == "CANCELLED"
        eventually(lambda: job.async_result.state == "REVOKED", what="Celery's REVOKED")

    def test_unregister(self, lines):
        """A worker that stops is off the register, and its process ends, in good order."""
        (leaving,) = lines.hire(url=lines.of_worker.url)
        lines.workers.remove(leaving)
        with lines.redis.client() as client:

            def registered() -> bool:
                start = f"{leaving.name}#".encode()
                return any(node.startswith(start) for node in client.zrange("basicaer:1:workers", 0, -1))

            eventually(registered, what="the register's entry")
            cut = cut_once(lines.of_worker, "unregister")

            leaving.stop(signal.SIGTERM)

            assert leaving.process.returncode == 0
            eventually(cut, what="a cut answer")
            assert not registered()

    def test_feed(self, lines):
        """A message that was lost is sent again by a FEED, whether that is answered or not."""
        with lines.client.connection.reaching() as session:
            app = session.app
        control_of(app, *lines.workers).cancel_consumer(QUEUE)
        eventually(
            lambda: {each.lanes for each in lines.client.workers()} == {()}, what="workers that read nothing"
        )
        with lines.redis.client() as client:
            eventually(lambda: not client.info("clients")["blocked_clients"], what="the last pop's end")
            job = seeded(lines)
            assert client.delete(QUEUE) == 1
            lines.of_worker.cut_reply("feed", 10**9)
            try:
                eventually(lambda: client.llen(QUEUE), what="a FEED that sends it again")
            finally:
                lines.of_worker.cut_reply("feed", 0)
        control_of(app, *lines.workers).add_consumer(QUEUE)

        assert counts(job) == SEEDED


@pytest.mark.parametrize("lines", [1], indirect=True)
class TestAnswersToAClient:
    def test_submit(self, lines):
        """SUBMIT made again with the same digest changes nothing: run() succeeds, with one job."""
        known = len(lines.client.jobs(limit=None))
        cut = cut_once(lines.of_client, "submit")

        job = seeded(lines)

        eventually(cut, what="a cut answer")
        assert counts(job) == SEEDED
        assert len(lines.client.jobs(limit=None)) == known + 1

    @pytest.mark.rule(8)
    def test_cancel(self, lines):
        """Cancel() is True where it took effect, also if the answer was lost; a second one is False."""
        job = running(seeded(lines, endless()))
        cut = cut_once(lines.of_client, "cancel")

        assert job.cancel() is True

        eventually(cut, what="a cut answer")
        assert job.status().name == "CANCELLED"
        assert job.cancel() is False
        assert job.async_result.state == "REVOKED"

    def test_delete(self, lines):
        """A job whose DELETE was not answered is deleted, without an error; then it is unknown."""
        job = seeded(lines)
        assert counts(job) == SEEDED
        cut = cut_once(lines.of_client, "delete")

        job.delete()

        eventually(cut, what="a cut answer")
        with pytest.raises(JobNotFoundError):
            job.delete()

    def test_annotate(self, lines):
        """Tags that are written again are the same tags."""
        job = seeded(lines)
        cut = cut_once(lines.of_client, "annotate")

        assert job.update_tags(["late"]) == ["late"]

        eventually(cut, what="a cut answer")
        assert lines.client.job(job.job_id()).tags == ["late"]

    def test_workers(self, lines):
        """The list of workers is read again."""
        # A client of its own: one that has asked keeps the list for a second.
        backend = lines.provider(lines.of_client.url).get_backend()
        cut = cut_once(lines.of_client, "workers")

        assert backend.max_qubits > 1

        eventually(cut, what="a cut answer")

    @pytest.mark.rule(18)
    def test_every_try_of_the_client(self, lines):
        """Where all tries are cut, the client is told; the job is recorded, and can be cancelled."""
        job = running(seeded(lines, endless()))
        lines.of_client.cut_reply("cancel", TRIES)

        with pytest.raises(UnreachableError, match="Cannot reach Redis"):
            job.cancel()

        assert job.status().name == "CANCELLED"


@pytest.mark.parametrize("lines", [1], indirect=True)
class TestLines:
    def test_a_worker_that_is_cut_off_for_a_moment(self, lines):
        """A run goes on over new lines when all were cut: no lapse."""
        job = running(seeded(lines, lasting(A_WHILE)))

        lines.of_worker.cut()

        assert counts(job) == SEEDED
        assert lines.lapses(job) == 0

    def test_a_worker_that_is_cut_off(self, lines):
        """What a worker that nobody hears runs is run by another; it writes nothing over it, and comes back."""
        job = running(seeded(lines, lasting(2 * A_WHILE)))
        (other,) = lines.hire()

        lines.of_worker.shut()
        try:
            eventually(lambda: lines.lapses(job), what="the lapse")
            assert counts(job) == SEEDED
        finally:
            lines.of_worker.open()
            other.stop()
            lines.workers.remove(other)

        assert lines.lapses(job) == 1
        eventually(lambda: job.async_result.state == "SUCCESS", what="Celery's SUCCESS")

    @pytest.mark.rule(18)
    def test_a_client_that_is_cut_off(self, lines):
        """A waiting result() goes on when the client can reach Redis again."""
        job = running(seeded(lines, lasting(A_WHILE)))

        with ThreadPoolExecutor() as threads:
            waiting = threads.submit(counts, job)
            lines.of_client.shut()
            with lines.redis.client() as client:
                eventually(lambda: client.hget(f"basicaer:1:job:{job.job_id()}", "state") == b"DONE", what="DONE")
            assert not waiting.done()
            lines.of_client.open()
            assert waiting.result(30) == SEEDED

    @pytest.mark.rule(12)
    def test_an_announcement_that_is_lost(self, lines):
        """An end that was announced to nobody is noticed by reading again."""
        lines.of_client.mute = True

        job = seeded(lines, lasting(A_WHILE))

        assert job.result(timeout=deadline(15)).get_counts() == SEEDED

    @pytest.mark.rule(12)
    def test_the_announcements_line(self, lines):
        """The line of announcements is opened again, and announces."""
        job = running(seeded(lines, endless()))

        with lines.redis.client() as client, ThreadPoolExecutor() as threads:
            channel = keys.key("events", job.job_id())

            def listeners():
                return dict(client.pubsub_numsub(channel))[channel.encode()]

            waiting = threads.submit(job.wait_for_final_state, 30)
            eventually(listeners, what="the subscription")
            lines.of_client.cut()
            eventually(lambda: not waiting.done() and listeners() == 1, what="a new subscription")
            assert job.cancel()
            # Far sooner than it would read again.
            waiting.result(2)
