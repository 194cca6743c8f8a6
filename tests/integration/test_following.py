"""The life of a job as its user follows it: progress, partial results, usage, log, events."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
from qiskit.providers import JobError, JobStatus, JobTimeoutError
from support.circuits import bell, dividing_by_zero, endless, wide
from support.patience import deadline
from support.processes import eventually

from jobs import JobCancelledError, JobExpiredError, JobNotFoundError
from jobs.follow.progress import Progress
from jobs.job import BasicAerJob
from worker.record import keys

pytestmark = pytest.mark.rule(16)


@pytest.fixture
def halfway(provider):
    """A job of three shards, of which two are done and one never ends."""
    job = provider.get_backend().run([wide("a"), wide("b"), endless()], shots=100, seed_simulator=2)
    eventually(lambda: job.progress().done == 2, within=20, what="two shards")
    yield job
    job.cancel()


class TestProgress:
    @pytest.mark.rule(16)
    def test_shards(self, halfway):
        """Progress() has the shards that are done, of all, and the fraction."""
        progress = halfway.progress()
        assert progress == Progress(done=2, total=3, fraction=2 / 3)
        assert str(progress) == "2 of 3 shards, 67%"
        halfway.cancel()
        assert halfway.progress() == progress

    @pytest.mark.rule(16)
    def test_within_a_shard(self, provider):
        """The fraction counts the circuits that a running shard has done."""
        job = provider.get_backend().run([*(bell() for _ in range(9)), endless()])
        # A beat tells it, once in a fifth of a lease.
        eventually(lambda: job.progress().fraction, within=10, what="a report")
        assert job.progress() == Progress(done=0, total=1, fraction=0.9)
        job.cancel()

    @pytest.mark.rule(16)
    def test_from_first_to_last(self, provider, quiet):
        """0 while it is queued, 1 when it is done; unknown is unknown."""
        assert quiet.get_backend().run([]).progress() == Progress(0, 1, 0.0)
        job = provider.get_backend().run(bell())
        job.result()
        assert job.progress() == Progress(1, 1, 1.0)
        with pytest.raises(JobNotFoundError):
            BasicAerJob.of(provider.get_backend(), "unknown").progress()


class TestPartialResult:
    @pytest.mark.rule(16)
    def test_while_it_runs(self, halfway, provider):
        """What has finished is a valid Result: the same counts, by name and with their places."""
        result = halfway.partial_result()
        assert (result.success, result.status, result.job_id) == (False, "RUNNING", halfway.job_id())
        assert [(each.header["name"], each.index) for each in result.results] == [("a", 0), ("b", 1)]
        json.dumps(result.to_dict())
        alone = provider.get_backend().run(wide("a"), shots=100, seed_simulator=2).result()
        assert result.get_counts("a") == alone.get_counts()

    @pytest.mark.rule(16)
    def test_after_cancel(self, halfway):
        """What was done before a cancel can be had; result() still raises."""
        halfway.cancel()
        assert [each.header["name"] for each in halfway.partial_result().results] == ["a", "b"]
        assert halfway.partial_result().status == "CANCELLED"
        with pytest.raises(JobCancelledError, match="partial_result"):
            halfway.result()

    @pytest.mark.rule(16)
    def test_of_nothing_and_of_all(self, provider, quiet):
        """A job that waits has an empty Result, one that is done its whole; what expired is gone."""
        queued = quiet.get_backend().run(bell()).partial_result()
        assert (queued.status, queued.results) == ("QUEUED", [])
        job = provider.get_backend().run([bell("x"), bell("y")])
        whole = job.result()
        assert job.partial_result().to_dict() == whole.to_dict()
        with provider.connection.reaching() as connection:
            connection.client.delete(keys.key("parts", job.job_id()))
        with pytest.raises(JobExpiredError):
            job.partial_result()

    @pytest.mark.rule(7, 16)
    def test_with_a_failed_circuit(self, provider):
        """A circuit that failed is there with its error."""
        job = provider.get_backend().run([bell(), dividing_by_zero()])
        job.wait_for_final_state(timeout=deadline(20))
        result = job.partial_result()
        assert [each.success for each in result.results] == [True, False]
        assert result.status.startswith("ERROR: ProgramRuntimeError")


class TestQueue:
    @pytest.mark.rule(16)
    def test_position(self, quiet):
        """0 is next; None when it is no longer queued."""
        jobs = [quiet.get_backend().run(bell()) for _ in range(4)]
        assert [job.queue_position() for job in jobs] == [0, 1, 2, 3]
        jobs[1].cancel()
        assert [job.queue_position() for job in jobs] == [0, None, 1, 2]
        with pytest.raises(JobNotFoundError):
            BasicAerJob.of(quiet.get_backend(), "unknown").queue_position()
        for job in jobs:
            job.cancel()

    @pytest.mark.rule(16)
    def test_running(self, halfway):
        """A job that runs is not queued, whatever of it still waits."""
        assert halfway.queue_position() is None


class TestUsageAndLogs:
    @pytest.mark.rule(16)
    def test_usage(self, provider, workers):
        """The simulated seconds, by worker, and their sum."""
        job = provider.get_backend().run([wide("a"), wide("b"), wide("c")])
        assert job.usage().seconds == 0
        taken = sum(each.time_taken for each in job.result().results)
        usage = job.usage()
        assert usage.seconds == pytest.approx(taken, abs=1e-5)
        assert sum(usage.by_worker.values()) == pytest.approx(usage.seconds)
        assert usage.by_worker.keys() <= {worker.name for worker in workers}

    @pytest.mark.rule(16)
    def test_logs(self, provider, workers):
        """Submitted, claimed by whom, finished, ended, each with its time; all of it reads well."""
        job = provider.get_backend().run(bell())
        job.result()
        log = job.logs()
        assert [entry.event for entry in log] == ["submitted", "claimed", "finished", "ended"]
        assert [entry.time for entry in log] == sorted(entry.time for entry in log)
        times = job.timestamps()
        assert [log[0].time, log[1].time, log[3].time] == list(times.values())
        _, claimed, finished, ended = log
        assert (claimed.shard, claimed.attempt) == (0, 1)
        assert claimed.worker == finished.worker
        assert finished.worker in {worker.name for worker in workers}
        assert finished.seconds == pytest.approx(job.usage().seconds)
        assert str(claimed).endswith(f"claimed   shard 0 by {claimed.worker}")
        assert str(ended).endswith("ended     DONE")

    @pytest.mark.rule(6, 16)
    def test_logs_of_other_ends(self, provider, quiet):
        """An error, a cancel and a deadline are told with their reasons."""
        failed = provider.get_backend().run(dividing_by_zero())
        failed.wait_for_final_state(timeout=deadline(20))
        events = {entry.event: entry.text for entry in failed.logs()}
        assert list(events) == ["submitted", "claimed", "error", "ended"]
        assert events["error"].startswith("ProgramRuntimeError: ")
        assert "division by zero" in events["ended"]
        cancelled = quiet.get_backend().run(bell())
        cancelled.cancel()
        assert [entry.event for entry in cancelled.logs()] == ["submitted", "cancelled"]

    def test_a_run_that_is_stopped(self, provider):
        """A run that its cancel stopped adds nothing to the log."""
        job = provider.get_backend().run(endless())
        eventually(job.running, what="RUNNING")
        job.cancel()
        assert provider.get_backend().run(bell()).result(timeout=deadline(20)).success
        assert [entry.event for entry in job.logs()] == ["submitted", "claimed", "cancelled"]


def gathered(jobs, **options):
    """Await the results of jobs on one event loop."""

    async def run():
        return await asyncio.gather(*(job.result_async(**options) for job in jobs))

    return asyncio.run(run())


class TestAsync:
    def test_many_at_once(self, provider, server):
        """`result_async` of many jobs on one loop takes one pub/sub connection and few threads."""
        jobs = [provider.get_backend().run(bell(), shots=index, seed_simulator=index) for index in range(150)]
        most = threads = 0

        async def run():
            nonlocal most, threads
            waiting = asyncio.gather(*(job.result_async(timeout=deadline(60)) for job in jobs))
            while not waiting.done():
                threads = max(threads, threading.active_count())
                with server.client() as client:
                    most = max(most, len(client.client_list(_type="pubsub")))
                await asyncio.sleep(0.02)
            return await waiting

        results = asyncio.run(run())
        assert [sum(result.get_counts().values()) for result in results] == list(range(150))
        # Those of a loop's pool, and the listener: not one for each job.
        assert threads < 50
        # Each of the two workers listens to its neighbours on one or two.
        with server.client() as client:
            assert most <= len(client.client_list(_type="pubsub")) + 1

    def test_errors(self, provider, quiet):
        """It raises what `result` raises; `partial` returns what there is."""
        failed = provider.get_backend().run([bell(), dividing_by_zero()])
        with pytest.raises(JobError, match="division by zero"):
            gathered([failed], timeout=deadline(20))
        (result,) = gathered([failed], partial=True)
        assert [each.success for each in result.results] == [True, False]
        queued = quiet.get_backend().run(bell())
        with pytest.raises(JobTimeoutError, match=queued.job_id()):
            gathered([queued], timeout=0.1)
        queued.cancel()
        with pytest.raises(JobCancelledError):
            gathered([queued])
        with pytest.raises(JobError, match="not been submitted"):
            gathered([quiet.get_backend().create_job(bell())])

    def test_the_end_is_noticed_at_once(self, provider, pushed_only):
        """The end is pushed to the loop, which goes on meanwhile."""
        job = provider.get_backend().run(endless())
        eventually(job.running, what="RUNNING")

        async def run():
            ticks = 0
            waiting = asyncio.create_task(job.result_async(timeout=deadline(20)))
            await asyncio.sleep(0.3)
            assert not waiting.done()
            await asyncio.to_thread(job.cancel)
            while not waiting.done():
                ticks += 1
                await asyncio.sleep(0.001)
            with pytest.raises(JobCancelledError):
                await waiting

        asyncio.run(run())

    @pytest.mark.parametrize("ticks", range(7))
    def test_an_await_that_is_cancelled_as_it_wakes(self, quiet, ticks):
        """A cancel is not lost that comes with an announcement, or so many turns of the loop behind it."""
        job = quiet.get_backend().run(bell())

        async def run():
            loop = asyncio.get_running_loop()
            waiting = asyncio.create_task(job.result_async())
            soon = loop.call_soon_threadsafe

            def cancel(left):
                if left:
                    loop.call_soon(cancel, left - 1)
                else:
                    waiting.cancel()

            def woken(callback, *args, **options):
                handle = soon(callback, *args, **options)
                if getattr(callback, "__self__", None).__class__ is asyncio.Event:
                    soon(cancel, ticks)
                return handle

            loop.call_soon_threadsafe = woken
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(asyncio.shield(waiting), deadline(20))

        asyncio.run(run())
        job.cancel()

    def test_a_cancelled_await(self, quiet, quiet_server):
        """To cancel the await leaves the job alone, and nobody listens for it any more."""
        job = quiet.get_backend().run(bell())
        channel = keys.key("events", job.job_id())

        def listeners():
            with quiet_server.client() as client:
                return dict(client.pubsub_numsub(channel))[channel.encode()]

        async def run():
            waiting = asyncio.create_task(job.result_async())
            await asyncio.to_thread(eventually, listeners, what="the subscription")
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

        asyncio.run(run())
        assert job.status() is JobStatus.QUEUED
        eventually(lambda: not listeners(), what="the end of the subscription")
        job.cancel()


class TestEvents:
    @pytest.mark.rule(12)
    def test_one_connection(self, quiet, quiet_server):
        """One pub/sub connection serves all who wait, and subscribes to their jobs only."""
        jobs = [quiet.get_backend().run(bell()) for _ in range(20)]
        waiting = [
            threading.Thread(target=job.wait_for_final_state, args=(deadline(30),))
            for job in jobs
            for _ in range(2)
        ]
        for each in waiting:
            each.start()
        with quiet_server.client() as client:
            eventually(lambda: len(client.pubsub_channels("basicaer:*")) == 20, what="subscriptions")
            assert len(client.client_list(_type="pubsub")) == 1
            for job in jobs[:10]:
                job.cancel()
            expected = {keys.key("events", job.job_id()).encode() for job in jobs[10:]}
            eventually(lambda: set(client.pubsub_channels("basicaer:*")) == expected, what="fewer subscriptions")
            for job in jobs[10:]:
                job.cancel()
            for each in waiting:
                each.join(deadline(5))
            eventually(lambda: not client.pubsub_channels("basicaer:*"), what="no subscription")
        assert not any(each.is_alive() for each in waiting)

    def test_after_a_pause(self, quiet):
        """A provider that was closed waits all the same, by reading."""
        job = quiet.get_backend().run(bell())
        with pytest.raises(JobTimeoutError):
            job.wait_for_final_state(timeout=0.1)
        quiet.close()
        with pytest.raises(JobTimeoutError):
            job.wait_for_final_state(timeout=0.1)
        assert job.cancel()

    def test_threads_share_their_lines(self, quiet, quiet_server):
        """Threads that ask Celery of a job share its lines; of their own, nobody would close them."""
        job = quiet.get_backend().run(bell())
        with quiet.connection.reaching() as connection:
            asking = [
                threading.Thread(target=lambda: connection.app.backend.get_state(job.job_id())) for _ in range(16)
            ]
            backends = set()
            asking += [
                threading.Thread(target=lambda: backends.add(id(connection.app.backend))) for _ in range(16)
            ]
        for each in asking:
            each.start()
        for each in asking:
            each.join(deadline(5))
        assert len(backends) == 1
        job.cancel()
