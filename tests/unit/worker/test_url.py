"""A URL of Redis is checked before it is used, and nothing of a password is ever shown."""

from __future__ import annotations

import traceback
from urllib.parse import quote

import pytest
import redis
from kombu.utils.url import parse_url

from worker.settings import Settings, SettingsError
from worker.url import for_celery, for_redis_py, invalid_reason, masked

pytestmark = pytest.mark.rule(18, 37)

SECRET = ("XQZ", "WKJ")


@pytest.mark.rule(37)
@pytest.mark.parametrize("scheme", ["redis", "rediss"])
@pytest.mark.parametrize("character", ["/", "#", "?", "@/", "/@", "[", "]", " ", "\t", "\n", "?a=", "℀"])
@pytest.mark.parametrize("login", ["", "user"])
def test_a_password_that_is_not_encoded(scheme, character, login):
    """A password with a character of a URL's own is refused, with the cure, and not shown."""
    url = f"{scheme}://{login}:{character.join(SECRET)}@host:6379/0"
    with pytest.raises(SettingsError, match="percent-encode the password") as refused:
        Settings.from_env(url, {})
    told = [*traceback.format_exception(refused.value), repr(refused.value), masked(url)]
    assert refused.value.__cause__ is refused.value.__context__ is None
    assert not any(piece in text for piece in SECRET for text in told)


@pytest.mark.parametrize("password", ["a/b#c?d@e", "100%", "p w", "a:b", "[x]", "ü", "%2F"])
def test_a_password_that_is_encoded(password):
    """A percent-encoded password is what both libraries send."""
    url = f"redis://:{quote(password, safe='')}@host:6379/3"
    assert invalid_reason(url) is None
    settings = Settings.from_env(url, {})
    assert redis.ConnectionPool.from_url(settings.store_url).connection_kwargs["password"] == password
    assert parse_url(settings.broker_url)["password"] == password
    assert masked(url) == "redis://host:6379/3"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (6379, r"^cannot use 6379 as a URL: it must be a text, as in redis://:PASSWORD@HOST:6379/0$"),
        (b"redis://:secret@host", "^cannot use a bytes as a URL"),
        ("localhost", "'localhost': its scheme must be one of redis, rediss, .*, as in redis://"),
        ("localhost:6379", "'localhost:6379': its scheme"),
        ("me:secret@host", "'host': its scheme"),
        ("redis:host", "'redis:host': its scheme"),
        ("redis:/host:6379/0", "its scheme"),
        ("redis://host:99999", "'redis://host:99999': its port must be a number from 1 to 65535"),
        ("redis://host:0/0", "its port"),
        ("redis://h:port", "'redis://h:...': its port"),
        ("redis://:secret", "'redis://:...': its port"),
        ("redis://user:secret", "'redis://user:...': its port"),
        ("redis://h/abc", "'redis://h/abc': its database must be a number"),
        ("redis://h/-1", "its database"),
        ("redis://h/0/1", "its database"),
        ("redis://h//", "its database"),
        ("redis://a:1,b:2/0", "several servers"),
        ("redis://a:1;redis://b:2", "several servers"),
        ("redis://a..b/0", "no host"),
        ("redis://h/0?db=1", "the parameter 'db' is none"),
        ("redis://h/0?socket_timeout=x", "the parameter 'socket_timeout' is none"),
        ("redis://h/0?password=secret", "'redis://h/0': the parameter 'password' is none"),
        ("redis+socket://run/r.sock", "slash of its own"),
        ("redis+socket://:secret@", "slash of its own"),
        ("redis+socket:///r.sock?virtual_host=x", "virtual_host must be a number"),
        ("redis+socket:///r.sock?foo=1", "the parameter 'foo' is none"),
        ("redis://h/0?ssl_cert_reqs=none", "would encrypt nothing"),
    ],
)
def test_a_url_that_cannot_be_used(url, reason):
    """Each part of a URL is refused by name, with what it may be, before anything is connected."""
    with pytest.raises(SettingsError, match=reason) as refused:
        Settings.from_env(url, {})
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://", "redis://h", "redis://h:6379", "redis://h:6379/", "redis://h/15", "redis://[::1]:6379/0",
        "redis://:p@w@my_redis/0", "redis://user:pw@redis.example.com.:1/0", " redis://h/0\n",
        "rediss://:pw@h/0?ssl_cert_reqs=none", "redis+socket:///home/me@corp/r.sock?virtual_host=3",
        "redis+socket://:pw@/home/me@corp/r.sock", "unix:///r.sock?db=2",
    ],
)  # fmt: skip
def test_a_url_that_can(url):
    """What both libraries take alike is taken."""
    settings = Settings.from_env(url, {})
    assert redis.ConnectionPool.from_url(settings.store_url).connection_kwargs
    assert settings.broker_url
    assert "pw" not in settings.address
    assert for_celery(settings.url) and for_redis_py(settings.url)


@pytest.mark.parametrize("name", ["BASICAER_LEESE", "BASICAER_lease", "BASICAER_LEASES"])
def test_a_misspelt_variable(name):
    """A variable that is none is named, with the one that it is most like."""
    with pytest.warns(
        UserWarning, match=f"{name} is no setting, and changes nothing: did you mean BASICAER_LEASE"
    ):
        Settings.from_env(environ={name: "3", "PATH": ""})
