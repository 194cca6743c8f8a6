"""What COMPLETE tells Celery's result backend."""

from __future__ import annotations

import json
import logging

import pytest
from celery import states
from support.uploads import write_payload

from worker.queue.app import make_app
from worker.queue.results import report_started, restore_outcome, success_result
from worker.record.store import Store
from worker.record.values import CeleryResult, NewJob, ShardId
from worker.settings import QUEUE, TASK, Settings

SHARD_ID, TOKEN, META = ShardId("job", 0), "mine", '{"status": "SUCCESS"}'


@pytest.mark.rule(1)
def test_a_success_is_told_with_the_part(store, client, submit):
    """Celery has a job's outcome, and who waits for it hears of it, in the step that ends the job."""
    submit()
    store.claim(SHARD_ID, TOKEN)
    with client.pubsub() as listener:
        listener.subscribe("celery-task-meta-job")
        store.complete(SHARD_ID, TOKEN, b"part", celery_result=CeleryResult("job", 60, META))
        heard = [listener.get_message(timeout=5) for _ in range(2)]
    assert heard[1]["data"] == META.encode()
    assert client.get("celery-task-meta-job") == META.encode()
    assert 0 < client.ttl("celery-task-meta-job") <= 60
    assert not client.exists("basicaer:1:untold")


def test_the_success_of_a_shard_is_not_its_jobs(store, client, submit):
    """The last of several shards tells of itself; of the job FEED makes sure."""
    submit(total=2)
    for shard in range(2):
        store.claim(ShardId("job", shard), TOKEN)
        store.complete(ShardId("job", shard), TOKEN, b"part", celery_result=CeleryResult(f"job/{shard}", 60, META))
    assert client.exists("celery-task-meta-job/0", "celery-task-meta-job/1", "celery-task-meta-job") == 2
    assert client.zrange("basicaer:1:untold", 0, -1) == [b"job"]


def test_who_does_not_hold_the_shard_tells_nothing(store, client, submit):
    """A COMPLETE that is refused changes nothing that Celery has."""
    submit()
    store.claim(SHARD_ID, TOKEN)
    assert store.complete(SHARD_ID, "another", b"part", celery_result=CeleryResult("job", 60, META)) is None
    assert not client.exists("celery-task-meta-job")


@pytest.mark.rule(1)
def test_how_long_celery_remembers(monkeypatch):
    """`AsyncResult` knows a job for as long as its result can be fetched; one shard of many, a day."""
    for ttl, whole, shard in (("", 7 * 86400, 86400), ("600.5", 601, 601)):
        monkeypatch.setenv("BASICAER_RESULT_TTL", ttl)
        app = make_app(Settings.from_env("redis://localhost:1/0"))

        @app.task(name=TASK, bind=True)
        def task(self):
            pass

        told = {}
        for name in ("job", "job/1"):
            task.push_request(id=name, hostname="w", retries=0, delivery_info={"routing_key": QUEUE}, task=TASK)
            told[name] = success_result(task, {}).life
        assert told == {"job": whole, "job/1": shard}
        assert app.backend.expires == whole


def test_what_is_told_is_what_celery_would_store():
    """`AsyncResult` finds every field that Celery itself would have written."""
    app = make_app(Settings.from_env("redis://localhost:1/0"))

    @app.task(name=TASK, bind=True)
    def task(self):
        pass

    task.push_request(
        id="job/1",
        args=["job", 1],
        kwargs={},
        hostname="w1@host",
        retries=0,
        delivery_info={"routing_key": QUEUE},
        task=TASK,
    )
    summary = {"experiments": 2, "failed": 0, "seconds": 0.5}
    told = success_result(task, summary)
    own = app.backend._get_result_meta(summary, states.SUCCESS, None, task.request)
    own = json.loads(app.backend.encode({**own, "task_id": "job/1"}))
    mine = json.loads(told.meta)
    assert (told.task_id, told.life) == ("job/1", 86400)
    assert mine.pop("date_done")[:10] == own.pop("date_done")[:10]
    assert mine == own


@pytest.mark.rule(43)
@pytest.mark.parametrize("state", ["STARTED", "an outcome"])
def test_what_celery_is_not_told_is_said_in_plain_words(redis_server, caplog, state):
    """A full Redis, to which Celery's backend writes in a pipeline, shows in the log as what it says."""
    app = make_app(Settings.from_env(redis_server.url))

    @app.task(name=TASK, bind=True)
    def task(self):
        pass

    task.push_request(id="job", hostname="w1@host", delivery_info={"routing_key": QUEUE}, task=TASK)
    caplog.set_level(logging.INFO)
    with redis_server.client() as client:
        store = Store(client)
        if state != "STARTED":
            _cancelled(store)
        client.config_set("maxmemory", 1)
        try:
            if state == "STARTED":
                report_started(task)
            else:
                restore_outcome(task, store, "job")
        finally:
            client.config_set("maxmemory", 0)
            client.flushall()
    app.close()
    (record,) = [record for record in caplog.records if record.name == "worker.queue.results"]
    assert "Celery does not show yet" in record.getMessage()
    assert "command not allowed when used memory > 'maxmemory'" in record.getMessage()
    assert not any(word in record.getMessage() for word in ("SETEX", "Command #", "celery-task-meta"))


def _cancelled(store):
    size = write_payload(store, "job", [b"x"])
    plain = {"owner": "ann", "total": 1, "digest": "d", "backend": "b", "manifest": b"{}", "result_bytes": 0}
    store.submit(NewJob(id="job", payload_bytes=size, expires=60, job_timeout=60, **plain))
    store.cancel("job")
