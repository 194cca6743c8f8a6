"""Redis behind TLS: one URL serves redis-py, kombu and Celery's backend, and only the CA's own get in."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from celery import Celery
from celery.result import AsyncResult
from support.circuits import bell
from support.patience import deadline, setting
from support.processes import Worker, environment, eventually
from support.secured import SecuredRedis, prepare

from jobs import BasicAerProvider
from jobs.errors import BasicAerError, UnreachableError
from worker.queue.app import make_app
from worker.settings import Settings, SettingsError

LEASE = str(setting(2))


@pytest.fixture(scope="module")
def folder():
    folder = Path(tempfile.mkdtemp(prefix="basicaer-tls-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def server(folder):
    server = SecuredRedis(folder).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def strangers(folder):
    """What another CA signed."""
    prepare(folder / "strangers")
    return folder / "strangers"


@pytest.fixture
def provider(request):
    """Make providers with a short bound."""

    def make(url):
        with environment(BASICAER_CONNECT_TIMEOUT=LEASE, BASICAER_LEASE=LEASE):
            made = BasicAerProvider(url)
        request.addfinalizer(made.close)
        return made

    return make


@pytest.mark.rule(37)
def test_main_job(server, folder, provider):
    """A job goes over TLS with client certificates, from client to worker and back, and Celery agrees."""
    worker = Worker(server.url("worker"), folder, name="tls", BASICAER_LEASE=LEASE).ready()
    plain = Celery("plain", broker=server.url("client"), backend=server.url("client"), set_as_current=False)
    try:
        job = provider(server.url("client")).get_backend().run(bell(), seed_simulator=7)
        assert sum(job.result(timeout=deadline(20)).get_counts().values()) == 1024
        assert AsyncResult(job.job_id(), app=plain).get(timeout=deadline(10))["experiments"] == 1
    finally:
        worker.stop()
        plain.close()


#: What is wrong with a client -> its URL's parameters, and what the error says.
REFUSED = {
    "no certificate": (
        {"ssl_certfile": None, "ssl_keyfile": None},
        "certificate required|closed|reset|EOF|broken pipe",
    ),
    "no CA": ({"ssl_ca_certs": None}, "certificate verify failed"),
    "another CA": ({"ssl_ca_certs": "{strangers}/ca.crt"}, "certificate verify failed"),
    "another CA, unsaid": (
        {"ssl_ca_certs": "{strangers}/ca.crt", "ssl_cert_reqs": None},
        "certificate verify failed",
    ),
    "another CA's certificate": (
        {"ssl_certfile": "{strangers}/client.crt", "ssl_keyfile": "{strangers}/client.key"},
        "unknown ca|closed|reset|EOF|broken pipe",
    ),
}


@pytest.mark.rule(18, 37)
@pytest.mark.parametrize(("changes", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused(server, strangers, provider, changes, reason):
    """Who has not both certificates of one CA gets one clear error, without the password."""
    changes = {name: value and value.format(strangers=strangers) for name, value in changes.items()}
    with pytest.raises(
        UnreachableError, match=f"(?i)Cannot reach Redis at rediss://127.0.0.1.*({reason})"
    ) as refused:
        provider(server.url("client", **changes)).get_backend().run(bell())
    assert not any(secret in str(refused.value) for secret in server.secrets())


@pytest.mark.rule(18, 37)
@pytest.mark.parametrize(
    ("old", "new"), [("client:", "client:x"), ("rediss:", "redis:")], ids=["password", "plain"]
)
def test_refused_without_tls_or_password(server, provider, old, new):
    """Neither a wrong password nor a client that does not encrypt gets in."""
    url = server.url("client").replace(old, new, 1)
    url = url if "rediss" in url else url.partition("?")[0]
    with pytest.raises(UnreachableError, match="Redis at redis") as refused:
        provider(url).get_backend().run(bell())
    assert not any(secret in str(refused.value) for secret in server.secrets())


@pytest.mark.rule(37)
def test_a_worker_without_a_certificate(server, folder):
    """A worker that Redis refuses says so, goes on trying, and never logs its password."""
    worker = Worker(server.url("worker", ssl_certfile=None, ssl_keyfile=None), folder, name="bare")
    try:
        eventually(lambda: "Cannot connect to" in worker.log.read_text(), within=30, what="the refusal")
        assert worker.process.poll() is None
    finally:
        worker.stop()
    log = worker.log.read_text()
    assert not any(secret in log for secret in server.secrets())


@pytest.mark.parametrize("name", ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile"])
def test_a_file_that_is_not_there(name):
    """A certificate that cannot be read is named before anything is connected."""
    with pytest.raises(BasicAerError, match=f"{name} must name a file that this user may read"):
        BasicAerProvider(f"rediss://:pw@host/0?{name}=/no/such/file")


def test_parameters_without_tls():
    """TLS parameters of a URL that does not encrypt are refused, not ignored."""
    with pytest.raises(
        SettingsError, match="ssl_cert_reqs would encrypt nothing here: TLS takes the scheme rediss"
    ):
        Settings.from_env("redis://host/0?ssl_cert_reqs=required", {})
    with pytest.raises(SettingsError, match="ssl_cert_reqs must be one of required, optional, none"):
        Settings.from_env("rediss://host/0?ssl_cert_reqs=maybe", {})


@pytest.mark.parametrize(
    ("query", "checked"),
    [("", "required"), ("?ssl_cert_reqs=CERT_REQUIRED", "required"), ("?ssl_cert_reqs=none", "none")],
)
def test_one_spelling_for_all(query, checked):
    """Both libraries get one spelling; a URL that says nothing means that the server's certificate is checked."""
    settings = Settings.from_env(f"rediss://:pw@host:1/0{query}", {})
    assert settings.broker_url == settings.store_url == f"rediss://:pw@host:1/0?ssl_cert_reqs={checked}"
    assert settings.tls == {"ssl_cert_reqs": checked}
    assert make_app(settings).conf.broker_use_ssl == settings.tls


@pytest.mark.rule(37)
def test_the_passphrase_of_a_key_is_masked():
    """A URL's `ssl_password` is no more shown than its password."""
    settings = Settings.from_env("rediss://:pw@host:1/0?ssl_password=hush", {})
    assert "hush" not in settings.address + repr(settings)
