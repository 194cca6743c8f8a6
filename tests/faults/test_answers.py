"""Whatever Redis answers, a worker says so and goes on, and a client gets one clear error."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import redis
from support.faults.servers import SEEDED, Site, after, counts, lasting, running, site
from support.processes import eventually

from jobs import BasicAerError, UnreachableError

pytestmark = pytest.mark.rule(18, 34)

#: Steps that take about a second and a half.
A_WHILE = 110_000
LEASE = 1.5

#: Runs for so many seconds, and holds up whoever asks for something else meanwhile.
_SPIN = """
local function now() local t = redis.call('TIME') return t[1] + t[2] / 1e6 end
local begun = now()
while now() - begun < tonumber(ARGV[1]) do end
"""


def lines(here: Site) -> int:
    """How many lines the workers have written."""
    return sum(len(worker.log.read_text().splitlines()) for worker in here.workers)


@contextmanager
def read_only(client: redis.Redis) -> Iterator[None]:
    """Redis is the replica of a master that is away."""
    client.replicaof("127.0.0.1", 1)
    try:
        yield
    finally:
        client.replicaof("NO", "ONE")


@contextmanager
def set_to(client: redis.Redis, name: str, value: str) -> Iterator[None]:
    """A setting of Redis is another for the block."""
    before = client.config_get(name)[name]
    client.config_set(name, value)

    def restored() -> bool:
        try:
            client.config_set(name, before)
        except redis.ResponseError as error:
            # Even a short script is too long for a small `lua-time-limit`, where the machine has other work.
            if not str(error).startswith("BUSY"):
                raise
            return False
        return True

    try:
        yield
    finally:
        eventually(restored, what=f"{name} as it was")


@contextmanager
def master_down(client: redis.Redis) -> Iterator[None]:
    """Redis is such a replica, and does not let its old data be read either."""
    with set_to(client, "replica-serve-stale-data", "no"), read_only(client):
        yield


@contextmanager
def too_few_replicas(client: redis.Redis) -> Iterator[None]:
    """Redis takes no write without a replica that does not come."""
    with set_to(client, "min-replicas-to-write", "1"):
        yield


@contextmanager
def busy(client: redis.Redis) -> Iterator[None]:
    """Somebody's script runs without end."""

    def spin() -> None:
        with contextlib.suppress(redis.RedisError):
            client.eval(_SPIN, 0, 30)

    spinning = threading.Thread(target=spin)
    other = redis.Redis(unix_socket_path=client.get_connection_kwargs()["path"])

    def refuses() -> bool:
        try:
            other.get("nothing")
        except redis.ResponseError as error:
            return str(error).startswith("BUSY")
        return False

    # Above what a script of ours may take where the machine has other work.
    with set_to(client, "lua-time-limit", "500"):
        spinning.start()
        eventually(refuses, what="BUSY")
        try:
            yield
        finally:
            other.script_kill()
            spinning.join()


@contextmanager
def no_rights(client: redis.Redis) -> Iterator[None]:
    """Somebody took the right to write away."""
    client.execute_command("ACL", "SETUSER", "keeper", "on", "nopass", "~*", "&*", "+@all")
    client.execute_command("AUTH", "keeper", "")
    client.execute_command("ACL", "SETUSER", "default", "-@write", "-@scripting")
    try:
        yield
    finally:
        client.execute_command("ACL", "SETUSER", "default", "+@all")


#: What Redis answers -> what makes it answer so.
ANSWERS: dict[str, Callable[[redis.Redis], contextlib.AbstractContextManager[None]]] = {
    "READONLY": read_only,
    "MASTERDOWN": master_down,
    "NOREPLICAS": too_few_replicas,
    "BUSY": busy,
    "NOPERM": no_rights,
}


@pytest.fixture(scope="module")
def here() -> Iterator[Site]:
    """A Redis, and one worker that must outlive all of these tests."""
    with site(LEASE) as here:
        here.hire()
        yield here


@contextmanager
def answering(here: Site, code: str) -> Iterator[None]:
    """Redis answers so for the block."""
    # Somebody's script may hold its answer back for longer than redis-py waits by itself before it asks again.
    single = redis.Redis(
        unix_socket_path=str(here.redis.socket), single_connection_client=True, socket_timeout=None
    )
    with single as client, ANSWERS[code](client):
        yield


@pytest.mark.parametrize("code", ANSWERS)
class TestRefusal:
    @pytest.mark.rule(18, 34)
    def test_while_idle(self, here, code):
        """A worker outlives the answer, says it once for each line, and takes the next job."""
        before = here.seeded()
        assert counts(before) == SEEDED
        eventually(lambda: before.async_result.state == "SUCCESS", what="Celery's SUCCESS")
        quiet = lines(here)

        with answering(here, code):
            after(1.5 * here.lease)

        assert lines(here) - quiet < 6
        job = here.seeded()
        assert counts(job) == SEEDED
        here.check_untouched(before, job)

    @pytest.mark.rule(34)
    def test_while_it_runs(self, here, code):
        """A run whose lease cannot be renewed for longer than it lasts is no death, and not lost."""
        job = running(here.seeded(lasting(A_WHILE)))

        with answering(here, code):
            after(1.5 * here.lease)

        assert counts(job) == SEEDED
        here.check_untouched(job)

    @pytest.mark.rule(34)
    def test_at_completion(self, here, code):
        """A run that ends meanwhile is completed later, and Celery knows it."""
        job = running(here.seeded(lasting(A_WHILE // 3)))
        before = here.logged("Redis does not take the end of")

        with answering(here, code):
            eventually(
                lambda: here.logged("Redis does not take the end of") > before, within=20, what="the run's end"
            )

        assert counts(job) == SEEDED
        eventually(lambda: job.async_result.state == "SUCCESS", what="Celery's SUCCESS")
        here.check_untouched(job)

    @pytest.mark.rule(34)
    def test_a_worker_that_starts_meanwhile(self, here, code):
        """A worker that meets the answer at its start says it, waits, and begins when it may."""
        said = here.logged("consumer: C")

        with ThreadPoolExecutor() as threads:
            with answering(here, code):
                hired = threads.submit(here.hire)
                eventually(lambda: here.logged("consumer: C") > said, within=30, what="what it says")
            (worker,) = hired.result(40)

        here.check_untouched()
        worker.stop()
        here.workers.remove(worker)
        assert worker.process.returncode == 0

    @pytest.mark.rule(18)
    def test_the_client_says_so(self, here, code):
        """Each call that Redis refuses ends in one clear error with address, answer and cure."""
        done = here.seeded()
        assert counts(done) == SEEDED
        job = running(here.seeded(lasting(10_000 * A_WHILE)))
        said = []

        with answering(here, code):
            for call in (here.seeded, job.cancel, lambda: job.update_tags(["x"]), done.delete):
                try:
                    said.append(call())
                except BasicAerError as error:
                    said.append((str(error), isinstance(error, UnreachableError)))

        assert job.cancel() is True
        for text, passing in said:
            assert re.fullmatch(rf"Redis at redis\S+ .+: .+ \({code} .+\)", text)
            assert passing == (code != "NOPERM")
        here.check_untouched(job)
