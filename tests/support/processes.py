"""Real servers and workers for tests: each started here, waited for with a deadline, and ended by pid."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import pytest
import redis
from celery import Celery
from celery.app.control import Control
from support.patience import deadline, setting

from worker.cluster.redis_server import RedisServerError, find_redis_server

T = TypeVar("T")
ROOT = Path(__file__).parents[2]


def eventually(probe: Callable[[], T], *, within: float = 10.0, what: str = "the condition") -> T:
    """Return the probe's first true value; fail once the `deadline` of so many seconds is over."""
    begin = time.monotonic()
    while True:
        value = probe()
        if value:
            return value
        # The load is asked anew: it may have come meanwhile.
        if (waited := time.monotonic() - begin) > within and waited > deadline(within):
            pytest.fail(f"{what} did not come about within {waited:.1f} s; last seen: {value!r}")
        time.sleep(0.02)


def running(job: Any) -> Any:
    """Wait until a worker runs the job."""
    eventually(job.running, within=15, what="RUNNING")
    return job


def never(probe: Callable[[], Any], *, within: float, what: str) -> None:
    """Fail if the probe is true once in so many seconds; on a busy machine in no more, as that hurries nothing."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        if value := probe():
            pytest.fail(f"{what} came about: {value!r}")
        time.sleep(0.02)


def redis_binary() -> str:
    """Return the server that the embedded cluster would run; where there is none, skip, but fail in CI."""
    try:
        return str(find_redis_server().path)
    except RedisServerError as error:
        missing(str(error))


def missing(what: str) -> NoReturn:
    """Skip the test, which needs a program that is not there; but fail in CI, which installs it."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


class RedisServer:
    """A redis-server on a unix socket of its own, with an append-only file."""

    def __init__(self, folder: Path, *options: str, password: str | None = None) -> None:
        self.folder = folder
        self.socket = folder / "redis.sock"
        login = f":{password}@" if password else ""
        self.url = f"redis+socket://{login}{self.socket}?virtual_host=0"
        self._password = password
        self._options = (*options, "--requirepass", password) if password else options
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> RedisServer:
        command = [
            redis_binary(), "--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder),
            "--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction", *self._options,
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        with _or_stopped(self):
            eventually(self._answers, what="redis-server's answer")
        return self

    def client(self, **options: Any) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket), password=self._password, **options)

    def _answers(self) -> bool:
        with contextlib.suppress(redis.RedisError), self.client() as client:
            return bool(client.ping())
        return False

    def stop(self, sig: int = signal.SIGKILL) -> None:
        end(self.process, sig)

    def kill(self) -> None:
        """Kill it once all that it has answered is in its file, which it puts off while the disk is slow."""

        def written() -> bool:
            with self.client() as client:
                return not client.info("persistence")["aof_buffer_length"]

        eventually(written, what="the append-only file")
        self.stop()


class Worker:
    """A Celery worker node; ``command`` is run from the folder that the tests' Python is in."""

    def __init__(
        self,
        url: str,
        folder: Path,
        *,
        name: str = "w1",
        slots: int = 1,
        command: Sequence[str] = ("celery", "-A", "worker", "worker"),
        level: Sequence[str] = ("-l", "INFO"),
        cwd: Path = ROOT,
        **environment: str,
    ) -> None:
        self.log = folder / f"{name}.log"
        self.name = f"{name}@test"
        program, *arguments = command
        line = [
            str(Path(sys.executable).parent / program), *arguments,
            "-c", str(slots), "-n", self.name, *level,
        ]  # fmt: skip
        env = os.environ | {"BASICAER_URL": url, "BASICAER_LEASE": str(setting(5))} | environment
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                line, cwd=cwd, env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def ready(self) -> Worker:
        with _or_stopped(self):
            eventually(self._answers, within=30, what=self.name)
            if self.process.poll() is not None:
                pytest.fail(f"worker {self.name} did not start:\n{self.log.read_text()[-3000:]}")
        return self

    def _answers(self) -> bool:
        said = self.log.read_text()
        return "ready." in said or "is ready at" in said or self.process.poll() is not None

    def stop(self, sig: int = signal.SIGTERM) -> None:
        end(self.process, sig)
        # What a killed parent left of its pool, by the process group that it led.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


def control_of(app: Celery, *workers: Worker) -> Control:
    """Return how workers are told things, as soon as they listen.

    What is broadcast before a worker has subscribed is lost, and it says that it is ready before that.
    """
    names = [worker.name for worker in workers]
    answers = partial(app.control.ping, destination=names, timeout=deadline(1))
    eventually(
        lambda: {name for answer in answers() for name in answer} >= set(names), within=30, what="an answer"
    )
    return app.control


@contextlib.contextmanager
def _or_stopped(started: RedisServer | Worker) -> Iterator[None]:
    """Stop what was started where the block fails: nobody else has it yet."""
    try:
        yield
    except BaseException:
        started.stop()
        raise


def end(process: subprocess.Popen[Any] | None, sig: int) -> None:
    """Signal a process of ours and wait for its end; a deaf one is killed."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(sig)
    try:
        process.wait(deadline(15))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(deadline(5))


@contextlib.contextmanager
def started(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Run a process while a block does; one that has not ended by then is killed, as Popen would wait for it."""
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            end(process, signal.SIGKILL)


@contextlib.contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set environment variables for a block."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


def elsewhere(url: str, code: str, *arguments: str) -> str:
    """Run code in another process that knows only the URL."""
    script = "import sys\nfrom jobs import *\nprovider = BasicAerProvider()\n" + code
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=os.environ | {"BASICAER_URL": url},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=deadline(60),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def printed_by(file: str, *arguments: str, **variables: str) -> str:
    """Run a test's file as a program, in a process of its own, and return what it prints."""
    done = subprocess.run(
        [sys.executable, file, *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT / "tests", ROOT)))} | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=deadline(60),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
