"""Contract 18, 34: whatever Redis answers, a worker says so and goes on, and a client gets one clear error."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis
from circuits import bell
from faults.servers import Site, lasting, running, site
from processes import RedisServer, eventually
from secured import free_port

from jobs import BasicAerError, UnreachableError

#: The counts of `bell` and `lasting` under seed 1.
SEEDED = {"00": 515, "11": 509}
#: Steps that take about a second and a half.
A_WHILE = 110_000
LEASE = 1.5

#: Runs for so many seconds, and holds up whoever asks for something else meanwhile.
_SPIN = """
local function now() local t = redis.call('TIME') return t[1] + t[2] / 1e6 end
local begun = now()
while now() - begun < tonumber(ARGV[1]) do end
"""


def counts(job) -> dict[str, int]:
    return job.result(timeout=60).get_counts()


def seeded(here: Site, circuit=None):
    return here.backend.run(circuit or bell(), seed_simulator=1)


def untouched(here: Site, *jobs) -> None:
    """No worker ended, none is said to have died, none showed a traceback, and the record holds together."""
    assert [worker.process.poll() for worker in here.workers] == [None] * len(here.workers)
    assert [here.lapses(job) for job in jobs] == [0] * len(jobs)
    assert here.logged("Traceback") == 0
    here.check()


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
    try:
        yield
    finally:
        client.config_set(name, before)


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
    client.config_set("lua-time-limit", 50)

    def spin() -> None:
        with contextlib.suppress(redis.RedisError):
            client.eval(_SPIN, 0, 30)

    spinning = threading.Thread(target=spin)
    spinning.start()
    other = redis.Redis(unix_socket_path=client.get_connection_kwargs()["path"])

    def refuses() -> bool:
        try:
            return not other.get("nothing")
        except redis.ResponseError as error:
            return str(error).startswith("BUSY")

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
        here.backend = here.provider().get_backend()
        yield here


@contextmanager
def answering(here: Site, code: str) -> Iterator[None]:
    """Redis answers so for the block."""
    single = redis.Redis(unix_socket_path=str(here.redis.socket), single_connection_client=True)
    with single as client, ANSWERS[code](client):
        yield


def after(seconds: float) -> None:
    """Let a time pass that is itself the fault: how long Redis answers so."""
    with contextlib.suppress(TimeoutError):
        threading.Event().wait(seconds)


@pytest.mark.parametrize("code", ANSWERS)
class TestRefusal:
    def test_while_idle(self, here, code):
        """Rules 18, 34: a worker outlives the answer, says it once for each line, and takes the next job."""
        before = seeded(here)
        assert counts(before) == SEEDED
        eventually(lambda: before.async_result.state == "SUCCESS", what="Celery's SUCCESS")
        quiet = lines(here)

        with answering(here, code):
            after(1.5 * here.lease)

        assert lines(here) - quiet < 6
        job = seeded(here)
        assert counts(job) == SEEDED
        untouched(here, before, job)

    def test_while_it_runs(self, here, code):
        """Rule 34: a run whose lease cannot be renewed for longer than it lasts is no death, and not lost."""
        job = running(seeded(here, lasting(A_WHILE)))

        with answering(here, code):
            after(1.5 * here.lease)

        assert counts(job) == SEEDED
        untouched(here, job)

    def test_at_completion(self, here, code):
        """Rule 34: a run that ends meanwhile is completed later, and Celery knows it."""
        job = running(seeded(here, lasting(A_WHILE // 3)))
        before = here.logged("Redis does not take the end of")

        with answering(here, code):
            eventually(
                lambda: here.logged("Redis does not take the end of") > before, within=20, what="the run's end"
            )

        assert counts(job) == SEEDED
        eventually(lambda: job.async_result.state == "SUCCESS", what="Celery's SUCCESS")
        untouched(here, job)

    def test_a_worker_that_starts_meanwhile(self, here, code):
        """Rule 34: a worker that meets the answer at its start says it, waits, and begins when it may."""
        said = here.logged("consumer: C")

        with ThreadPoolExecutor() as threads:
            with answering(here, code):
                hired = threads.submit(here.hire)
                eventually(lambda: here.logged("consumer: C") > said, within=30, what="what it says")
            (worker,) = hired.result(40)

        untouched(here)
        worker.stop()
        here.workers.remove(worker)
        assert worker.process.returncode == 0

    def test_the_client_says_so(self, here, code):
        """Rule 18: each call that Redis refuses ends in one clear error with address, answer and cure."""
        done = seeded(here)
        assert counts(done) == SEEDED
        job = running(seeded(here, lasting(10_000 * A_WHILE)))
        said = []

        with answering(here, code):
            for call in (lambda: seeded(here), job.cancel, lambda: job.update_tags(["x"]), done.delete):
                try:
                    said.append(call())
                except BasicAerError as error:
                    said.append((str(error), isinstance(error, UnreachableError)))

        assert job.cancel() is True
        for text, passing in said:
            assert re.fullmatch(rf"Redis at redis\S+ .+: .+ \({code} .+\)", text)
            assert passing == (code != "NOPERM")
        untouched(here, job)


def test_unblocked(here):
    """Rule 34: a worker whose wait for work an operator ends with an error waits anew."""
    with here.redis.client() as client:
        for _ in range(3):
            eventually(lambda: blocked(client), what="a worker's BRPOP")
            for each in blocked(client):
                client.client_unblock(int(each), error=True)
            assert counts(seeded(here)) == SEEDED
    untouched(here)


def blocked(client: redis.Redis) -> list[str]:
    return [each["id"] for each in client.client_list() if each["cmd"] == "brpop"]


@pytest.mark.parametrize("key", ["basicaer", "basicaer\x06\x163", "_kombu.binding.celery.pidbox"])
def test_a_foreign_key(here, key):
    """Rule 38: workers outlive a foreign key under a name of their queue's, and go on once it is gone."""
    with here.redis.client() as client:
        kept = client.dump(key)
        client.set(key, "somebody's")
        after(here.lease)
        job = seeded(here)
        client.delete(key)
        if kept is not None:
            client.restore(key, 0, kept)

    assert counts(job) == SEEDED
    untouched(here, job)


@contextmanager
def small_disk() -> Iterator[Path]:
    """A file system of 4 MB; where none can be mounted, skip."""
    with tempfile.TemporaryDirectory(prefix="basicaer-disk-") as folder:
        command = [_tool("mount"), "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=10)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"cannot mount a small file system: {getattr(error, 'stderr', None) or error}")
        try:
            yield Path(folder)
        finally:
            subprocess.run([_tool("umount"), "-l", folder], check=True, timeout=10)


def _tool(name: str) -> str:
    return shutil.which(name) or pytest.skip(f"no {name} here")


def test_a_full_disk():
    """Rule 34: jobs before, during and after ten seconds in which Redis cannot write its file all end DONE."""
    with small_disk() as disk, site(LEASE, "--dir", str(disk)) as here:
        here.hire(2)
        here.backend = here.provider().get_backend()
        before = [running(seeded(here, lasting(A_WHILE))) for _ in range(2)]
        filler = disk / "filler"
        with contextlib.suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()
        with here.redis.client() as client:

            def refuses() -> bool:
                try:
                    client.set("probe", "x" * 4096)
                except redis.ResponseError as error:
                    return "MISCONF" in str(error)
                return False

            eventually(refuses, what="MISCONF")
            with pytest.raises(UnreachableError, match=r"MISCONF|disk"):
                seeded(here)
            after(10)
            filler.unlink()
            eventually(lambda: not refuses(), what="a Redis that writes again")

        late = seeded(here)
        for job in (*before, late):
            assert counts(job) == SEEDED
        untouched(here, *before, late)


def test_failover_and_back():
    """Rule 34: a failover to a replica and back, under load, whose old lines stay: all jobs end DONE."""
    with ExitStack() as stack:
        first, second = (str(free_port()) for _ in range(2))
        here = stack.enter_context(site(LEASE, "--port", first))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="basicaer-replica-")))
        replica = RedisServer(folder, "--port", second)
        stack.callback(replica.stop)
        replica.start()
        address = here.proxy()
        here.hire(2, address.url)
        backend = here.provider(address.url).get_backend()
        masters = [(here.redis, first), (replica, second)]
        with replica.client() as client:
            client.replicaof("127.0.0.1", first)
        jobs = []
        for old, new in (masters, masters[::-1]):
            jobs += [running(backend.run(lasting(A_WHILE // 2), seed_simulator=1)) for _ in range(2)]
            jobs += [backend.run(bell(), seed_simulator=1) for _ in range(5)]
            hand_over(old, new)
            address.turn_to(new[0].socket)
            jobs += [backend.run(bell(), seed_simulator=1) for _ in range(5)]
            assert [counts(job) for job in jobs] == [SEEDED] * len(jobs)
        untouched(here)
        assert [job.status().name for job in jobs] == ["DONE"] * len(jobs)


def hand_over(old: tuple[RedisServer, str], new: tuple[RedisServer, str]) -> None:
    """Make the replica the master, without a write that only the old one has; the old one becomes its replica."""
    with old[0].client() as was, new[0].client() as becomes:
        linked = lambda: becomes.info("replication").get("master_link_status") == "up"  # noqa: E731
        eventually(linked, what="the replica's link")
        was.execute_command("CLIENT", "PAUSE", 10_000, "WRITE")

        def caught_up() -> bool:
            sent = was.info("replication")["master_repl_offset"]
            return becomes.info("replication")["slave_repl_offset"] >= sent

        eventually(caught_up, what="the replica to have all")
        becomes.replicaof("NO", "ONE")
        was.replicaof("127.0.0.1", new[1])
        was.execute_command("CLIENT", "UNPAUSE")
