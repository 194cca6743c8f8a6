"""Celery's own connections to Redis: an error on one ends neither the worker nor the wait for work.

A connection that is lost is an error at once. redis-py would open it again by itself, and then wait on the new
one for an announcement to workers that may never come, in the midst of Celery's event loop: a worker that has lost
one connection for a moment would take no job any more. Celery, which sees the error, opens all of them anew.

An answer that is an error would end the worker, as Celery expects none: the wait for work is UNBLOCKED at a
failover, or refused with READONLY or MISCONF. So that connection is opened anew, after a pause, and perhaps to
another server: an address may have moved.
"""

from __future__ import annotations

import logging
import time
from queue import Empty
from typing import Any

import kombu.connection
from celery.app import amqp
from kombu.pools import ProducerPool
from kombu.transport import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

logger = logging.getLogger(__name__)

#: Seconds until a Redis that refused to hand out work is asked again.
_PAUSE = 0.5


class Channel(redis.Channel):
    """A channel whose clients never try again by themselves, and which drops what is not even a message."""

    #: What publishes; kombu would make one for each message, 0.1 ms each.
    _publisher: Any = None
    #: Whether Redis refused, the last time that it answered; and when it may be asked for work again.
    _refused = False
    _ask_again = 0.0

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:
            return super()._create_client(asynchronous)  # type: ignore[no-untyped-call]
        if self._publisher is None or self._publisher.connection_pool is not self.pool:
            self._publisher = super()._create_client()  # type: ignore[no-untyped-call]
        return self._publisher

    def _brpop_start(self, timeout: float | None = None) -> None:
        if time.monotonic() >= self._ask_again:
            super()._brpop_start(timeout)  # type: ignore[no-untyped-call]

    # What these two raise but Empty, in the worker's event loop, would end the worker or its other connections.

    def _brpop_read(self, **options: Any) -> Any:
        try:
            found = super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except ResponseError as error:
            # kombu has hung up, as after any error of a connection's.
            self._ask_again = time.monotonic() + _PAUSE
            self._note_refusal(error)
        except ValueError as error:
            logger.warning("an item of the queue that is no message is dropped: %.200s", error)
            raise Empty from None
        except Empty:
            self._refused = False
            raise
        else:
            self._refused = False
            return found
        raise Empty

    def _receive(self) -> Any:
        try:
            return super()._receive()  # type: ignore[no-untyped-call]
        except ResponseError as error:
            # To a PING, or a SUBSCRIBE without the right to it; what was subscribed to stays so.
            self._note_refusal(error)
            raise Empty from None

    def _note_refusal(self, error: ResponseError) -> None:
        if not self._refused:
            logger.warning("Redis refuses to hand out work, will go on asking: %s", error)
        self._refused = True

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        return {**super()._connparams(asynchronous), "retry": Retry(NoBackoff(), 0)}  # type: ignore[no-untyped-call]


class Transport(redis.Transport):
    """kombu's Redis, with these channels."""

    Channel = Channel
    #: Also any answer that is an error, wherever it comes: Celery begins anew, and does not end.
    connection_errors = (*redis.Transport.connection_errors, RedisError)


class Connection(kombu.connection.Connection):
    """A connection to Redis, however its URL is spelled."""

    def get_transport_cls(self) -> type[Transport]:
        """Return the transport; kombu would look it up by the URL's scheme."""
        return Transport

    def Pool(self, limit: int | None = None, **options: Any) -> Pool:  # noqa: N802 (kombu's name)
        """Return a pool of connections like this one, which is what publishes."""
        return Pool(self, limit, **options)  # type: ignore[no-untyped-call]


class PooledConnection(kombu.connection.PooledConnection):
    """A connection of a pool, which publishes; kombu's own would have kombu's transport.

    kombu publishes commands to workers, such as a revoke, again and again until the broker is back, however long
    that takes. Here it is tried twice where the caller does not say how often: the record has the truth already.
    """

    get_transport_cls = Connection.get_transport_cls

    def ensure(self, *arguments: Any, **options: Any) -> Any:
        """Return the function that tries again where the connection was lost."""
        if options.get("max_retries") is None:
            options["max_retries"] = 1
        return super().ensure(*arguments, **options)  # type: ignore[no-untyped-call]


class Pool(kombu.connection.ConnectionPool):
    """A pool of these connections."""

    def new(self) -> PooledConnection:
        """Make one more, as kombu does."""
        info = dict(self.connection._info(resolve=False))  # noqa: SLF001 (kombu's own have no other way)
        return PooledConnection(self, **info)  # type: ignore[no-untyped-call]


class AMQP(amqp.AMQP):  # type: ignore[misc]  # Celery has no types
    """What a Celery app sends and receives with."""

    Connection = BrokerConnection = Connection
    _producer_pool: ProducerPool | None = None

    @property
    def producer_pool(self) -> ProducerPool:
        """Publishers over the connections of the app's own pool."""
        with self.app.creation_lock:
            if self._producer_pool is None:
                pool = self.app.pool
                self._producer_pool = ProducerPool(pool, limit=pool.limit)  # type: ignore[no-untyped-call]
            return self._producer_pool
