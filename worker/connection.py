"""A redis-py client for the store: bounded in time, and safe to use from several threads and after a fork."""

from __future__ import annotations

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from worker.settings import Settings


def connect(settings: Settings) -> redis.Redis:
    """Return a client; nothing is sent yet.

    A call fails with redis-py's ConnectionError or TimeoutError at most about ``connect_timeout`` after the
    server stopped answering: three quick tries (0.05 s, 0.1 s, 0.2 s between them), so that a server that
    restarts is not an error.
    """
    keepalive = {} if settings.on_socket else {"socket_keepalive": True}
    return redis.Redis.from_url(
        settings.store_url,
        socket_timeout=settings.connect_timeout,
        socket_connect_timeout=settings.connect_timeout / 4,
        health_check_interval=30,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 3),
        **keepalive,
    )
