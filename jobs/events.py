"""Announcements of jobs' changes. One pub/sub connection serves all who watch, on threads and on event loops."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any

import redis

from worker import keys
from worker.record import FINAL_STATES

#: Seconds without a watch after which the connection is given back.
_IDLE = 30.0
#: Seconds between two looks for subscriptions that nobody needs any more.
_SWEEP = 0.25
#: Seconds until a connection that was lost is opened again.
_REOPEN = 0.2


class Watch:
    """What one waiter has been told of one job."""

    def __init__(self, wake: Callable[[], None], *, every: bool) -> None:
        self._wake = wake
        self._every = every
        #: The job's end was announced.
        self.ended = False
        #: Another change was announced, to one who wants to hear of every change.
        self.changed = False
        #: Something may have been announced before the subscription stood: the record must be read again.
        self.missed = False

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
    """Tells those who watch a job when it changes.

    The listener's thread alone touches the connection; whoever watches rings its bell, and it subscribes. An
    announcement may be missed (the subscription did not stand yet, the connection was lost): the watch is told
    so, and its waiter reads the record.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._lock = threading.Lock()
        #: Channel -> who watches it.
        self._watches: dict[str, list[Watch]] = {}
        #: Channels that were watched since the listener last looked.
        self._new: set[str] = set()
        self._thread: threading.Thread | None = None
        self._bell: socket.socket | None = None
        self._closed = False

    def close(self) -> None:
        """End the listening, and wait for its end: nobody may close a connection that it reads from."""
        with self._lock:
            self._closed = True
            self._ring()
            thread = self._thread
        # Not alive: Ctrl-C came while it was being started.
        if thread is not None and thread.is_alive():
            thread.join()

    @contextmanager
    def watch(self, job_id: str, wake: Callable[[], None], *, every: bool = False) -> Iterator[Watch]:
        """Call ``wake`` when the job's end is announced (with ``every``: any change), or may have been missed.

        It is called on the listener's thread. Costs no round trip here: once the subscription stands, the watch
        is told that it may have missed something.
        """
        channel, watch = keys.events(job_id), Watch(wake, every=every)
        with self._lock:
            self._watches.setdefault(channel, []).append(watch)
            self._new.add(channel)
            # After a fork there is a thread, but in the parent.
            if not self._closed and (self._thread is None or not self._thread.is_alive()):
                if self._bell is not None:
                    self._bell.close()
                ear, self._bell = socket.socketpair()
                self._thread = threading.Thread(
                    target=self._listen, args=(ear,), name="basicaer-events", daemon=True
                )
                self._new.update(self._watches)
                self._thread.start()
            self._ring()
        try:
            yield watch
        finally:
            with self._lock:
                watches = self._watches[channel]
                watches.remove(watch)
                if not watches:
                    del self._watches[channel]

    def _ring(self) -> None:
        """Wake the listener; the lock is held."""
        if self._bell is not None:
            self._bell.send(b"\0")

    def _listen(self, ear: socket.socket) -> None:
        pubsub: Any = self._client.pubsub()  # type: ignore[no-untyped-call]
        subscribed: set[str] = set()
        idle_since = swept = time.monotonic()
        try:
            while True:
                now = time.monotonic()
                with self._lock:
                    if self._watches:
                        idle_since = now
                    if self._closed or now - idle_since > _IDLE:
                        return
                    new, self._new = self._new - subscribed, set()
                    stale = set()
                    if now - swept > _SWEEP:
                        stale, swept = subscribed - self._watches.keys(), now
                try:
                    if new:
                        pubsub.subscribe(*new)
                    if stale:
                        pubsub.unsubscribe(*stale)
                    subscribed = subscribed - stale | new
                    self._hear(pubsub, ear)
                except (redis.ConnectionError, redis.TimeoutError, OSError):
                    pubsub.close()
                    subscribed = set()
                    with self._lock:
                        self._new.update(self._watches)
                        self._tell_missed(self._watches)
                    time.sleep(_REOPEN)
        finally:
            with self._lock:
                if self._bell is not None:
                    self._bell.close()
                self._thread = self._bell = None
            ear.close()
            pubsub.close()

    def _hear(self, pubsub: Any, ear: socket.socket) -> None:
        """Wait for messages or the bell, and take what there is."""
        line = pubsub.connection
        # redis-py has no other way to wait for a message and for something else.
        sources = [ear] if line is None else [ear, line._sock]  # noqa: SLF001
        if ear in wait(sources, _SWEEP):
            ear.recv(1 << 16)
        while line is not None and line.can_read(0):
            self._handle(pubsub.get_message(timeout=0))

    def _handle(self, message: dict[str, Any] | None) -> None:
        if message is None:
            return
        channel = message["channel"].decode() if message["channel"] else ""
        with self._lock:
            if message["type"] == "subscribe":
                self._tell_missed([channel])
            elif message["type"] == "message":
                state = message["data"].partition(b" ")[0].decode()
                for watch in self._watches.get(channel, ()):
                    watch.tell(ended=state in FINAL_STATES)

    def _tell_missed(self, channels: Iterable[str]) -> None:
        for channel in channels:
            for watch in self._watches.get(channel, ()):
                watch.tell_missed()
