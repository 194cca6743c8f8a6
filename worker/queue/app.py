"""The Celery app: every setting with its reason.

The worker's app is made once, from the environment (`worker.app`). Each provider makes its own, so several URLs,
threads and notebooks live in one process; none is ever the process's current app.
"""

from __future__ import annotations

import math

from celery import Celery
from kombu.entity import Queue

from worker.queue.fork_safe import ForkSafeApp
from worker.queue.transport import AMQP
from worker.settings import QUEUE, Settings


def make_app(settings: Settings) -> Celery:
    """Return a Celery app on this Redis, with all of the project's settings."""
    app = ForkSafeApp(
        "basicaer",
        # A connection that is lost is an error at once: see there.
        amqp=AMQP,
        broker=settings.broker_url,
        backend=settings.broker_url,
        include=["worker.tasks"],
        # A user's own Celery app stays the current one.
        set_as_current=False,
    )
    timeout = settings.connect_timeout
    app.conf.update(
        # Only data crosses the wire: no pickle, in messages or in results.
        task_serializer="json",
        result_serializer="json",
        event_serializer="json",
        accept_content=["json"],
        # One queue, which no other Celery project's default ("celery") collides with.
        task_default_queue=QUEUE,
        task_queues=[Queue(QUEUE)],
        # Acknowledged before the run: a message only names a shard, the record brings a lost one back. Late
        # acknowledgement makes duplicates and endless re-runs of its own.
        task_acks_late=False,
        # A message that a busy worker holds would wait behind a long run while other workers idle.
        worker_disable_prefetch=True,
        worker_prefetch_multiplier=1,
        # None: the CPUs. The option --concurrency goes before it.
        worker_concurrency=settings.concurrency,
        # Celery would write STARTED before CLAIM has said whether this message counts, over the outcome of a job
        # that is final. `worker.tasks` writes it, for runs that last.
        task_track_started=False,
        # A plain AsyncResult knows a job for as long as its result can be fetched. Celery takes whole seconds.
        result_expires=math.ceil(settings.result_ttl),
        # Flower shows names and arguments of finished tasks.
        result_extended=True,
        # Events cost a worker half a millisecond a task. Flower turns them on in all workers while it is up.
        worker_send_task_events=False,
        task_send_sent_event=False,
        # A worker outlives its broker: it waits for Redis at its start and for ever after.
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # A run in progress is not cancelled when the broker's connection is lost: the record fences it.
        worker_cancel_long_running_tasks_on_connection_loss=False,
        # Bounded answers from a Redis that hangs. A blocking pop lasts 1 s, well within the socket's timeout.
        broker_transport_options={
            "socket_timeout": max(timeout, 5.0),
            "socket_connect_timeout": timeout / 2,
            "socket_keepalive": True,
            "health_check_interval": 25,
            "retry_on_timeout": True,
            # What was taken off the queue is not kept until it is acknowledged: the record brings back a message
            # that was lost, and sooner than kombu would.
            "ack_emulation": False,
        },
        # A message that cannot be read must not stop the worker.
        worker_consumer="worker.queue.consumer:SteadyConsumer",
        # Celery takes TLS from the URL; Flower's view of the queues takes it from here.
        broker_use_ssl=settings.tls or None,
        # One for all threads: each would have connections of its own, open until the collector finds them.
        result_backend_thread_safe=True,
        redis_socket_timeout=timeout,
        redis_socket_connect_timeout=timeout / 2,
        redis_socket_keepalive=not settings.on_socket,
        redis_retry_on_timeout=True,
        redis_backend_health_check_interval=25,
        # The user's own logging configuration stays as it is in workers embedded in other programs.
        worker_redirect_stdouts=False,
        # Our task is the only one that a worker of ours knows or runs.
        imports=(),
        timezone="UTC",
        enable_utc=True,
    )
    return app
