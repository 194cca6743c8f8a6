"""What Celery and Redis do that the product leans on, seen with real processes: an upgrade may change it.

The Redis has a password and a unix socket, so every test also holds that `redis+socket` URLs with a password serve
as broker and result backend.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import psutil
import pytest
from celery import Celery, states
from support.patience import deadline
from support.processes import ROOT, RedisServer, control_of, end, eventually, never


class Node:
    """A worker of `facts_app`."""

    def __init__(self, url: str, folder: Path, name: str, *options: str, **environment: str) -> None:
        self.name, self._url = f"{name}@facts", url
        self._log = folder / f"{name}.log"
        command = [
            sys.executable, "-m", "celery", "-A", "support.facts_app", "worker",
            "-c", "1", "-n", self.name, "-l", "INFO", "-O", "fair", *options,
        ]  # fmt: skip
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT / "tests",
                env=os.environ | {"FACTS_URL": url} | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def ready(self) -> Node:
        """Return once it hears commands, which is after it logs that it is ready."""
        eventually(lambda: " ready." in self._log.read_text(), within=30, what=f"{self.name}'s start")
        with Celery("asks", broker=self._url, set_as_current=False) as app:
            control_of(app, self)
        return self

    def children(self) -> set[int]:
        return {child.pid for child in psutil.Process(self.process.pid).children()}


@pytest.fixture(scope="module")
def server():
    folder = Path(tempfile.mkdtemp(prefix="basicaer-facts-"))
    server = RedisServer(folder, password="p@ss:w/rd").start()  # noqa: S106 (the test's own)
    # The password is percent-encoded in a URL.
    server.url = f"redis+socket://:p%40ss%3Aw%2Frd@{server.socket}?virtual_host=0"
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def node(server):
    node = Node(server.url, server.folder, "n1").ready()
    yield node
    end(node.process, 15)


@pytest.fixture
def redis(server):
    with server.client() as client:
        yield client
        client.delete("enough")


@pytest.fixture
def app(server):
    """A client's app; the worker runs `facts_app`'s."""
    app = Celery("client", broker=server.url, backend=server.url, set_as_current=False)
    yield app
    app.close()


@pytest.fixture
def send(app, node):
    """Publish a task; returns its result."""

    def publish(task, *args, **options):
        return app.send_task(f"support.facts_app.{task}", args=args, queue="facts", **options)

    return publish


@pytest.fixture
def marks(redis):
    """Return the process ids that left a mark."""
    return lambda name: [int(pid) for pid in redis.lrange(f"mark:{name}", 0, -1)]


@pytest.fixture
def name():
    """A name that no other test uses."""
    return uuid.uuid4().hex


@pytest.fixture
def busy(send, marks, redis):
    """Keep the one slot busy; returns its task's result."""
    name = uuid.uuid4().hex
    result = send("hold", name)
    eventually(lambda: marks(name), what="the start")
    yield result
    redis.set("enough", 1)
    eventually(lambda: marks(f"{name}:ended"), what="the end")


def test_early_ack(busy, redis):
    """A message is acknowledged before its task runs: nothing of it is left in Redis while it does."""
    eventually(lambda: redis.hlen("unacked") == 0, what="the acknowledgement")
    assert busy.state == states.PENDING


def test_a_busy_worker_holds_no_message(busy, send, redis, name, marks):
    """`worker_disable_prefetch`: the second message stays in Redis, where another worker could take it."""
    second = send("note", name)
    third = send("note", name)
    eventually(lambda: redis.hlen("unacked") == 0, what="the first one's acknowledgement")
    # A blocking pop lasts 1 s: for longer than that, nothing was taken.
    never(lambda: redis.llen("facts") != 2 or marks(name), within=1.5, what="another message's way to a worker")
    redis.set("enough", 1)
    assert second.get(timeout=deadline(10)) == third.get(timeout=deadline(10)) == name


def test_a_message_that_comes_twice_runs_twice(send, name, marks):
    """Celery does not know an id again: so CLAIM must."""
    for _ in range(2):
        send("note", name, task_id=name)
    eventually(lambda: len(marks(name)) == 2, what="the second run")


def test_a_revoked_id_is_remembered(busy, app, send, redis, name, marks):
    """A task that is revoked while it waits never runs, and neither does a later one of the same id."""
    first = send("note", name, task_id=name)
    app.control.revoke(name)
    eventually(lambda: marks("our revoke"), what="the revoke")
    redis.set("enough", 1)
    eventually(lambda: first.state == states.REVOKED, what="REVOKED")
    send("note", name, task_id=name)
    last = uuid.uuid4().hex
    assert send("note", last).get(timeout=deadline(10)) == last
    assert marks(name) == []


def test_task_revoked_fires_in_the_parent(busy, app, send, redis, node, name, marks):
    """The signal of a revoked task is sent in the worker's parent process, which then writes CANCEL."""
    redis.delete("mark:task_revoked")
    send("note", name, task_id=name)
    app.control.revoke(name)
    redis.set("enough", 1)
    assert eventually(lambda: marks("task_revoked"), what="the signal") == [node.process.pid]


def test_revoke_leaves_a_running_task_alone(busy, app, redis, marks):
    """Without `terminate`, a revoke does nothing to what runs: the engine's own checkpoint must look."""
    before = len(marks("our revoke"))
    app.control.revoke(busy.id)
    eventually(lambda: len(marks("our revoke")) > before, what="the revoke")
    redis.set("enough", 1)
    assert busy.get(timeout=deadline(10))
    assert busy.state == states.SUCCESS


def test_our_command_takes_the_place_of_celerys(app, node, redis, marks, name):
    """A control command of the same name takes over, in the parent, and can call Celery's own."""
    redis.delete("mark:our revoke")
    reply = app.control.revoke(name, reply=True, timeout=deadline(2), destination=[node.name])
    assert "ok" in reply[0][node.name]
    assert marks("our revoke") == [node.process.pid]


def test_time_limit_kills_the_child(send, node, name, marks):
    """A message's hard time limit ends the child that runs it, and the slot comes back."""
    before = node.children()
    result = send("hold", name, time_limit=1)
    with pytest.raises(Exception, match="TimeLimitExceeded"):
        result.get(timeout=deadline(15))
    assert marks(f"{name}:ended") == []
    eventually(lambda: not before & node.children(), what="the child's end")
    assert send("note", name).get(timeout=deadline(15)) == name


def test_only_success_is_protected(app):
    """The result backend lets every state be overwritten but SUCCESS."""
    failed, good = uuid.uuid4().hex, uuid.uuid4().hex
    app.backend.mark_as_revoked(failed, "cancelled")
    app.backend.store_result(failed, None, states.STARTED)
    assert app.backend.get_state(failed) == states.STARTED
    app.backend.store_result(failed, 1, states.SUCCESS)
    app.backend.store_result(good, 1, states.SUCCESS)
    app.backend.store_result(good, "late", states.STARTED)
    app.backend.mark_as_revoked(good, "late")
    assert [app.backend.get_state(each) for each in (failed, good)] == [states.SUCCESS] * 2


def test_a_message_is_a_value_in_a_list(app, node, redis, name):
    """Whoever pushes one of this form has it run, its body as plain JSON, and subscribes to nothing."""
    message = app.amqp.create_task_message(name, "support.facts_app.note", (name,), time_limit=30)
    delivery = {"delivery_info": {"exchange": "", "routing_key": "facts"}, "delivery_tag": name}
    form = {"content-type": "application/json", "content-encoding": "utf-8", "headers": message.headers}
    properties = {**message.properties, **delivery, "priority": 0}
    redis.lpush("facts", json.dumps({**form, "body": json.dumps(message.body), "properties": properties}))
    eventually(lambda: app.backend.get_state(name) == states.SUCCESS, what="the run")
    channel = f"celery-task-meta-{name}"
    assert dict(redis.pubsub_numsub(channel)) == {channel.encode(): 0}
    other = uuid.uuid4().hex
    result = app.send_task("support.facts_app.hold", args=(other,), queue="facts", task_id=other)
    channel = f"celery-task-meta-{other}"
    eventually(lambda: dict(redis.pubsub_numsub(channel))[channel.encode()] == 1, what="the subscription")
    redis.set("enough", 1)
    result.get(timeout=deadline(10))


def test_signals_of_a_worker_fire_in_the_parent(server, redis, marks):
    """worker_ready, worker_shutting_down and worker_shutdown are sent in the parent process, once each."""
    names = ("worker_ready", "worker_shutting_down", "worker_shutdown")
    redis.delete(*(f"mark:{each}" for each in names))
    node = Node(server.url, server.folder, "brief").ready()
    eventually(lambda: marks("worker_ready"), what="worker_ready")
    end(node.process, 15)
    assert {each: marks(each) for each in names} == {each: [node.process.pid] for each in names}


@pytest.fixture
def elsewhere(tmp_path_factory, name):
    """A Redis of the test's own, its app, and in its queue a message that nobody takes."""
    server = RedisServer(tmp_path_factory.mktemp("r")).start()
    app = Celery("client", broker=server.url, backend=server.url, set_as_current=False)
    app.send_task("support.facts_app.note", args=(name,), task_id=name, queue="facts")
    yield server, app
    app.close()
    server.stop()


def succeeds(app, task_id) -> None:
    """The task runs to its end."""
    eventually(lambda: app.backend.get_state(task_id) == states.SUCCESS, within=20, what="SUCCESS")


def test_a_revoke_is_lost_where_no_worker_is_up(elsewhere, name):
    """A revoke that no worker hears is kept nowhere: the task runs all the same. So our record keeps it."""
    server, app = elsewhere
    app.control.revoke(name)

    later = Node(server.url, server.folder, "later").ready()
    try:
        succeeds(app, name)
    finally:
        end(later.process, 15)


def test_a_revoke_is_lost_with_the_worker_that_heard_it(elsewhere, name):
    """A worker that is killed forgets its revokes, with `--statedb` too: it is written at a good end only."""
    server, app = elsewhere
    state = ("--statedb", str(server.folder / "state"))
    # It hears commands, and takes no task.
    killed = Node(server.url, server.folder, "killed", *state, "-X", "facts").ready()
    try:
        app.control.revoke(name, destination=[killed.name])
        eventually(lambda: app.backend.get_state(name) == states.REVOKED, what="REVOKED")
    finally:
        end(killed.process, 9)

    later = Node(server.url, server.folder, "later", *state).ready()
    try:
        succeeds(app, name)
    finally:
        end(later.process, 15)


def test_a_revoke_of_an_id_that_never_was(app, node, name):
    """A revoke writes REVOKED under any id: so a state of Celery's alone does not tell that there was a job."""
    assert app.backend.get_state(name) == states.PENDING
    app.control.revoke(name)
    eventually(lambda: app.backend.get_state(name) == states.REVOKED, what="REVOKED")


def test_a_pool_of_threads_revokes_nothing(elsewhere, name):
    """Threads cannot be ended, and run what they were given, to SUCCESS: so our workers are processes."""
    server, app = elsewhere
    node = Node(server.url, server.folder, "threads", "-P", "threads", FACTS_PREFETCH="1").ready()
    held, reserved = f"{name}-held", f"{name}-reserved"
    try:
        succeeds(app, name)
        with server.client() as client:
            app.send_task("support.facts_app.hold", args=(held,), task_id=held, queue="facts")
            eventually(lambda: client.exists(f"mark:{held}"), what="the start")
            app.send_task("support.facts_app.note", args=(reserved,), task_id=reserved, queue="facts")
            inspect = app.control.inspect([node.name])
            eventually(lambda: (inspect.reserved() or {}).get(node.name), what="the reservation")

            order = {"reply": True, "timeout": deadline(2), "destination": [node.name]}
            assert "ok" in app.control.revoke(reserved, **order)[0][node.name]
            answer = app.control.revoke(held, terminate=True, signal="SIGKILL", **order)
            assert "does not implement kill_job" in str(answer)
            client.set("enough", 1)
        succeeds(app, held)
        succeeds(app, reserved)
        assert node.process.poll() is None
    finally:
        end(node.process, 15)


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGKILL"])
def test_terminate_ends_the_child_and_frees_the_slot(send, app, marks, name, signal_name):
    """A revoke that terminates kills the child of a running task, and the slot takes the next."""
    held = send("hold", name)
    eventually(lambda: marks(name), what="the start")

    held.revoke(terminate=True, signal=signal_name)

    eventually(lambda: app.backend.get_state(held.id) == states.REVOKED, what="REVOKED")
    after = uuid.uuid4().hex
    assert send("note", after).get(timeout=deadline(20)) == after
    assert not marks(f"{name}:ended")


def test_no_soft_signal_ends_a_kernel(send, app, node, marks, name):
    """A process in one long call of NumPy outlives SIGTERM, though it is REVOKED; SIGKILL ends it at once."""
    computed = send("compute", name, 10**11)
    (child,) = eventually(lambda: marks(name), what="the start")

    computed.revoke(terminate=True, signal="SIGTERM")

    eventually(lambda: app.backend.get_state(computed.id) == states.REVOKED, what="REVOKED")
    never(lambda: not psutil.pid_exists(child), within=1, what="the end of the process")
    os.kill(child, signal.SIGKILL)
    eventually(lambda: child not in node.children(), within=5, what="the end")
    after = uuid.uuid4().hex
    assert send("note", after).get(timeout=deadline(20)) == after
    assert not marks(f"{name}:ended")
