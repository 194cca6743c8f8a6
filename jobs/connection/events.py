"""Announcements of jobs' changes: one thread hears them for all who watch, on threads and on event loops."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any

import redis

from worker.record import keys
from worker.record.values import FINAL_STATES

#: Seconds until a connection that was lost is opened again.
_REOPEN = 0.2
#: Seconds until the listener looks again for what nobody watches any more.
_LOOK = 1.0
#: Seconds without a watch after which the listener ends.
_IDLE = 30.0


class Watch:
    """What one waiter has been told of one job, and has not read yet."""

    def __init__(self, wake: Callable[[], None] | None = None, *, every: bool = False) -> None:
        self._woken = threading.Event()
        self._wake = wake or self._woken.set
        self._every = every
        #: The job's end was announced.
        self.ended = False
        #: Another change was announced, to one who wants to hear of every change.
        self.changed = False
        #: Something may have been announced while nobody listened: the record must be read again.
        self.missed = False

    def wait(self, seconds: float) -> None:
        """Block until the watch is told something, or the time is over."""
        self._woken.wait(seconds)
        self._woken.clear()

    def tell(self, *, ended: bool) -> None:
        """Take note of an announcement."""
        if ended:
            self.ended = True
        elif self._every:
            self.changed = True
        else:
            return
        self._wake()

    def tell_missed(self) -> None:
        """Take note that announcements may have been missed."""
        self.missed = True
        self._wake()


class JobEvents:
    """Tells whoever watches a job when the job changes.

    A thread listens while anybody watches. An announcement may be missed (the subscription did not stand yet, the
    connection was lost): the watch is told so, and its waiter reads the record.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        #: Held by whoever uses what follows, and the connection: redis-py guards no subscription.
        self._lock = threading.Lock()
        self._watches: dict[str, list[Watch]] = {}
        self._listener: threading.Thread | None = None
        self._closed = False
        #: When the last watch ended, and when the listener last looked for channels that nobody watches.
        self._watched_at = self._looked_at = 0.0
        self._pubsub: Any = None
        #: Channels that were subscribed to; those whose subscription stands.
        self._asked: set[str] = set()
        self._standing: set[str] = set()

    def close(self) -> None:
        """End the listening, and wait for its end. Who waits is told nothing more."""
        with self._lock:
            self._closed = True
            listener = self._listener
            if self._pubsub is not None and self._pubsub.connection is not None:
                # The listener waits for it; there is no other way to wake it.
                with contextlib.suppress(OSError, AttributeError):
                    self._pubsub.connection._sock.shutdown(socket.SHUT_RDWR)  # noqa: SLF001
        if listener is not None:
            listener.join()

    @contextmanager
    def watch(
        self, job_id: str, wake: Callable[[], None] | None = None, *, every: bool = False
    ) -> Iterator[Watch]:
        """Yield a watch that is told of the job's end; with ``every``, of any change.

        It is told that it missed something once it hears all: then the record is to be read. ``wake`` is called,
        on any thread, whenever it is told something; without it, call `Watch.wait`.
        """
        channel, watch = keys.key("events", job_id), Watch(wake, every=every)
        with self._lock:
            self._watches.setdefault(channel, []).append(watch)
        try:
            with self._lock:
                if self._listener is None and not self._closed:
                    self._listener = threading.Thread(target=self._listen, name="basicaer-events", daemon=True)
                    self._listener.start()
                if channel in self._standing:
                    watch.tell_missed()
                elif self._pubsub is not None and channel not in self._asked:
                    self._subscribe([channel])
            yield watch
        finally:
            with self._lock:
                self._watched_at = time.monotonic()
                self._watches[channel].remove(watch)
                if not self._watches[channel]:
                    del self._watches[channel]

    def _subscribe(self, channels: Iterable[str]) -> None:
        """Send a subscription; where that fails, the listener opens another connection."""
        try:
            self._pubsub.subscribe(*channels)
            self._asked.update(channels)
        except (redis.RedisError, OSError):
            self._drop()
        except BaseException:
            # Ctrl-C, perhaps in the midst of a command.
            self._drop()
            raise

    def _listen(self) -> None:
        while True:
            with self._lock:
                idle = not self._watches and time.monotonic() - self._watched_at > _IDLE
                if idle or self._closed:
                    self._drop()
                    self._listener = None
                    return
                pubsub, channels = self._pubsub, list(self._watches)
                line = pubsub and pubsub.connection._sock  # noqa: SLF001 (redis-py has no other way to wait)
            try:
                if pubsub is not None:
                    # Here the connection is free for those who subscribe.
                    wait([line], _LOOK)
                    with self._lock:
                        self._hear(pubsub)
                elif channels:
                    self._open(channels)
                else:
                    time.sleep(_REOPEN)
            except (redis.RedisError, OSError, ValueError):
                # ValueError: a subscriber found the connection broken, and has closed it.
                with self._lock:
                    self._drop()
                if not self._closed:
                    time.sleep(_REOPEN)

    def _open(self, channels: list[str]) -> None:
        """Open a connection, with nothing held: it may take long, and nobody who comes meanwhile waits for it."""
        pubsub = self._client.pubsub()  # type: ignore[no-untyped-call]
        pubsub.subscribe(*channels)
        with self._lock:
            self._pubsub, self._asked = pubsub, set(channels)
            if new := self._watches.keys() - self._asked:
                self._subscribe(new)

    def _hear(self, pubsub: Any) -> None:
        """Handle the messages that have come; once a second, unsubscribe from channels that nobody watches."""
        while pubsub is self._pubsub and pubsub.connection.can_read(0):
            if not pubsub.subscribed:
                # redis-py reads nothing then, such as the reply to its own check of the line, which would stay.
                self._drop()
                return
            self._handle(pubsub.get_message(timeout=0))
        now = time.monotonic()
        if pubsub is self._pubsub and now - self._looked_at > _LOOK:
            self._looked_at = now
            if stale := self._asked - self._watches.keys():
                self._asked -= stale
                self._standing -= stale
                pubsub.unsubscribe(*stale)

    def _handle(self, message: dict[str, Any] | None) -> None:
        if message is None or message["type"] not in {"subscribe", "message"}:
            return
        channel = message["channel"].decode()
        watches = self._watches.get(channel, ())
        if message["type"] == "subscribe":
            # It may have been unsubscribed from meanwhile.
            self._standing |= {channel} & self._asked
            for watch in watches:
                watch.tell_missed()
            return
        state = message["data"].partition(b" ")[0].decode()
        for watch in watches:
            watch.tell(ended=state in FINAL_STATES)

    def _drop(self) -> None:
        """Give the connection up; the listener opens another."""
        if self._pubsub is not None:
            self._pubsub.close()
            self._pubsub = None
        self._asked.clear()
        self._standing.clear()
        for watches in self._watches.values():
            for watch in watches:
                watch.tell_missed()
