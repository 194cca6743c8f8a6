"""Whatever is wrong with Redis or its address, a client gets one clear error, before long."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from support.circuits import bell
from support.command_line import basicaer
from support.patience import deadline
from support.processes import RedisServer
from support.secured import free_port

from jobs import BasicAerError, BasicAerProvider, UnreachableError
from worker.errors import STORE_FAULTS
from worker.settings import MOST_SECONDS

pytestmark = pytest.mark.rule(18)

#: Everything that means something in a URL.
PASSWORD = "p/a#s?s@w:o%r&d=[]+ "  # noqa: S105 (a test's)


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """Host and port of a Redis with a password."""
    port = free_port()
    server = RedisServer(tmp_path_factory.mktemp("r"), "--port", str(port), password=PASSWORD)
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop()


def refused(url: object) -> BasicAerError:
    """The one error of each call with this URL; it comes within the time that was set, and shows no password."""
    errors = []
    for call in (lambda provider: provider.jobs(), lambda provider: provider.get_backend().run(bell())):
        begun = time.monotonic()
        with pytest.raises(BasicAerError) as error:
            call(BasicAerProvider(url))
        assert time.monotonic() - begun < 8
        assert PASSWORD not in str(error.value)
        assert quote(PASSWORD, safe="") not in str(error.value)
        errors.append(error.value)
    assert str(errors[0]) == str(errors[1])
    return errors[0]


def test_an_encoded_password(address):
    """A password of any characters works once it is percent-encoded, for the store and for Celery."""
    provider = BasicAerProvider(f"redis://:{quote(PASSWORD, safe='')}@{address}/3")
    job = provider.get_backend().run(bell())
    assert job.status().name == "QUEUED"
    assert job.cancel() is True
    assert job.async_result.state == "REVOKED"
    assert repr(provider) == f"<BasicAerProvider('redis://{address}/3')>"
    provider.close()


@pytest.mark.rule(18)
def test_a_command_to_workers_ends_without_a_broker(tmp_path):
    """A revoke that Celery cannot publish, as Redis went away since the record, is bounded."""
    server = RedisServer(tmp_path).start()
    provider = BasicAerProvider(server.url)
    with provider.connection.reaching() as connection:
        connection.app.control.revoke("before")
        server.stop()
        begun = time.monotonic()
        with pytest.raises(STORE_FAULTS):
            connection.app.control.revoke("after")
        assert time.monotonic() - begun < deadline(10)
    provider.close()


@pytest.mark.parametrize("login", [":wrong@", "somebody:wrong@", "wrong@"])
def test_a_wrong_password(address, login):
    """Without the right user and password, the error says how a URL has them."""
    error = refused(f"redis://{login}{address}/0")
    assert str(error).startswith(f"Redis at redis://{address}/0 does not accept the user and password of the URL")
    assert "redis://:PASSWORD@HOST:6379/0, percent-encoded (" in str(error)
    assert isinstance(error, UnreachableError)


def test_no_password(address):
    """Without a password, as in a process that unpickled a backend, the error says where one is set."""
    error = refused(f"redis://{address}/0")
    assert str(error).startswith(f"Redis at redis://{address}/0 wants a password, and the URL has none")
    assert "set BASICAER_URL in this one (" in str(error)
    assert isinstance(error, UnreachableError)


def test_a_database_that_is_not_there(address):
    """A database above Redis's own is named."""
    error = refused(f"redis://:{quote(PASSWORD, safe='')}@{address}/16")
    assert str(error).startswith(f"Redis at redis://{address}/16 has no such database: use /0")


@pytest.mark.parametrize("url", [6379, "localhost", "redis://h/abc", "redis://h:99999", "redis://h:port",
                                 "redis://a:1,b:2/0", f"redis://:{PASSWORD}@localhost:6379/0"])  # fmt: skip
def test_what_is_no_url(url):
    """What cannot be a URL is refused by the provider itself."""
    with pytest.raises(BasicAerError, match=r"^cannot use"):
        BasicAerProvider(url)


def test_a_cluster(tmp_path):
    """A Redis Cluster is named as what it is."""
    # The nodes of a cluster talk to each other on the port 10,000 above.
    port = next(port for port in iter(free_port, None) if port + 10_000 < 1 << 16)
    server = RedisServer(tmp_path, "--port", str(port), "--cluster-enabled", "yes").start()
    try:
        assert "is part of a cluster: give the address of a Redis that is none" in str(
            refused(f"redis://127.0.0.1:{port}/0")
        )
    finally:
        server.stop()


def test_a_server_that_is_no_redis():
    """A port where something else answers is an address that is wrong."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    caller, _ = listener.accept()
                except OSError:
                    return
                with caller:
                    caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        error = refused(f"redis://127.0.0.1:{listener.getsockname()[1]}/0")
        listener.shutdown(socket.SHUT_RDWR)
    assert str(error).startswith("Cannot reach Redis at redis://127.0.0.1:")


@pytest.mark.parametrize(
    "command", [["jobs"], ["status", "x"], ["cancel", "x"], ["workers"], ["worker"], ["flower"], ["demo"]]
)
@pytest.mark.parametrize("character", "/#?@")
def test_the_command_line(command, character):
    """A password that is not encoded ends each command with 2 and one line, which holds nothing of it."""
    # An @ alone is the password's own: both libraries take the last one for the login's end.
    password = f"XQZ{character}/WKJ"
    done = basicaer(*command, url=f"redis://:{password}@127.0.0.1:1/0")
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "percent-encode the password" in done.stderr
    assert not any(text in done.output for text in ("XQZ", "WKJ", "Traceback"))


def test_the_longest_times(provider):
    """A job with the longest times that are taken runs like any other."""
    job = provider.get_backend().run(bell(), job_timeout=MOST_SECONDS, expires=MOST_SECONDS, seed_simulator=1)
    assert job.result(timeout=deadline(60)).get_counts() == {"00": 515, "11": 509}
