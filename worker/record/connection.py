"""A redis-py client for the store: bounded in time, and safe to use from several threads and after a fork."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from worker.forking import reset_in_children
from worker.settings import Settings

T = TypeVar("T")

#: Codes of which redis-py has classes.
_KINDS = {"OOM": redis.OutOfMemoryError, "READONLY": redis.ReadOnlyError}


class _TimedRetry(Retry):
    """Quick tries, but none begins once ``seconds`` have passed: a server that hangs has used them up at once.

    A server that has become a replica is one to try again: on a new connection, which may lead to its new master.
    """

    def __init__(self, seconds: float) -> None:
        passing = (redis.ConnectionError, redis.TimeoutError, TimeoutError, redis.ReadOnlyError)
        super().__init__(ExponentialBackoff(cap=0.5, base=0.05), 3, passing)
        self._seconds = seconds

    def call_with_retry(
        self,
        do: Callable[[], T],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> T:
        """Call ``do`` until it succeeds, the tries are used up, or the time is over."""
        deadline = time.monotonic() + self._seconds

        def worth_it(error: Exception) -> bool:
            return time.monotonic() < deadline and (is_retryable is None or is_retryable(error))

        return super().call_with_retry(do, fail, worth_it, with_failure_count)


class _Client(redis.Redis):
    """A client that tells an answer's code also from within a script's error, as Redis 7 does by itself."""

    def parse_response(self, connection: Any, command_name: str, **options: Any) -> Any:
        """Return what Redis answered, or raise it."""
        try:
            return super().parse_response(connection, command_name, **options)  # type: ignore[no-untyped-call]
        except redis.ResponseError as error:
            refused = re.search(r" -((OOM|READONLY|MISCONF|NOREPLICAS|MASTERDOWN) .*)", str(error))
            if refused is None:
                raise
            raise _KINDS.get(refused[2], redis.ResponseError)(refused[1]) from error


class _Pool(redis.ConnectionPool):
    """Connections that are one process's: redis-py's own pool keeps its locks in a forked child, held or not."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._made_with = args, options
        super().__init__(*args, **options)
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        """Have no connection, and new locks."""
        args, options = self._made_with
        super().__init__(*args, **options)


def connect(settings: Settings) -> redis.Redis:
    """Return a client; nothing is sent yet.

    A call fails with redis-py's ConnectionError or TimeoutError at most about ``connect_timeout`` after the
    server stopped answering: three quick tries (0.05 s, 0.1 s, 0.2 s between them), so that a server that
    restarts is not an error.
    """
    keepalive = {} if settings.on_socket else {"socket_keepalive": True}
    pool = _Pool.from_url(
        settings.store_url,
        socket_timeout=settings.connect_timeout,
        socket_connect_timeout=settings.connect_timeout / 4,
        health_check_interval=30,
        retry=_TimedRetry(settings.connect_timeout),
        **keepalive,
    )
    return _Client.from_pool(pool)
