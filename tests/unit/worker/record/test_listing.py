"""An owner's jobs are found by state, backend, tags and time, whatever is left of them."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass

import pytest
from support.record_inspection import Snapshot

from worker.record.listing import JobFilter, ListedJob
from worker.record.values import ShardId

STATES = ("QUEUED", "RUNNING", "DONE", "ERROR", "CANCELLED")
BACKENDS = ("qasm_simulator", "unitary_simulator")
TAGS = ("", "vqe", "a:b", 'sp ace"\\', "é")


@dataclass(frozen=True)
class Known:
    """What a test knows of a job that it made."""

    id: str
    backend: str
    state: str
    tags: tuple[str, ...]
    created: float

    def meets(self, wanted):
        return (
            (not wanted.states or self.state in wanted.states)
            and wanted.backend in {"", self.backend}
            and set(wanted.tags) <= set(self.tags)
            and wanted.after <= self.created <= wanted.before
        )


@pytest.fixture
def known(store, clock, submit, worker):
    """Make jobs of all kinds, and some of another owner's between them."""
    # With a window so wide every shard is there to claim at once.
    store.feed(worker(slots=100))
    kinds = random.Random(7)
    jobs = []
    for number in range(40):
        clock.advance(kinds.choice([0, 0.001, 1, 3600]))
        job = Known(
            f"job-{number}",
            kinds.choice(BACKENDS),
            kinds.choice([*STATES, "DONE", "DONE"]),
            tuple(kinds.sample(TAGS, kinds.choice([0, 0, 1, 2, 3]))),
            clock.time(),
        )
        submit(job.id, backend=job.backend, tags=job.tags, expires=1e9, job_timeout=1e9)
        shard_id = ShardId(job.id, 0)
        if job.state == "CANCELLED":
            store.cancel(job.id)
        elif job.state != "QUEUED":
            assert store.claim(shard_id, "t").granted
        if job.state in {"DONE", "ERROR"}:
            bad = job.state == "ERROR"
            store.complete(shard_id, "t", b"", bad=bad, error=("E", "", "") if bad else None)
        assert store.state(job.id) == job.state
        submit(f"other-{number}", owner="bob", backend=job.backend, tags=job.tags)
        store.cancel(f"other-{number}")
        jobs.append(job)
    return jobs


def queries(jobs):
    """Yield filters of all kinds, together and alone."""
    kinds = random.Random(11)
    times = [job.created for job in jobs]
    for _ in range(250):
        yield JobFilter(
            states=frozenset(kinds.sample(STATES, kinds.choice([0, 0, 1, 2]))),
            backend=kinds.choice(["", "", *BACKENDS, "unknown"]),
            tags=tuple(kinds.sample(TAGS, kinds.choice([0, 0, 1, 2]))),
            after=kinds.choice([-float("inf")] * 2 + [kinds.choice(times) + kinds.choice([-0.0004, 0, 0.0004])]),
            before=kinds.choice([float("inf")] * 2 + [kinds.choice(times) + kinds.choice([-0.0004, 0, 0.0004])]),
            newest_first=kinds.random() < 0.5,
        )


@pytest.mark.rule(14)
@pytest.mark.slow
def test_what_is_wanted_is_found(store, known):
    """All filters agree with a look at every job, in the order of the SUBMITs, whatever is skipped."""
    found = 0
    for skip, wanted in zip(itertools.cycle([0, 0, 3]), queries(known)):
        expected = [ListedJob(job.id, job.backend) for job in known if job.meets(wanted)]
        expected = expected[::-1] if wanted.newest_first else expected
        assert list(store.find("ann", wanted, skip=skip)) == expected[skip:], wanted
        assert list(store.find("ann", wanted, skip=skip, limit=2)) == expected[skip : skip + 2], wanted
        found += len(expected)
    assert found > 500


@pytest.mark.slow
def test_pages_go_on_where_they_ended(store, known):
    """Pages of any size give each job once, and skip as many as are to be skipped."""
    for wanted in queries(known):
        cursor, skip, ids = "", 1, []
        while cursor is not None:
            page = store.page("ann", wanted, cursor=cursor, skip=skip, most=3)
            assert len(page.jobs) <= 3
            ids += [each.id for each in page.jobs]
            cursor, skip = page.cursor, page.skip
        assert ids == [each.id for each in store.find("ann", wanted, skip=1)]


@pytest.mark.rule(14)
def test_a_deleted_job_is_in_no_list(store, known):
    """DELETE takes a job off every list, and what is left of the lists goes with the last one."""
    for job in known:
        store.cancel(job.id)
        assert store.delete(job.id)
        assert job.id not in {each.id for tag in TAGS for each in store.find("ann", JobFilter(tags=(tag,)))}
    assert list(store.find("ann")) == []
    left = [name for kind in ("tag", "tags", "ended") for name in Snapshot(store.client).names(kind)]
    assert [name for name in left if "ann" in name] == []


@pytest.mark.parametrize("gone", [(), (0,), (3, 4, 5), tuple(range(8)), tuple(range(2, 10)), tuple(range(10))])
@pytest.mark.parametrize("newest_first", [True, False])
def test_expired_records_do_not_hide_others(store, client, clock, submit, gone, newest_first):
    """A record that expired and is still listed is left out, and times are found across it."""
    created = []
    for number in range(10):
        clock.advance(1)
        submit(f"job-{number}")
        store.cancel(f"job-{number}")
        created.append(clock.time())
    for number in gone:
        client.unlink(*(f"basicaer:1:{kind}:job-{number}" for kind in ("job", "about")))
    for first, last in ((0, 9), (2, 7), (4, 4), (9, 9)):
        wanted = JobFilter(after=created[first], before=created[last], newest_first=newest_first)
        numbers = [number for number in range(first, last + 1) if number not in gone]
        expected = [f"job-{number}" for number in (numbers[::-1] if newest_first else numbers)]
        assert [each.id for each in store.find("ann", wanted)] == expected
    clock.advance(14 * 86400)
    store.feed()


@pytest.mark.slow
def test_what_an_index_answers_is_quick(store, client, submit):
    """Of 2,500 jobs few are looked at where a tag, a time or being unfinished says which; and none twice."""
    for number in range(2500):
        submit(f"job-{number}", tags=("rare",) if number == 700 else ("common",))
        if number != 100:
            store.cancel(f"job-{number}")
    middle = store.read("job-1250").created

    def commands(wanted, limit):
        client.config_resetstat()
        ids = [each.id for each in store.find("ann", wanted, limit=limit)]
        return ids, sum(stats["calls"] for stats in client.info("commandstats").values())

    for wanted, expected in (
        (JobFilter(tags=("rare",)), ["job-700"]),
        (JobFilter(tags=("common", "rare")), []),
        (JobFilter(states=frozenset({"QUEUED", "RUNNING"})), ["job-100"]),
        (JobFilter(states=frozenset({"RUNNING"})), []),
        (JobFilter(states=frozenset({"ERROR"})), []),
    ):
        ids, calls = commands(wanted, None)
        assert (ids, calls < 20) == (expected, True), (wanted, calls)
    ids, calls = commands(JobFilter(before=middle), 1)
    assert ids[0] >= "job-1250"
    # A page of entries, and a search in the index; not the 1,249 that are younger.
    assert calls < 100
    # Only what no list has is looked for among all: three calls, each of which bounds what it looks at.
    ids, calls = commands(JobFilter(states=frozenset({"DONE", "ERROR"})), None)
    assert ids == []
    assert calls < 2500 + 30
    assert sum(1 for _ in store.find("ann")) == 2500
