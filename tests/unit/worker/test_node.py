"""What a worker node does beside its runs."""

from __future__ import annotations

import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
from support.processes import ROOT, eventually

from worker.node import Node
from worker.runtime.runs import RunTable
from worker.settings import QUEUE

pytestmark = pytest.mark.slow  # starts processes


class Consumer:
    """Stands for Celery's: with a pool of so many processes, and a queue that it may be asked about."""

    def __init__(self, slots: int) -> None:
        self.pool = SimpleNamespace(num_processes=slots)
        self.task_consumer = self
        self.asked, self.may_answer = threading.Event(), threading.Event()
        self.may_answer.set()

    def consuming_from(self, queue):
        self.asked.set()
        self.may_answer.wait(10)
        return queue == QUEUE


@pytest.fixture
def node(store, worker):
    started = []

    def make(consumer):
        started.append(Node(None, store, RunTable(slots=4), worker(slots=2), consumer))
        return started[-1]

    yield make
    for each in started:
        each.stop()


@pytest.mark.rule(43)
def test_the_slots_are_those_that_the_pool_has_now(node, store):
    """A node whose pool grows or shrinks says so with its next tick, and the window follows."""
    consumer = Consumer(slots=2)
    node(consumer)
    eventually(lambda: [info.slots for info in store.workers()] == [2], what="the registration")
    consumer.pool.num_processes = 5
    eventually(lambda: [info.slots for info in store.workers()] == [5], what="the new slots")
    assert store.window() == 5


def test_a_pool_that_has_ended_is_no_error(node, store, caplog):
    """Celery takes its pool away before it says that the worker shuts down."""
    consumer = Consumer(slots=2)
    node(consumer)
    eventually(store.workers, what="the registration")
    del consumer.pool.num_processes
    for _ in range(2):
        consumer.asked.clear()
        assert consumer.asked.wait(10)
    assert [info.slots for info in store.workers()] == [2]
    assert not caplog.records


def test_a_node_that_stopped_stays_off_the_register(node, store):
    """A tick that was under way when the node stopped does not register it again."""
    consumer = Consumer(slots=2)
    started = node(consumer)
    eventually(store.workers, what="the registration")
    consumer.may_answer.clear()
    consumer.asked.clear()
    assert consumer.asked.wait(10)
    threading.Timer(0.3, consumer.may_answer.set).start()
    started.stop()
    # Nothing of it goes on.
    assert not {"basicaer-tick", "basicaer-heartbeat"} & {thread.name for thread in threading.enumerate()}
    assert store.workers() == []


def test_a_blas_has_one_thread_in_each_child():
    """A slot computes with the engine's threads alone, also where NumPy was loaded before the worker began."""
    code = (
        "import os, numpy, threadpoolctl\n"
        "from celery import Celery\n"
        "from worker.node import prepare\n"
        "threadpoolctl.threadpool_limits(2)\n"
        "prepare(Celery(set_as_current=False), 1, 1)\n"
        "if (child := os.fork()) == 0:\n"
        "    numpy.ones((300, 300)) @ numpy.ones((300, 300))\n"
        "    print(*{each['num_threads'] for each in threadpoolctl.threadpool_info()}, flush=True)\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert set(done.stdout.split()) <= {"1"}, done.stdout
