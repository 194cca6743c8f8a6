"""Failovers, a full disk, and what operators and strangers do to the queue: workers go on."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis
from support.circuits import bell
from support.faults.servers import SEEDED, Site, after, counts, lasting, running, site
from support.processes import RedisServer, eventually
from support.secured import free_port

from jobs import UnreachableError

pytestmark = pytest.mark.rule(34, 38)

#: Steps that take about a second and a half.
A_WHILE = 110_000
LEASE = 1.5


@pytest.fixture(scope="module")
def here() -> Iterator[Site]:
    """A Redis, and one worker that must outlive all of these tests."""
    with site(LEASE) as here:
        here.hire()
        yield here


@pytest.mark.rule(34)
def test_unblocked(here):
    """A worker whose wait for work an operator ends with an error waits anew."""
    with here.redis.client() as client:
        for _ in range(3):
            eventually(lambda: blocked(client), what="a worker's BRPOP")
            for each in blocked(client):
                client.client_unblock(int(each), error=True)
            assert counts(here.seeded()) == SEEDED
    here.check_untouched()


def blocked(client: redis.Redis) -> list[str]:
    return [each["id"] for each in client.client_list() if each["cmd"] == "brpop"]


@pytest.mark.rule(38)
@pytest.mark.parametrize("key", ["basicaer", "basicaer\x06\x163", "_kombu.binding.celery.pidbox"])
def test_a_foreign_key(here, key):
    """Workers outlive a foreign key under a name of their queue's, and go on once it is gone."""
    with here.redis.client() as client:
        kept = client.dump(key)
        client.set(key, "somebody's")
        after(here.lease)
        job = here.seeded()
        client.delete(key)
        if kept is not None:
            client.restore(key, 0, kept)

    assert counts(job) == SEEDED
    here.check_untouched(job)


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


@pytest.mark.rule(34)
def test_a_full_disk():
    """Jobs before, during and after ten seconds in which Redis cannot write its file all end DONE."""
    with small_disk() as disk, site(LEASE, "--dir", str(disk)) as here:
        here.hire(2)
        before = [running(here.seeded(lasting(A_WHILE))) for _ in range(2)]
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
                here.seeded()
            after(10)
            filler.unlink()
            eventually(lambda: not refuses(), what="a Redis that writes again")

        late = here.seeded()
        for job in (*before, late):
            assert counts(job) == SEEDED
        here.check_untouched(*before, late)


@pytest.mark.rule(34)
def test_failover_and_back():
    """A failover to a replica and back, under load, whose old lines stay: all jobs end DONE."""
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
            address.forward_to(new[0].socket)
            jobs += [backend.run(bell(), seed_simulator=1) for _ in range(5)]
            assert [counts(job) for job in jobs] == [SEEDED] * len(jobs)
        here.check_untouched()
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
