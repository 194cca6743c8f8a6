"""What the record's scripts put into Celery's queue."""

from __future__ import annotations

import base64
import json

import pytest
from kombu import Connection

from worker.queue.app import make_app
from worker.record.values import ShardId
from worker.settings import QUEUE, TASK, Settings


def by_celery(task_id, arguments, time_limit):
    """The same message, as Celery's own client writes it, but for the address in it."""
    app = make_app(Settings.from_env("redis://localhost:1/0"))
    message = app.amqp.create_task_message(
        task_id, TASK, arguments, time_limit=time_limit, argsrepr=repr(arguments), kwargsrepr="{}"
    )
    with Connection("memory://") as connection, connection.Producer() as producer:
        app.amqp.send_task_message(producer, TASK, message, queue=QUEUE, declare=())
        return connection.default_channel._get(QUEUE)


@pytest.mark.rule(1)
@pytest.mark.parametrize("total", [1, 2])
def test_what_is_handed_out_is_what_celery_would_write(store, client, submit, total):
    """A shard is in the queue when SUBMIT returns, field by field as Celery's client has it."""
    (handed, *_) = submit(total=total, job_timeout=90.5).handed_out
    ours = json.loads(client.rpop(QUEUE))
    theirs = by_celery(handed.task_id, tuple(handed.shard_id), 120.5)
    # Plain text needs no other letters; who wrote it and its tag are its own.
    body = base64.b64decode(theirs["body"])
    assert theirs["properties"].pop("body_encoding") == "base64"
    assert json.loads(ours.pop("body")) == json.loads(body)
    del theirs["body"], theirs["headers"]["origin"], theirs["properties"]["delivery_tag"]
    assert (ours["headers"].pop("origin"), ours["properties"].pop("delivery_tag")[:6]) == ("record", "job/0/")
    assert ours == theirs


@pytest.mark.rule(34)
def test_each_time_that_a_shard_is_sent_it_is_a_message(store, client, clock, submit):
    """What a FEED sends again, and what COMPLETE hands out, are messages with tags of their own."""
    submit(total=3)
    clock.advance(2 * store.lease)
    store.feed()
    store.claim(ShardId("job", 0), "t")
    store.complete(ShardId("job", 0), "t", b"part")
    found = [json.loads(each) for each in client.lrange(QUEUE, 0, -1)]
    assert [each["headers"]["id"] for each in reversed(found)] == ["job/0", "job/1", "job/0", "job/1", "job/2"]
    assert len({each["properties"]["delivery_tag"] for each in found}) == 5
