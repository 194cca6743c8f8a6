"""Owners take turns at the workers; priorities order one owner's own jobs."""

from __future__ import annotations

import getpass
import shutil
from collections.abc import Iterator

import pytest
from qiskit import QuantumCircuit
from qiskit.providers import JobError
from support.circuits import bell
from support.command_line import basicaer
from support.faults.farm import lasting
from support.patience import deadline, setting
from support.processes import RedisServer, Worker, environment, eventually
from support.uploads import submit_with

from jobs import BasicAerJob, BasicAerProvider
from worker.record.values import NewJob

LEASE = str(setting(2))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis with one worker of one slot, which ticks five times a second."""
    folder = tmp_path_factory.mktemp("o")
    server = RedisServer(folder).start()
    worker = Worker(server.url, folder, BASICAER_LEASE=LEASE)
    worker.ready()
    yield server
    worker.stop()
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def client(site: RedisServer) -> Iterator:
    """Make providers, each of an owner; None: of whoever runs the tests."""
    made = []

    def of(owner: str | None) -> BasicAerProvider:
        with environment(BASICAER_LEASE=LEASE, **({"BASICAER_OWNER": owner} if owner else {})):
            made.append(BasicAerProvider(site.url))
        return made[-1]

    yield of
    for provider in made:
        provider.close()


def huge(provider: BasicAerProvider, circuit: QuantumCircuit, shards: int) -> BasicAerJob:
    """Submit a job of so many equal shards, whatever their cost: it is not there to end."""
    template = provider.get_backend().create_job(circuit, shots=1)._submission
    (shard,) = template.upload.shards
    job_id = f"huge-{provider.settings.owner}"
    with provider.connection.reaching() as connection:
        new = NewJob(
            id=job_id, owner=provider.settings.owner, total=shards, digest="d", backend="qasm_simulator",
            manifest=template.job.manifest, payload_bytes=shards * len(shard), result_bytes=0, expires=600,
            job_timeout=600,
        )  # fmt: skip
        submit_with(connection.store, new, [shard] * shards)
    return provider.job(job_id)


def test_a_job_has_an_owner(client, monkeypatch):
    """A job is its submitter's: of BASICAER_OWNER, or else of the system's user; each lists his own."""
    monkeypatch.delenv("BASICAER_OWNER", raising=False)
    for owner in ("ann@lab", None):
        provider = client(owner)
        job = provider.get_backend().run(bell())
        with provider.connection.reaching() as connection:
            assert connection.store.read(job.job_id()).owner == (owner or getpass.getuser())
        assert [each.job_id() for each in provider.jobs()] == [job.job_id()]
        # Found by its id, it is anybody's.
        assert client("bob").job(job.job_id()) == job
        job.result(timeout=deadline(30))


def test_a_huge_job_does_not_hold_another_owner_up(client):
    """Beside 10,000 shards of one owner, another's Bell circuit waits for two of them at most."""
    ann, bob = client("ann"), client("bob")
    # Longer than a tick, at which more of them could be handed out.
    large = huge(ann, lasting(0.3), 10_000)
    try:
        eventually(lambda: large.progress().done >= 1, within=30, what="the first shard")
        for _ in range(3):
            small = bob.get_backend().run(bell())
            small.result(timeout=deadline(30))
            times = small.timestamps()
            between = [
                entry
                for entry in large.logs()
                if entry.event == "claimed" and times["created"] <= entry.time < times["running"]
            ]
            assert len(between) <= 2
        assert not large.in_final_state()
    finally:
        large.cancel()


@pytest.mark.rule(8)
def test_another_owners_job_is_left_alone(client, site):
    """Cancel, delete and update_tags of another owner's job raise JobError naming him; an operator may."""
    ann, bob = client("ann"), client("bob")
    with environment(BASICAER_OWNER="root"):
        operator = BasicAerProvider(site.url, as_operator=True)
    job = ann.get_backend().run(lasting(30), job_tags=["hers"])
    eventually(job.running, within=30, what="RUNNING")
    his = bob.job(job.job_id())
    for deed in (his.cancel, his.delete, lambda: bob.delete_job(job.job_id()), lambda: his.update_tags(["x"])):
        with pytest.raises(JobError, match=r"belongs to 'ann', and you are 'bob'.*--as-operator"):
            deed()
    assert job.running()
    assert job.tags == ["hers"]
    theirs = operator.job(job.job_id())
    assert theirs.update_tags(["seen"]) == job.tags == ["seen"]
    assert theirs.cancel()
    assert job.cancelled()
    operator.delete_job(job.job_id())
    operator.close()


@pytest.mark.rule(8)
@pytest.mark.parametrize("workers", ["up", "down"])
def test_a_revoke_through_celery_is_an_operators(client, site, quiet_server, workers):
    """A revoke through Celery cancels anybody's job: by a worker, or by whoever looks."""
    url = site.url if workers == "up" else quiet_server.url
    with environment(BASICAER_OWNER="ann"):
        ann = BasicAerProvider(url)
    with environment(BASICAER_OWNER="bob"):
        bob = BasicAerProvider(url)
    job = ann.get_backend().run(lasting(30))
    with bob.connection.reaching() as connection:
        if workers == "up":
            eventually(job.running, within=30, what="RUNNING")
            connection.app.control.revoke(job.job_id())
        else:
            connection.app.backend.mark_as_revoked(job.job_id())
    eventually(bob.job(job.job_id()).cancelled, what="CANCELLED")
    ann.close()
    bob.close()


@pytest.mark.rule(43)
def test_the_command_cancels_as_an_operator(client, site):
    """`basicaer cancel` names the owner of another's job, and with --as-operator cancels it."""
    job = client("ann").get_backend().run(lasting(30))
    with environment(BASICAER_OWNER="bob"):
        refused = basicaer("cancel", job.job_id(), url=site.url)
        done = basicaer("cancel", job.job_id(), "--as-operator", url=site.url)
    assert (refused.exit_code, "belongs to 'ann'" in refused.output) == (1, True), refused.output
    assert (done.exit_code, done.output.strip()) == (0, "CANCELLED"), done.output


@pytest.mark.rule(20)
def test_an_owners_own_jobs_go_by_priority_then_age(client):
    """Of one owner's queued jobs the most urgent starts first, and of equally urgent ones the oldest."""
    ann = client("ann")
    backend = ann.get_backend()
    busy = [backend.run(lasting(30))]
    eventually(busy[0].running, what="the first job's start")
    # What is on its way to the worker already is not overtaken.
    busy += [backend.run(lasting(30)), backend.run(lasting(30))]
    order = [0, 5, 9, 0, 5, 9]
    jobs = [backend.run(bell(), priority=priority) for priority in order]
    for job in busy:
        job.cancel()
    for job in jobs:
        job.result(timeout=deadline(30))
    started = sorted(range(len(jobs)), key=lambda number: jobs[number].timestamps()["running"])
    assert [(order[number], number) for number in started] == [(9, 2), (9, 5), (5, 1), (5, 4), (0, 0), (0, 3)]
    assert [job.options()["priority"] for job in jobs] == order
