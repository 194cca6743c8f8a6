"""The users of `deploy/redis/users.acl`: each can do its work and no more; their passwords are seen nowhere."""

from __future__ import annotations

import os
import pickle
import re
import shlex
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest
import redis
from celery import Celery
from qiskit.providers import JobError, JobStatus
from support.circuits import bell, dividing_by_zero, endless
from support.command_line import BASICAER
from support.patience import deadline, setting
from support.processes import ROOT, Worker, environment, eventually
from support.secured import Flower, SecuredRedis

from jobs import BasicAerProvider
from jobs.errors import BasicAerError
from worker.record import keys

LEASE = str(setting(2))


@pytest.fixture(scope="module")
def server():
    folder = Path(tempfile.mkdtemp(prefix="basicaer-acl-"))
    server = SecuredRedis(folder).start()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def worker(server):
    worker = Worker(server.url("worker"), server.log.parent, name="acl", BASICAER_LEASE=LEASE)
    yield worker.ready()
    worker.stop()


@pytest.fixture(scope="module")
def flower(server, worker):
    flower = Flower(server.url("flower"), server.log.parent)
    eventually(lambda: flower.api("/api/workers?refresh=1"), within=30, what="Flower's workers")
    yield flower
    flower.stop()


@pytest.fixture(scope="module")
def provider(server, worker):
    with environment(BASICAER_LEASE=LEASE):
        provider = BasicAerProvider(server.url("client"))
    yield provider
    provider.close()


@pytest.fixture(autouse=True)
def nothing_denied(server, request):
    """No test's ordinary work asks Redis for what its user may not do."""
    with server.client("admin") as admin:
        admin.acl_log_reset()
        yield
        # `basicaer doctor` asks for the settings of Redis, and tests of denials for what they name.
        allowed = {"info", "config|get"} if request.node.name in {"test_doctor", "test_nowhere"} else set()
        if "denied" not in request.node.name and request.node.name != "test_an_operator_has_a_right":
            denied = [
                (each["username"], each["object"]) for each in admin.acl_log() if each["object"] not in allowed
            ]
            assert [each for each in denied if each[1] != "HELLO"] == []


class TestWork:
    @pytest.mark.rule(37)
    def test_client(self, provider):
        """A client submits, waits, lists, tags, cancels and deletes."""
        backend = provider.get_backend()
        job = backend.run([bell(), bell()], shots=100)
        assert job.result(timeout=deadline(20)).success
        job.update_tags(["mine"])
        assert provider.jobs(job_tags=["mine"]) == [job]
        assert [circuit.name for circuit in job.circuits()] == ["bell", "bell"]
        failed = backend.run(dividing_by_zero())
        failed.wait_for_final_state(timeout=deadline(20))
        assert failed.status() is JobStatus.ERROR
        job.delete()

    @pytest.mark.rule(37)
    def test_cancel(self, provider):
        """A client's cancel stops a run, and Celery's revoke may be sent."""
        job = provider.get_backend().run(endless())
        eventually(job.running, what="RUNNING")
        assert job.cancel()
        assert provider.get_backend().run(bell()).result(timeout=deadline(20)).success

    @pytest.mark.rule(37)
    def test_commands(self, provider, server, tmp_path):
        """A client's commands list, watch, keep, account for and delete jobs with its rights."""
        job = provider.get_backend().run(bell())
        job.result(timeout=deadline(20))
        short, file = job.job_id()[:8], str(tmp_path / "bell.npz")
        looks = [["jobs", "--all"], ["watch"], ["usage"], ["workers"]]
        looks += [[command, short] for command in ("watch", "partial", "logs")]
        whole = str(tmp_path / "bell.job")
        keeps = [["export", short, each] for each in (file, whole)]
        keeps.append(["import", whole, "--job-id", f"again-{short}"])
        for arguments in (*looks, *keeps, ["delete", short, "--dry-run"], ["delete", short]):
            done = _command(server, *arguments)
            assert done.returncode == 0, (arguments, done.stderr)
        assert provider.job(f"again-{short}").result().success

    @pytest.mark.rule(37)
    def test_large_parts(self, provider):
        """A worker writes, and a client reads, a result in chunks."""
        from qiskit import QuantumCircuit

        circuit = QuantumCircuit(17)
        circuit.h(range(17))
        result = provider.get_backend("statevector_simulator").run(circuit).result(timeout=deadline(30))
        assert len(result.get_statevector()) == 1 << 17

    def test_revoke(self, provider, server):
        """Invariant 14: a plain Celery client with the client's rights revokes."""
        job = provider.get_backend().run(endless())
        eventually(job.running, what="RUNNING")
        plain = Celery("plain", broker=server.url("client"), backend=server.url("client"), set_as_current=False)
        plain.control.revoke(job.job_id())
        eventually(job.cancelled, what="CANCELLED")
        plain.close()

    @pytest.mark.rule(37)
    def test_flower(self, provider, flower, worker):
        """Flower with its own rights shows workers, tasks and queues, and revokes."""
        backend = provider.get_backend()

        def shown() -> bool:
            # Flower may begin to listen a moment after it has found the workers.
            done = backend.run(bell())
            done.result(timeout=deadline(20))
            return done.job_id() in (flower.api("/api/tasks") or {})

        eventually(shown, within=20, what="a task in Flower")
        assert worker.name in flower.api("/api/workers?refresh=1")
        assert flower.api("/api/queues/length")["active_queues"][0]["name"] == "basicaer"
        job = backend.run(endless())

        def named() -> bool:
            # Events reach Flower behind the record's own state.
            task = (flower.api("/api/tasks") or {}).get(job.job_id(), {})
            return "endless" in (task.get("name") or "")

        try:
            eventually(job.running, what="RUNNING")
            eventually(named, what="its name in Flower")
            assert flower.api(f"/api/task/revoke/{job.job_id()}?terminate=true", "POST")
            eventually(job.cancelled, what="CANCELLED")
        finally:
            job.cancel()  # or the worker has no slot for what comes next
        assert flower.api(f"/api/task/result/{job.job_id()}")["state"] == "REVOKED"

    @pytest.mark.rule(37)
    def test_a_worker_comes_and_goes(self, server, provider):
        """A worker registers, listens to its neighbours, and signs off at its end."""
        second = Worker(server.url("worker"), server.log.parent, name="second", BASICAER_LEASE=LEASE).ready()

        def registered():
            with provider.connection.reaching() as connection:
                return second.name in {info.name for info in connection.store.workers()}

        eventually(registered, what="the registration")
        second.stop()
        eventually(lambda: not registered(), within=2, what="the deregistration")

    def test_doctor(self, server):
        """`basicaer doctor` works with a client's rights, which do not show it the settings of Redis."""
        # It asks for CONFIG, which is refused, as it is by a managed Redis.
        done = _command(server, "doctor")
        assert "127.0.0.1" in done.stdout, done.stdout + done.stderr


#: What each user asks for in vain.
FOREIGN = (
    "GET foreign",
    "SET foreign 1",
    "DEL foreign",
    "HGETALL foreign",
    "SUBSCRIBE foreign",
    "PUBLISH foreign 1",
)
ADMINISTRATION = (
    "FLUSHALL", "FLUSHDB", "CONFIG GET *", "CONFIG SET maxmemory 1", "KEYS *", "SCAN 0", "SHUTDOWN",
    "ACL LIST", "ACL WHOAMI", "MONITOR", "CLIENT LIST", "CLIENT KILL ID 1", "REPLICAOF NO ONE", "SCRIPT FLUSH",
    "FUNCTION LIST", "SAVE", "BGREWRITEAOF", "INFO", "RANDOMKEY", "SWAPDB 0 1", "MODULE LIST",
)  # fmt: skip
DENIED = {
    "client": (
        *FOREIGN, *ADMINISTRATION, "BRPOP basicaer 1", "PSUBSCRIBE basicaer:1:events:*",
        f"SET {keys.PREFIX}fed 1", f"SET {keys.PREFIX}window:basicaer 9", f"SET {keys.QUOTA} 0",
        f"SET {keys.OPERATOR} 1",
        f"HSET {keys.PREFIX}workers:info w 1", "LPUSH w1@test.celery.pidbox 1", "HGET unacked 1",
        "PSUBSCRIBE /0.celeryev/*", "GET _kombu.binding.celeryev",
    ),
    "worker": (*FOREIGN, *ADMINISTRATION, "GET celery", "LPUSH celery 1", "PSUBSCRIBE *"),
    "flower": (
        *FOREIGN, *ADMINISTRATION, f"HGETALL {keys.PREFIX}parts:x", f"HSET {keys.PREFIX}job:x state DONE",
        f"SET {keys.PREFIX}fed 1", "LPUSH basicaer 1", "BRPOP basicaer 1", "SET celery-task-meta-x 1",
        "LPUSH w1@test.celery.pidbox 1", "PUBLISH basicaer:1:events:x 1", "SUBSCRIBE basicaer:1:events:x",
    ),
}  # fmt: skip


class TestNoMore:
    @pytest.mark.rule(37)
    @pytest.mark.parametrize("role", DENIED)
    def test_denied(self, server, role):
        """Neither foreign keys nor the server, nor another role's keys; not in a script either."""
        with server.client(role) as client:
            for command in DENIED[role]:
                with pytest.raises(redis.ResponseError, match=r"no permissions|NOPERM|can't run this command"):
                    client.execute_command(*command.split())
            script = client.register_script("return redis.call('GET', 'foreign')")
            with pytest.raises(redis.ResponseError, match=r"permission|NOPERM|access"):
                script()

    @pytest.mark.rule(37)
    def test_default_user_denied(self, server):
        """Without a user there is nothing, certificate or not."""
        scheme, _, rest = server.url("client").partition("://")
        from worker.record.connection import connect
        from worker.settings import Settings

        nobody = connect(Settings.from_env(f"{scheme}://{rest.partition('@')[2]}", {}))
        with nobody, pytest.raises(redis.RedisError, match=r"(?i)authenticat"):
            nobody.get("foreign")

    @pytest.mark.rule(18)
    def test_denied_is_one_clear_error(self, server):
        """A user whose rights do not suffice is told so, with the cure."""
        provider = BasicAerProvider(server.url("flower"))
        with pytest.raises(BasicAerError, match=r"give the user the rights of deploy/redis/users\.acl"):
            provider.get_backend().run(bell())
        provider.close()


class TestOwners:
    @pytest.mark.rule(8)
    def test_an_operator_has_a_right(self, server, provider):
        """An operator ends another owner's job where Redis allows it; a client's user may not."""
        job = provider.get_backend().run(endless())
        with environment(BASICAER_OWNER="operator"):
            foreign = BasicAerProvider(server.url("client"))
            denied = BasicAerProvider(server.url("client"), as_operator=True)
            operator = BasicAerProvider(server.url("admin"), as_operator=True)
        with pytest.raises(JobError, match=f"belongs to {provider.settings.owner!r}, and you are 'operator'"):
            foreign.job(job.job_id()).cancel()
        with pytest.raises(BasicAerError, match="does not let this user do it"):
            denied.job(job.job_id()).cancel()
        assert job.status() in {JobStatus.QUEUED, JobStatus.RUNNING}
        assert operator.job(job.job_id()).cancel()
        assert job.status() is JobStatus.CANCELLED
        operator.delete_job(job.job_id())
        for each in (foreign, denied, operator):
            each.close()

    def test_sharing_by_prefix_denied_elsewhere(self, server, provider):
        """As docs/how-to/tls.md says: a reader fetches jobs whose ids have the prefix, and does nothing else."""
        text = (ROOT / "docs" / "how-to" / "tls.md").read_text()
        (line,) = re.findall(r"^(ACL SETUSER reader .*)$", text, re.MULTILINE)
        with server.client("admin") as admin:
            admin.execute_command(*shlex.split(line.replace("SECRET", "abc")))
        backend = provider.get_backend()
        shared, other = backend.run(bell(), job_id=f"shared-{uuid.uuid4()}"), backend.run(bell())
        reader = BasicAerProvider(re.sub("//client:[^@]*@", "//reader:abc@", server.url("client")))
        job = reader.job(shared.job_id())
        assert job.result(timeout=deadline(20)).get_counts() == shared.result(timeout=deadline(20)).get_counts()
        assert job.status() is JobStatus.DONE
        assert job.circuits()
        assert job.logs()
        for deed in (job.cancel, job.delete, lambda: job.update_tags(["x"]), lambda: reader.job(other.job_id())):
            with pytest.raises(BasicAerError, match="does not let this user do it"):
                deed()
        with pytest.raises(BasicAerError, match="does not let this user do it"):
            reader.get_backend().run(bell())
        reader.close()


class TestSecrets:
    @pytest.mark.rule(37)
    def test_nowhere(self, server, provider, worker, flower):
        """No log, output, repr, error or pickle has a password in it."""
        job = provider.get_backend().run(bell())
        job.result(timeout=deadline(20))
        wrong = BasicAerProvider(server.url("client").replace("client:", "client:wrong"))
        with pytest.raises(BasicAerError) as refused:
            wrong.get_backend().run(bell())
        wrong.close()
        down = BasicAerProvider(server.url("client").replace(f":{server.port}/", ":1/"))
        with pytest.raises(BasicAerError) as unreachable:
            down.get_backend().run(bell())
        down.close()

        with provider.connection.reaching() as connection:
            app = connection.app
            # The client that doctor is asks for CONFIG in vain.
            seen = {
                "the worker's log": worker.log.read_text(),
                "Redis's log": server.log.read_text(),
                "Flower's log": flower.log.read_text(),
                "Redis's users": (server.folder / "users.acl").read_text(),
                "doctor": "".join(_output(_command(server, "doctor"))),
                "demo": "".join(_output(_command(server, "demo", "--no-such-option"))),
                "reprs": "".join(map(repr, (provider, job, job.backend(), provider.settings, connection.store))),
                "strs": "".join(map(str, (provider, job, provider.settings, refused.value, unreachable.value))),
                "errors": repr(refused.value) + repr(unreachable.value),
                "the app": repr(app) + repr(app.backend) + repr(app.connection_for_read()),
                "a pickle": pickle.dumps(job).decode("latin-1") + provider.address,
            }
        for place, text in seen.items():
            assert text, place
            assert not any(secret in text for secret in server.secrets()), place
            assert "wrong" not in seen["strs"].replace("wrong version", "")


def _command(server: SecuredRedis, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"BASICAER_URL": server.url("client"), "COLUMNS": "300"}
    return subprocess.run(
        [BASICAER, *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=deadline(60),
        check=False,
    )


def _output(done: subprocess.CompletedProcess[str]) -> tuple[str, str]:
    return done.stdout, done.stderr
