"""Celery's line to Redis, told apart from the store's by one thing: a connection that is lost is an error at once.

redis-py would open it again by itself, and then wait on the new line for an announcement to workers that may never
come, in the midst of Celery's event loop: a worker that has lost one line for a moment would take no job any more.
Celery, told of the error, opens all its lines anew.
"""

from __future__ import annotations

import logging
from queue import Empty
from typing import Any

import kombu.connection
from celery.app import amqp
from kombu.pools import ProducerPool
from kombu.transport import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)


class Channel(redis.Channel):
    """A channel whose clients never try again by themselves, and which drops what is not even a message."""

    #: What publishes; kombu would make one for each message, 0.1 ms each.
    _publisher: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:
            return super()._create_client(asynchronous)  # type: ignore[no-untyped-call]
        if self._publisher is None or self._publisher.connection_pool is not self.pool:
            self._publisher = super()._create_client()  # type: ignore[no-untyped-call]
        return self._publisher

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except ValueError as error:
            # Raised in the worker's event loop, it would end the worker.
            logger.warning("an item of the queue that is no message is dropped: %.200s", error)
            raise Empty from None

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        return {**super()._connparams(asynchronous), "retry": Retry(NoBackoff(), 0)}  # type: ignore[no-untyped-call]


class Transport(redis.Transport):
    """kombu's Redis, with these channels."""

    Channel = Channel


class Connection(kombu.connection.Connection):
    """A connection to Redis, however its URL is spelled."""

    def get_transport_cls(self) -> type[Transport]:
        """Return the transport; kombu would look it up by the URL's scheme."""
        return Transport

    def Pool(self, limit: int | None = None, **options: Any) -> Pool:  # noqa: N802 (kombu's name)
        """Return a pool of connections like this one, which is what publishes."""
        return Pool(self, limit, **options)  # type: ignore[no-untyped-call]


class PooledConnection(kombu.connection.PooledConnection):
    """A connection of a pool; kombu's own would have kombu's transport."""

    get_transport_cls = Connection.get_transport_cls


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
        """Publishers over the lines of the app's own pool."""
        with self.app.making:
            if self._producer_pool is None:
                pool = self.app.pool
                self._producer_pool = ProducerPool(pool, limit=pool.limit)  # type: ignore[no-untyped-call]
            return self._producer_pool
