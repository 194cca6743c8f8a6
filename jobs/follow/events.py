"""Announcements of jobs' changes. One pub/sub connection serves all who watch, on threads and on event loops."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any

import redis

from worker.record import keys
from worker.record.values import FINAL_STATES

#: Seconds until a connection that was lost is opened again.
_REOPEN = 0.2
#: Seconds without a waiter on an event loop after which their thread ends.
_IDLE = 30.0


class Watch:
    """What one waiter has been told of one job, and has not read yet."""

    def __init__(self, wake: Callable[[], None] | None = None, *, every: bool = False) -> None:
        self.woken = threading.Event()
        self.wake = wake or self.woken.set
        self._every = every
        #: The job's end was announced.
        self.ended = False
        #: Another change was announced, to one who wants to hear of every change.
        self.changed = False
        #: Something may have been announced while nobody listened: the record must be read again.
        self.missed = False

    @property
    def told(self) -> bool:
        """Whether there is a reason to read."""
        return self.ended or self.changed or self.missed

    def tell(self, *, ended: bool) -> None:
        """Take note of an announcement."""
        if ended:
            self.ended = True
        elif self._every:
            self.changed = True
        else:
            return
        self.wake()

    def tell_missed(self) -> None:
        """Take note that announcements may have been missed."""
        self.missed = True
        self.wake()


class JobEvents:
    """Tells those who watch a job when it changes.

    Of the threads that wait, one leads: it alone touches the connection, subscribes for all and tells the others.
    So a single waiter hears of its job with no other thread in between. For waiters on event loops there is a
    thread that waits like the others.

    An announcement may be missed (the subscription did not stand yet, the connection was lost): the watch is told
    so, and its waiter reads the record.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._watches: dict[str, list[Watch]] = {}
        #: Channels whose first watch came, or last one went, since the leader looked.
        self._touched: set[str] = set()
        self._led = threading.Lock()
        self._followers: set[Watch] = set()
        self._closed = False
        #: Rung to have the leader look. Closed with this object.
        self._bell, self._ear = socket.socketpair()
        weakref.finalize(self, _close, self._bell, self._ear)
        self._bell.setblocking(False)
        #: The leader's own.
        self._pubsub: Any = None
        self._subscribed: set[str] = set()
        #: Who wait on event loops, since when nobody does, the thread that waits for them, and its watch.
        self._on_loops, self._idle_since = 0, 0.0
        self._keeper: threading.Thread | None = None
        self._kept = Watch()

    def close(self) -> None:
        """End the listening, and wait for its end: nobody may close a connection that another reads from."""
        with self._lock:
            self._closed = True
            self._ring()
            self._kept.tell_missed()
            keeper = self._keeper
        if keeper is not None:
            keeper.join()
        with self._led:
            self._drop()

    @contextmanager
    def watch(
        self, job_id: str, wake: Callable[[], None] | None = None, *, every: bool = False
    ) -> Iterator[Watch]:
        """Yield a watch that is told of the job's end; with ``every``, of any change.

        ``wake`` is called, on any thread, whenever it is told something; without it, call `wait`.
        """
        channel, watch = keys.key("events", job_id), Watch(wake, every=every)
        with self._lock:
            self._watches.setdefault(channel, []).append(watch)
            self._touched.add(channel)
            if wake is not None:
                self._on_loops += 1
                if self._keeper is None and not self._closed:
                    self._keeper = threading.Thread(target=self._keep, name="basicaer-events", daemon=True)
                    self._keeper.start()
            self._ring()
        try:
            yield watch
        finally:
            with self._lock:
                self._watches[channel].remove(watch)
                if not self._watches[channel]:
                    del self._watches[channel]
                    self._touched.add(channel)
                if wake is not None:
                    self._on_loops, self._idle_since = self._on_loops - 1, time.monotonic()
                self._ring()
            if wake is None:
                self._unsubscribe()

    def _unsubscribe(self) -> None:
        """Unsubscribe for the last who waited; also for one who left meanwhile, and could not lead."""
        left = True
        while left:
            with self._leading() as leads:
                if leads:
                    self._turn(0.0)
            with self._lock:
                # Of those who wait one leads, and looks.
                left = leads and bool(self._touched) and not self._followers

    def wait(self, watch: Watch, seconds: float) -> None:
        """Block until the watch is told something, or the time is over."""
        deadline = time.monotonic() + seconds
        with self._lock:
            self._followers.add(watch)
        try:
            while not watch.told and (left := deadline - time.monotonic()) > 0:
                with self._leading() as leads:
                    while leads and not (watch.told or self._closed) and left > 0:
                        self._turn(left)
                        left = deadline - time.monotonic()
                if not leads:
                    watch.woken.wait(left)
                    watch.woken.clear()
        finally:
            with self._lock:
                self._followers.discard(watch)
            # It may have been woken to lead, and have been told what it waits for before.
            self._wake_one()

    @contextmanager
    def _leading(self) -> Iterator[bool]:
        """Lead in this block, unless another does."""
        if self._closed or not self._led.acquire(blocking=False):
            yield False
            return
        try:
            yield True
        finally:
            self._led.release()
            self._wake_one()

    def _wake_one(self) -> None:
        with self._lock:
            for follower in self._followers:
                follower.wake()
                break

    def _keep(self) -> None:
        while True:
            with self._lock:
                idle = not self._on_loops and time.monotonic() - self._idle_since > _IDLE
                if idle or self._closed:
                    self._keeper = None
                    return
            self.wait(self._kept, _IDLE / 6)

    def _ring(self) -> None:
        """Have the leader look; the lock is held."""
        if self._led.locked():
            with contextlib.suppress(BlockingIOError):
                self._bell.send(b"\0")

    def _turn(self, seconds: float) -> None:
        """Listen until something comes or the time is over; only for the leader."""
        try:
            self._subscribe()
            self._hear(seconds)
        except (redis.RedisError, OSError):
            self._drop()
            time.sleep(min(seconds, _REOPEN))
        except BaseException:
            # Ctrl-C, perhaps in the midst of a message.
            self._drop()
            raise

    def _subscribe(self) -> None:
        with self._lock:
            touched, self._touched = self._touched, set()
            new = [name for name in touched if name in self._watches and name not in self._subscribed]
            stale = [name for name in touched if name in self._subscribed and name not in self._watches]
        if self._pubsub is None:
            self._pubsub = self._client.pubsub()  # type: ignore[no-untyped-call]
        if stale:
            self._pubsub.unsubscribe(*stale)
            self._subscribed.difference_update(stale)
        if new:
            self._pubsub.subscribe(*new)
            self._subscribed.update(new)

    def _hear(self, seconds: float) -> None:
        pubsub, sources = self._pubsub, [self._ear]
        if pubsub.subscribed:
            # redis-py has no other way to wait for a message or for something else.
            sources.append(pubsub.connection._sock)  # noqa: SLF001
        if self._ear in wait(sources, seconds):
            self._ear.recv(1 << 16)
        while pubsub.subscribed and pubsub.connection.can_read(0):
            self._handle(pubsub.get_message(timeout=0))

    def _handle(self, message: dict[str, Any] | None) -> None:
        if message is None or message["type"] not in {"subscribe", "message"}:
            return
        channel = message["channel"].decode()
        with self._lock:
            if message["type"] == "subscribe":
                self._tell_missed([channel])
                return
            state = message["data"].partition(b" ")[0].decode()
            for watch in self._watches.get(channel, ()):
                watch.tell(ended=state in FINAL_STATES)

    def _drop(self) -> None:
        """Give the connection up; the next turn opens another."""
        if self._pubsub is not None:
            self._pubsub.close()
            self._pubsub = None
        self._subscribed.clear()
        with self._lock:
            self._touched.update(self._watches)
            self._tell_missed(self._watches)

    def _tell_missed(self, channels: Iterable[str]) -> None:
        for channel in channels:
            for watch in self._watches.get(channel, ()):
                watch.tell_missed()


def _close(*ends: socket.socket) -> None:
    for end in ends:
        end.close()
