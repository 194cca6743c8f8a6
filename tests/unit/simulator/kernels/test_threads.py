"""Work that is shared between threads."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator

import pytest

from simulator.kernels.threads import cores, share, thread_count, use_threads
from simulator.monitor import Checkpoint, no_checkpoint


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    use_threads(3)
    yield
    use_threads(None)


def test_each_item_once() -> None:
    """All items are worked on once, by this thread and the helpers."""
    barrier = threading.Barrier(3, timeout=10)
    seen: list[tuple[int, int]] = []

    def work(items: Iterator[int], _: Checkpoint) -> None:
        for item in items:
            if item < 3:
                barrier.wait()  # so that each thread gets one
            seen.append((item, threading.get_ident()))

    share(work, range(100), no_checkpoint, helpers=2)
    assert sorted(item for item, _ in seen) == list(range(100))
    assert len({thread for _, thread in seen}) == 3


@pytest.mark.rule(8)
@pytest.mark.parametrize("helpers", [0, 2])
def test_checkpoints_are_the_callers(helpers: int) -> None:
    """The checkpoint is called in the caller's thread only, before each item that it takes."""
    caller, own, called = threading.get_ident(), [], []

    def work(items: Iterator[int], checkpoint: Checkpoint) -> None:
        for item in items:
            checkpoint()
            if threading.get_ident() == caller:
                own.append(item)

    share(work, range(100), lambda: called.append(threading.get_ident()), helpers)
    assert set(called) <= {caller}
    assert len(called) >= 2 * len(own)
    assert helpers or len(own) == 100


@pytest.mark.parametrize("whose", ["own", "helping"])
def test_an_error_comes_out(whose: str) -> None:
    """An error in any thread ends the others, and is the caller's."""
    caller, failed = threading.get_ident(), threading.Event()

    def work(items: Iterator[int], _: Checkpoint) -> None:
        if (threading.get_ident() == caller) == (whose == "own"):
            next(items)
            failed.set()
            raise KeyError(whose)
        for _item in items:
            assert failed.wait(10)

    with pytest.raises(KeyError, match=whose):
        share(work, iter(int, 1), no_checkpoint, helpers=1)


@pytest.mark.rule(8)
def test_a_long_item_ends_with_the_others() -> None:
    """What a helping thread is in the middle of does not keep a cancelled run waiting."""
    caller, begun = threading.get_ident(), threading.Event()

    def work(items: Iterator[int], checkpoint: Checkpoint) -> None:
        for _item in items:
            if threading.get_ident() == caller:
                assert begun.wait(10)
                raise KeyError("cancelled")
            begun.set()
            while True:
                checkpoint()

    with pytest.raises(KeyError, match="cancelled"):
        share(work, range(2), no_checkpoint, helpers=1)


def test_a_forked_child_makes_its_own_pool() -> None:
    """A pool of the parent's is of no use in a child, which makes another."""

    def all_seen() -> bool:
        seen: list[int] = []
        share(lambda items, _: seen.extend(items), range(9), no_checkpoint, helpers=2)
        return sorted(seen) == list(range(9))

    assert all_seen()
    pid = os.fork()
    if pid == 0:
        os._exit(0 if all_seen() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_the_number_of_threads() -> None:
    """Some thread there must be; without a number, it is one for each CPU."""
    assert thread_count() == 3
    use_threads(None)
    assert thread_count() >= 1
    with pytest.raises(ValueError, match="0 threads; at least 1"):
        use_threads(0)


@pytest.mark.skipif(sys.platform != "linux" or cores() < 2, reason="asks Linux, of several CPUs")
def test_helpers_are_kept_off_the_cpu_of_the_caller() -> None:
    """A helper that is woken there would wait, while other CPUs are idle."""
    caller, helpers = threading.get_native_id(), set()

    def work(items: Iterator[int], _: Checkpoint) -> None:
        helpers.add(threading.get_native_id())
        list(items)

    for _ in range(100):
        share(work, range(10), no_checkpoint, helpers=2)
    helpers.remove(caller)
    everywhere = os.sched_getaffinity(0)
    assert helpers
    assert all(len(everywhere - os.sched_getaffinity(helper)) == 1 for helper in helpers)
