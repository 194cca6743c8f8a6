"""Children forked at any moment, also while other threads talk to Redis: each works, and none hangs."""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import gc
import math
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import pytest
from celery.utils.dispatch import Signal
from support.circuits import bell
from support.patience import deadline
from support.processes import eventually

from jobs import BasicAerProvider
from worker.queue.results import apply_effects

#: Seconds that a child has for its round trip: some 20 ms where it has a core for itself.
DEADLINE = 20.0


def forked(work: Callable[[], object]) -> int:
    """Fork a child that does the work, and return its pid; it exits with 0 if the work went well."""
    pid = os.fork()
    if pid:
        return pid
    try:
        # The end comes whatever lock it waits for, and says which.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        faulthandler.register(signal.SIGALRM, file=2, chain=True)
        signal.alarm(math.ceil(deadline(DEADLINE)))
        work()
    except BaseException:  # noqa: BLE001 (a child must not go on as its parent)
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def exit_codes(pids: list[int]) -> list[int]:
    """Wait for children; one that hangs ends by its alarm."""
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


@contextlib.contextmanager
def busy(work: Callable[[], object], threads: int) -> Iterator[list[int]]:
    """Have threads do the work over and over; yield how often each has."""
    over, rounds = threading.Event(), [0] * threads

    def repeat(number: int) -> None:
        while not over.is_set():
            work()
            rounds[number] += 1

    each = [threading.Thread(target=repeat, args=(number,)) for number in range(threads)]
    for thread in each:
        thread.start()
    try:
        yield rounds
    finally:
        over.set()
        for thread in each:
            thread.join()


def round_trip(provider: BasicAerProvider) -> None:
    """Record a job, publish it, ask for it in every way, wait for its end, and cancel it."""
    job = provider.get_backend().run(bell())
    job.status()
    provider.jobs(limit=1)
    waiting = threading.Thread(target=job.wait_for_final_state, args=(deadline(DEADLINE),), daemon=True)
    waiting.start()
    assert job.cancel()
    waiting.join(deadline(DEADLINE))
    assert not waiting.is_alive()
    assert job.cancelled()


@pytest.mark.rule(15)
@pytest.mark.timeout(300)
def test_forks_beside_busy_threads(quiet):
    """Of 200 children forked while 8 threads submit, wait and cancel, each does the same in time."""
    with busy(lambda: round_trip(quiet), threads=8) as rounds:
        eventually(lambda: min(rounds), within=60, what="a round of each thread")
        codes: list[int] = []
        for _ in range(50):
            codes += exit_codes([forked(lambda: round_trip(quiet)) for _ in range(4)])
        before = min(rounds)
        # Nothing that the children did closed or used a line of their parent's.
        eventually(lambda: min(rounds) > before + 1, within=60, what="further rounds of the parent's threads")
    assert codes == [0] * 200


@contextlib.contextmanager
def locked(connection: Any, *more: Any) -> Iterator[None]:
    """Hold, on another thread, whatever lock a thread may hold at a fork."""
    app = connection.app
    app.backend.get_state("none")
    pools = (connection.client.connection_pool, app.backend.client.connection_pool)
    locks = [*more, app.clock.mutex, app._finalize_mutex, app.creation_lock]
    locks += [lock for pool in pools for lock in (pool._lock, pool._fork_lock, pool._event_dispatcher._lock)]
    locks += [connection.events._lock, connection.client._event_dispatcher._lock]
    locks += [app.pool._resource.mutex, app.producer_pool._resource.mutex]
    # Celery's and kombu's classes have a lock for each property that is computed once, their memoized functions
    # have two in variables of their closures, and signals one.
    for each in gc.get_objects():
        if isinstance(each, functools.cached_property) and each.func.__module__.startswith(("celery", "kombu")):
            locks += [each.lock] if hasattr(each, "lock") else []
        elif isinstance(each, FunctionType) and hasattr(each, "original_func"):
            inside = [cell.cell_contents for cell in each.__closure__]
            locks += [lock for lock in inside if hasattr(lock, "acquire")]
            locks += [cache.mutex for cache in inside if hasattr(cache, "mutex")]
        elif isinstance(each, Signal):
            locks.append(each.lock)
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        with contextlib.ExitStack() as stack:
            for lock in locks:
                stack.enter_context(lock)
            held.set()
            over.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    try:
        yield
    finally:
        over.set()
        holder.join()


@pytest.mark.rule(15)
def test_no_lock_of_the_parent_stops_a_child(quiet):
    """A child works though a thread of its parent's held every lock there is at the fork."""
    job = quiet.get_backend().run(bell())
    round_trip(quiet)

    def work() -> None:
        round_trip(quiet)
        job.cancel()
        job.wait_for_final_state(timeout=DEADLINE)

    with quiet.connection.reaching() as connection, locked(connection, quiet.connection._lock, job._lock):
        pid = forked(work)
    assert exit_codes([pid]) == [0]


@pytest.mark.rule(34)
def test_a_worker_forks_its_pool_at_any_moment(quiet):
    """What a worker's child inherits works in it, whatever the tick of its parent held at the fork."""
    job = quiet.get_backend().run(bell())
    with quiet.connection.reaching() as connection:
        store, app = connection.store, connection.app

        def work() -> None:
            effects = store.cancel(job.job_id())
            apply_effects(app, effects)
            assert app.backend.get_state(job.job_id()) == "REVOKED"
            with app.producer_or_acquire() as producer:
                producer.publish("not a message", routing_key="nobody", declare=())

        with locked(connection):
            pid = forked(work)
    assert exit_codes([pid]) == [0]
    assert job.cancelled()
