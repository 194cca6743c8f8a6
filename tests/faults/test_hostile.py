"""What a hostile client, or a neighbour in Redis, can write: refused with a clear text, and the worker lives.

`tests/unit/simulator/shards/test_wire_fuzz.py` tests what a message may hold; here it goes to a real worker.
"""

from __future__ import annotations

import base64
import json
import pickle
import shutil
import signal
import tempfile
import uuid
from pathlib import Path

import msgspec
import psutil
import pytest
from celery import Celery
from qiskit.providers import JobError, JobStatus
from support.circuits import bell
from support.patience import deadline
from support.processes import RedisServer, Worker, environment, eventually
from support.uploads import write_payload

from jobs import BasicAerProvider
from jobs.errors import BasicAerError
from simulator.shards import wire
from simulator.shards.part import Part
from worker.record import chunks, keys
from worker.record.values import NewJob
from worker.settings import QUEUE, TASK


@pytest.fixture(scope="module")
def server():
    server = RedisServer(Path(tempfile.mkdtemp(prefix="basicaer-hostile-"))).start()
    yield server
    server.stop()
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def worker(server):
    worker = Worker(server.url, server.folder, name="victim", BASICAER_LEASE="5").ready()
    yield worker
    worker.stop(signal.SIGKILL)


@pytest.fixture(scope="module")
def provider(server, worker):
    with environment(BASICAER_LEASE="5"):
        provider = BasicAerProvider(server.url)
    yield provider
    provider.close()


@pytest.fixture
def redis(server):
    with server.client() as client:
        yield client


@pytest.fixture(autouse=True)
def worker_lives(worker, provider):
    """After each test the same worker, with the same child, takes the next job at once."""
    children = _children(worker)
    yield
    result = provider.get_backend().run(bell(), seed_simulator=1).result(timeout=deadline(20))
    assert result.success
    assert worker.process.poll() is None
    assert _children(worker) == children, "a child was lost"


def _children(worker) -> list[int]:
    return [child.pid for child in psutil.Process(worker.process.pid).children()]


def submitted(provider, shards, *, manifest=None, job_timeout=60.0, tamper=lambda _: None):
    """Submit a job of these bytes, as a client with none of our checks would."""
    job_id = f"hostile-{uuid.uuid4()}"
    if manifest is None:
        manifest = provider.get_backend().create_job(bell())._submission.job.manifest
    with provider.connection.reaching() as connection:
        size = write_payload(connection.store, job_id, shards)
        tamper(keys.key("upload", job_id))
        new = NewJob(
            id=job_id, owner=provider.settings.owner, total=len(shards), digest="d", payload_bytes=size,
            result_bytes=0, backend="qasm_simulator", manifest=manifest, expires=60, job_timeout=job_timeout,
        )  # fmt: skip
        connection.store.submit(new)
    return job_id


def refusal(provider, job_id) -> str:
    """Wait for the end, which is ERROR without a lapse, and return the text; all of the record is short."""

    def ended():
        with provider.connection.reaching() as connection:
            record = connection.store.read(job_id)
        return record if record.final else None

    record = eventually(ended, within=20, what="the job's end")
    assert (record.state, record.lapses) == ("ERROR", 0)
    assert len(record.error_text) < 1000
    assert len(record.traceback or "") < 10_000
    return f"{record.error_type}: {record.error_text}"


def message(instructions, *, num_qubits=2, variables=(), **options) -> bytes:
    """A shard of one program, built without our checks."""
    body = [num_qubits, 1, [*instructions, ["measure", 0, 0]], ["name", [], [], None], 0.0, variables]
    shard = [{"output": "counts", "shots": 3} | options, [["circuit", 0, 0, body]]]
    return b"BAC" + bytes([wire.WIRE_VERSION]) + msgspec.msgpack.encode(shard)


class Witness:
    """Unpickled, it leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self):
        return Path.touch, (self._mark,)


ROUNDS = {"start": 0, "stop": 10**18}
DEEP = b"\x92\xa3box\x91"
#: A shard's bytes, and what its job's error says.
REFUSED = {
    "nothing": (b"", "WireError: not a BasicAer message"),
    "garbage": (b"\xff" * 5000, "WireError: not a BasicAer message"),
    "another version": (b"BAC\x63" + b"x" * 50, "WireError: wire version 99; this side reads 1"),
    "truncated": (message([])[:-9], "WireError: malformed message"),
    "a claim of 2^32 elements": (b"BAC\x01\x92\xdd\xff\xff\xff\xff", "WireError: malformed message"),
    "a shape of 2^60": (message([["diagonal", ["c16", [2**60], b""], [0]]]), "does not have shape"),
    "bodies without end": (b"BAC\x01" + DEEP * 100_000, "WireError: malformed message"),
    "nested too deep": (
        message([])[:-1].replace(b"\x91\x93\xa7measure\x00\x00", b"\x91" + DEEP * 150 + b"\x93\xa7measure\x00\x00")
        + b"\x90",
        "control flow is nested more than 100 deep",
    ),
    "a name of 3 MB": (message([["gate", "x" * 3_000_000, [0], [], [], None]]), "unknown gate 'xxx"),
    "an infinite angle": (message([["gate", "rx", [0], [float("inf")], [], None]]), "not finite"),
    "4096 qubits": (
        message([["gate", "rx", [qubit], [0.3], [0], None] for qubit in [*range(1, 4096)] * 2], num_qubits=4096),
        "MemoryRefusedError: 4096 qubits need 32 * 2^4096 bytes",
    ),
    "2^40 qubits": (message([], num_qubits=2**40), "WireError: malformed message: 1099511627776 qubits"),
    "2^62 shots": (message([], shots=2**62), "MemoryRefusedError: "),
    "a control state of 2^63": (
        message([["gate", "x", [0], [], [1], 2**63]]),
        "control state 9223372036854775808",
    ),
    "an integer that grows": (
        message(
            [
                ["store", ["var", 0], ["literal", ["uint", 64], "0xffffffffffffffff"]],
                [
                    "for",
                    ROUNDS,
                    [[["store", ["var", 0], ["binary", "mul", ["float"], ["var", 0], ["var", 0]]]]],
                    None,
                ],
            ],
            variables=[["v", ["float"]]],
        ),
        "InvalidProgramError: an integer where the program says Float",
    ),
}


class TestPayload:
    @pytest.mark.rule(36)
    @pytest.mark.parametrize(("shard", "text"), REFUSED.values(), ids=REFUSED)
    def test_refused(self, provider, shard, text):
        """The job is ERROR at once, its text says why, and no worker died of it."""
        assert text in refusal(provider, submitted(provider, [shard]))

    @pytest.mark.rule(36)
    def test_a_pickle(self, provider, tmp_path):
        """A pickle is not loaded, in place of a message or within one."""
        mark = tmp_path / "executed"
        assert pickle.loads(pickle.dumps(Witness(mark))) is None
        assert mark.exists()
        mark.unlink()
        evil = pickle.dumps(Witness(mark))
        for shard in (evil, b"BAC\x01" + evil):
            assert refusal(provider, submitted(provider, [shard])).startswith("WireError: ")
        assert not mark.exists()

    @pytest.mark.rule(30)
    @pytest.mark.parametrize(
        "body",
        [
            [["for", ROUNDS, [[["reset", 0]]], None]],
            [["for", ROUNDS, [[["for", ROUNDS, [[["gate", "h", [0], [], [], None]]], None]]], None]],
        ],
        ids=["rounds", "rounds in rounds"],
    )
    def test_rounds_without_end(self, provider, body):
        """10^18 rounds take no memory, and end at the job's `job_timeout`."""
        text = refusal(provider, submitted(provider, [message(body)], job_timeout=1.5))
        assert text.startswith("JobDeadlineError: the job was not done within the 1.5 s")

    @pytest.mark.rule(9)
    def test_rounds_are_cancelled(self, provider):
        """10^18 rounds end when their job is cancelled."""
        job = provider.job(submitted(provider, [message([["for", ROUNDS, [[]], None]])]))
        eventually(job.running, what="RUNNING")
        assert job.cancel()

    @pytest.mark.rule(36)
    @pytest.mark.parametrize(
        ("field", "text"),
        [
            (b"\0#1000000000", "WireError: a header of b'1000000000' chunks; there may be 1 to "),
            (b"\0#-5", "WireError: a header of b'-5' chunks"),
            (b"\0#" + b"9" * 5000, "WireError: a header of b'99999999999999999999' chunks"),
            (b"\0#x", "WireError: a header of b'x' chunks"),
            (b"\0#3", "PayloadMissingError: "),
            (b"\0!died", "WireError: not a BasicAer message"),
        ],
    )
    def test_a_header_that_lies(self, provider, redis, field, text):
        """A header of chunks that are not there, or that are beyond counting, is refused."""
        job_id = submitted(provider, [message([])], tamper=lambda key: redis.hset(key, "0", field))
        assert refusal(provider, job_id).startswith(text)

    @pytest.mark.rule(36)
    def test_a_count_that_lies(self, provider, redis):
        """Fewer chunks than there are make a message that is cut off, and more are missed."""
        large = message([["delay", 0, None, "x" * 9_000_000]])
        assert chunks.CHUNK_BYTES < len(large) < 2 * chunks.CHUNK_BYTES
        for claimed, text in ((1, "WireError: malformed message"), (3, "PayloadMissingError: ")):
            job_id = submitted(provider, [large], tamper=lambda key, n=claimed: redis.hset(key, "0", b"\0#%d" % n))
            assert refusal(provider, job_id).startswith(text)

    @pytest.mark.rule(36)
    def test_a_shard_that_is_not_there(self, provider, redis):
        """A payload that lacks a shard is an error that says so."""
        good = message([])
        job_id = submitted(provider, [good, good], tamper=lambda key: redis.hdel(key, "1"))
        assert refusal(provider, job_id).startswith("PayloadMissingError: the payload of ")


class TestResult:
    @pytest.fixture
    def done(self, provider):
        """A job that is done, and that nobody has fetched."""
        job = provider.get_backend().run(bell())
        job.wait_for_final_state(timeout=deadline(20))
        return provider.job(job.job_id())

    @pytest.mark.rule(36)
    @pytest.mark.parametrize(
        "part",
        [
            b"",
            b"garbage",
            pickle.dumps(print),
            b"BAC\x07" + b"\x90",
            b"BAC\x01\x91\xdd\xff\xff\xff\xff",
            b"\0#1000000000",
            b"\0#nine",
            bytes(wire.encode(Part()))[:-1],
        ],
        ids=["empty", "garbage", "pickle", "version", "claim", "chunks", "no number", "truncated"],
    )
    def test_a_part_that_was_tampered_with(self, done, redis, part):
        """What is no part of ours makes result() raise one clear error."""
        redis.hset(keys.key("parts", done.job_id()), "0", part)
        with pytest.raises(JobError, match=f"The result of job {done.job_id()} cannot be read: "):
            done.result()
        assert done.status() is JobStatus.DONE

    @pytest.mark.rule(13)
    @pytest.mark.parametrize("field", [b"\0#3", None])
    def test_a_part_that_is_gone(self, done, redis, field):
        """Chunks or parts that are not there are an error, not a shorter result."""
        key = keys.key("parts", done.job_id())
        redis.hset(key, "0", field) if field else redis.hdel(key, "0")
        with pytest.raises(JobError, match="cannot be had any more"):
            done.result()

    @pytest.mark.rule(36)
    def test_a_manifest_that_is_garbage(self, provider):
        """A job without a readable description is run or refused, and its client told."""
        job_id = submitted(provider, [message([])], manifest=b"\x80garbage")
        with pytest.raises(BasicAerError, match="the job's description cannot be read"):
            provider.job(job_id)


class TestMessages:
    @pytest.fixture
    def plain(self, server):
        app = Celery("plain", broker=server.url, backend=server.url, set_as_current=False)
        yield app
        app.close()

    @pytest.mark.rule(36)
    @pytest.mark.parametrize(
        "shard_id",
        [
            ("a/b/c", 0),
            ("a:b", 0),
            ("a\0b", 0),
            ("", 0),
            ("x" * 129, 0),
            ("x" * 1_000_000, 0),
            ("*", 0),
            ("../../etc", "0"),
            ("job", -1),
            ("job", 2**70),
            ("job", "0/../1"),
            ("job", 1e300),
            ("job", [0]),
            ({"job": 1}, {}),
        ],
        ids=lambda shard_id: f"{shard_id!r:.20}",
    )
    def test_shard_ids_that_are_none(self, plain, redis, shard_id):
        """Ids with separators, and numbers that are none, touch no key of the record."""
        before = set(redis.keys(f"{keys.PREFIX}*:*"))
        plain.send_task(TASK, args=shard_id, queue=QUEUE)
        eventually(lambda: redis.llen(QUEUE) == 0, what="the message's end")
        new = {key for key in set(redis.keys(f"{keys.PREFIX}*:*")) - before if b"job" in key or b"parts" in key}
        assert new <= set(redis.keys(f"{keys.PREFIX}*hostile*"))

    @pytest.mark.rule(36)
    def test_envelopes_that_are_none(self, plain, redis, tmp_path):
        """A message with a foreign serializer, body or task executes nothing."""
        mark = tmp_path / "executed"
        evil = base64.b64encode(pickle.dumps(((Witness(mark),), {}, {}))).decode()
        for content in ("application/x-python-serialize", "application/data", "application/json", "text/plain"):
            plain_envelope = _envelope(evil, content)
            redis.lpush(QUEUE, json.dumps(plain_envelope))
        for task in ("os.system", "worker.tasks.run_shard", "celery.backend_cleanup2", "__main__.exec"):
            plain.send_task(task, args=(f"touch {mark}",), queue=QUEUE)
        eventually(lambda: redis.llen(QUEUE) == 0, what="the messages' end")
        assert not mark.exists()


def _envelope(body: str, content_type: str) -> dict:
    """A message as kombu puts it into a list."""
    task_id = str(uuid.uuid4())
    return {
        "body": body,
        "content-encoding": "binary",
        "content-type": content_type,
        "headers": {
            "lang": "py",
            "task": TASK,
            "id": task_id,
            "root_id": task_id,
            "argsrepr": "()",
            "kwargsrepr": "{}",
        },
        "properties": {
            "correlation_id": task_id,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": QUEUE},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
        },
    }
