"""Settings: the environment, checked; URLs for Celery, for redis-py, and for people."""

from __future__ import annotations

import dataclasses
import re

import pytest

from worker.settings import Settings, SettingsError
from worker.url import masked


def test_defaults():
    """Without variables, every setting has its documented default."""
    settings = Settings.from_env(environ={})
    assert (settings.url, settings.lease, settings.result_ttl) == ("", 10.0, 7 * 86400.0)
    assert settings.max_qubits == 30
    assert settings.broker_url == settings.store_url == "redis://localhost:6379/0"


def test_every_field_has_a_variable():
    """Each setting names one BASICAER_ variable, and no two the same."""
    variables = [field.metadata["variable"] for field in dataclasses.fields(Settings)]
    assert all(variable.startswith("BASICAER_") for variable in variables)
    assert len(set(variables)) == len(variables)


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("MAX_RESULT_BYTES", "2G", 2 << 30),
        ("MAX_RESULT_BYTES", "500 MiB", 500 << 20),
        ("STORE_QUOTA", "0", 0),
        ("MEMORY", "1.5 GiB", 3 << 29),
        ("MEMORY", "2g", 2 << 30),
        ("MEMORY", "16777216", 16 << 20),
        ("CONCURRENCY", "3", 3),
        ("LEASE", "2.5", 2.5),
        ("MAX_QUBITS", "24", 24),
        ("OWNER", "lab-7", "lab-7"),
        ("METRICS", "9809", ("127.0.0.1", 9809)),
        ("METRICS", "0.0.0.0:0", ("0.0.0.0", 0)),  # noqa: S104 (nothing listens)
        ("METRICS", "[::1]:9809", ("::1", 9809)),
    ],
)
def test_parsed(variable, text, value):
    """Variables are parsed: sizes with units, seconds, counts, names."""
    settings = Settings.from_env(environ={f"BASICAER_{variable}": text})
    assert getattr(settings, variable.lower()) == value


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("METRICS", "65536"),
        ("METRICS", "localhost"),
        ("METRICS", "::1:80"),
        ("LEASE", "soon"),
        ("LEASE", "-1"),
        ("LEASE", "inf"),
        ("JOB_TIMEOUT", "1e18"),
        ("CONNECT_TIMEOUT", "1e10"),
        ("MAX_RESULT_BYTES", "2 GX"),
        ("MAX_RESULT_BYTES", "1.5"),
        ("MEMORY", "0"),
        ("MEMORY", "8"),
        ("MEMORY", "15.9M"),
        ("MAX_RESULT_BYTES", "0"),
        ("MAX_RESULT_BYTES", "1"),
        ("STORE_QUOTA", "4"),
        ("LEASE", "nan"),
        ("LEASE", "1e-4"),
        ("EXPIRES", "1e300"),
        ("CONNECT_TIMEOUT", "1e18"),
        ("CONCURRENCY", "100000"),
        ("MEMORY", "-1G"),
        ("MEMORY", "80%"),
        ("CONCURRENCY", "0"),
        ("MAX_QUBITS", "0"),
        ("OWNER", "a:b"),
        ("OWNER", "x" * 65),
    ],
)
def test_refused(variable, text):
    """A value that cannot be used is refused with the variable, the value, and what it takes."""
    with pytest.raises(SettingsError, match=f"BASICAER_{variable}='{re.escape(text)}' cannot be used: it takes "):
        Settings.from_env(environ={f"BASICAER_{variable}": text})


def test_a_size_without_its_unit_is_told_what_it_takes():
    """8 of memory are 8 bytes, in which nothing runs: the refusal shows units, and the least."""
    with pytest.raises(SettingsError, match=r"MEMORY='8' .* its unit, as in 500M or 1.5GiB.* least 16 MiB"):
        Settings.from_env(environ={"BASICAER_MEMORY": "8"})


def test_unknown_scheme():
    """A URL of another scheme is refused, and its password is not shown."""
    with pytest.raises(SettingsError, match="amqp://host/") as refused:
        Settings.from_env("amqp://me:s3cret@host/", environ={})
    assert "s3cret" not in str(refused.value)


def test_url_goes_before_the_environment():
    """An explicit URL wins over BASICAER_URL."""
    environ = {"BASICAER_URL": "redis://a:1/0"}
    assert Settings.from_env(environ=environ).url == "redis://a:1/0"
    assert Settings.from_env("redis://b:2/0", environ).url == "redis://b:2/0"


def test_unix_socket_without_password():
    """A socket's URL without a password keeps its three slashes."""
    settings = Settings.from_env("redis+socket:///run/r.sock?virtual_host=0", environ={})
    assert settings.store_url == "unix:///run/r.sock?db=0"
    assert settings.broker_url == "redis+socket:///run/r.sock?virtual_host=0"


@pytest.mark.parametrize(
    "url", ["redis+socket://:p%40w@/run/r.sock?virtual_host=3", "unix://:p%40w@/run/r.sock?db=3"]
)
def test_unix_sockets(url):
    """Both spellings of a unix socket become what Celery and what redis-py take."""
    settings = Settings.from_env(url, environ={})
    assert settings.broker_url == "redis+socket://:p%40w@/run/r.sock?virtual_host=3"
    assert settings.store_url == "unix://:p%40w@/run/r.sock?db=3"
    assert "p%40w" not in settings.address + repr(settings)


@pytest.mark.rule(37)
@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:pw@host:1/2", "redis://host:1/2"),
        ("rediss://:pw@host:1/2?ssl_cert_reqs=required", "rediss://host:1/2?ssl_cert_reqs=required"),
        ("redis+socket://:pw@/a/b.sock?virtual_host=0", "redis+socket:///a/b.sock?virtual_host=0"),
        ("redis://host/0?password=pw&db=1", "redis://host/0?db=1"),
        ("redis://:p@w@host/0", "redis://host/0"),
        ("unix:///a/b.sock", "unix:///a/b.sock"),
    ],
)
def test_masked(url, shown):
    """No user or password is left in a masked URL."""
    assert masked(url) == shown
