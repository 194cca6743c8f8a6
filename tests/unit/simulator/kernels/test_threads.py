"""Work that is shared between threads."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator

import pytest

from simulator.kernels.threads import cores, share, thread_count, use_threads


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    use_threads(3)
    yield
    use_threads(None)


def test_each_item_once() -> None:
    """All items are worked on once, by this thread and the helpers."""
    barrier = threading.Barrier(3, timeout=10)
    seen: list[tuple[int, int]] = []

    def work(items: Iterator[int]) -> None:
        for item in items:
            if item < 3:
                barrier.wait()  # so that each thread gets one
            seen.append((item, threading.get_ident()))

    share(work, work, range(100), helpers=2)
    assert sorted(item for item, _ in seen) == list(range(100))
    assert len({thread for _, thread in seen}) == 3


@pytest.mark.parametrize("whose", ["own", "helping"])
def test_an_error_comes_out(whose: str) -> None:
    """An error in any thread ends the others, and is the caller's."""
    failed = threading.Event()

    def fail(items: Iterator[int]) -> None:
        next(items)
        failed.set()
        raise KeyError(whose)

    def wait(items: Iterator[int]) -> None:
        for _ in items:
            assert failed.wait(10)

    with pytest.raises(KeyError, match=whose):
        share(fail if whose == "own" else wait, fail if whose == "helping" else wait, iter(int, 1), helpers=1)


def test_a_forked_child_makes_its_own_pool() -> None:
    """A pool of the parent's is of no use in a child, which makes another."""
    before: list[int] = []
    share(before.extend, before.extend, range(9), helpers=2)
    pid = os.fork()
    if pid == 0:
        seen: list[int] = []
        share(seen.extend, seen.extend, range(9), helpers=2)
        os._exit(0 if sorted(seen) == list(range(9)) else 1)
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
    helpers: set[int] = set()

    def helping(items: Iterator[int]) -> None:
        helpers.add(threading.get_native_id())
        list(items)

    for _ in range(100):
        share(list, helping, range(10), helpers=2)
    everywhere = os.sched_getaffinity(0)
    assert helpers
    assert all(len(everywhere - os.sched_getaffinity(helper)) == 1 for helper in helpers)
