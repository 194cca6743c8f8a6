"""The URL of a Redis: checked by itself, and spelled as redis-py, as Celery and as people take it.

No text that is made here, an error's included, holds a user or a password, and where a URL cannot be told apart
from a password that is not encoded, nothing of it.
"""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

#: What a worker uses when no URL is named: Redis's own default.
DEFAULT_URL = "redis://localhost:6379/0"

_SOCKETS = ("redis+socket", "unix")
_SCHEMES = ("redis", "rediss", *_SOCKETS)
_SECRETS = {"username", "password", "ssl_password"}
#: How a server's certificate is checked: what a URL may say -> the one spelling that redis-py, kombu and Celery's
#: backend all take.
_CHECKS = {
    "required": "required",
    "optional": "optional",
    "none": "none",
    "CERT_REQUIRED": "required",
    "CERT_OPTIONAL": "optional",
    "CERT_NONE": "none",
}
_TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_EXAMPLE = "as in redis://:PASSWORD@HOST:6379/0"
_ENCODE = (
    "cannot use the URL: its password, or what else it holds, has a character that means something else in a URL: "
    "percent-encode the password (/ is %2F, # is %23, ? is %3F, @ is %40, % is %25), as Python's "
    "urllib.parse.quote(password, safe='') does"
)
#: A host's labels, as a resolver takes them, or an IPv6 address.
_HOST = re.compile(r"(?:[^\s.:\[\]]{1,63}(?:\.[^\s.:\[\]]{1,63})*\.?|\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\])?")
_MOST_PORT = 65535


def invalid_reason(url: Any) -> str | None:
    """Return why a URL cannot be used, and what to do; None: it can."""
    if not isinstance(url, str):
        # Whatever it is, it may hold a password; a number is most likely a port.
        given = url if isinstance(url, int) else f"a {type(url).__name__}"
        return f"cannot use {given} as a URL: it must be a text, {_EXAMPLE}"
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in _SCHEMES:
        return f"cannot use the URL {masked(url)!r}: its scheme must be one of {', '.join(_SCHEMES)}, {_EXAMPLE}"
    netloc, beyond = _cut(rest)
    if re.search(r"\s", url) or "#" in beyond or _is_torn(scheme, netloc, beyond):
        return _ENCODE
    try:
        # What it does not take, redis-py and Celery do not either.
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return _ENCODE
    reason_of = _invalid_socket if scheme in _SOCKETS else _invalid_server
    reason = reason_of(netloc.rpartition("@")[2], parts, query) or _invalid_tls(scheme, dict(query))
    return reason and f"cannot use the URL {_shown(url, netloc)!r}: {reason}"


def masked(url: str) -> str:
    """Return a URL without its user and passwords, also where these stand in the query."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url.rpartition("@")[2]
    netloc, beyond = _cut(rest)
    if _is_torn(scheme, netloc, beyond):
        return f"{scheme}://...@{rest.rpartition('@')[2]}"
    path, _, query = beyond.partition("?")
    kept = [(name, value) for name, value in parse_qsl(query) if name not in _SECRETS]
    return _joined(scheme, netloc.rpartition("@")[2], path, kept)


def for_celery(url: str) -> str:
    """Return a URL as Celery takes it."""
    url = _verified(url)
    return _renamed(url, "redis+socket", "db", "virtual_host") if urlsplit(url).scheme == "unix" else url


def for_redis_py(url: str) -> str:
    """Return a URL as redis-py takes it."""
    url = _verified(url)
    return _renamed(url, "unix", "virtual_host", "db") if urlsplit(url).scheme == "redis+socket" else url


def tls_parameters(url: str) -> dict[str, str]:
    """Return the TLS parameters of a URL; empty without TLS."""
    return {name: value for name, value in parse_qsl(urlsplit(for_celery(url)).query) if name.startswith("ssl_")}


def _cut(rest: str) -> tuple[str, str]:
    """Return what stands before, and from, the first of / ? #."""
    end = re.search(r"[/?#]|$", rest)
    return (rest, "") if end is None else (rest[: end.start()], rest[end.start() :])


def _is_torn(scheme: str, netloc: str, beyond: str) -> bool:
    """Whether an @ stands where a URL has none: in the midst of what was meant to be user and password."""
    # A socket's path may have one, after a password that has its own.
    return "@" in beyond and not (scheme in _SOCKETS and (not netloc or netloc.endswith("@")))


def _shown(url: str, netloc: str) -> str:
    """Return a URL that cannot be used, for its error: what stands for a port may be a password without its @."""
    host, colon, port = netloc.rpartition("@")[2].rpartition(":")
    if colon and not port.isdecimal() and not netloc.endswith("]"):
        return f"{url.partition('://')[0]}://{host}:..."
    return masked(url)


def _invalid_server(netloc: str, parts: SplitResult, query: list[tuple[str, str]]) -> str | None:
    if "," in netloc or ";" in netloc:
        return "it names several servers: give one, the address under which the master is found"
    match = re.fullmatch(r"(.*?)(?::([^:\]]*))?", netloc)
    host, port = (match[1], match[2]) if match else ("", "")
    if not _HOST.fullmatch(host):
        return f"it has no host where one must be: write it {_EXAMPLE}"
    if port is not None and not (port.isdecimal() and port.isascii() and 0 < int(port) <= _MOST_PORT):
        return f"its port must be a number from 1 to {_MOST_PORT}, {_EXAMPLE}"
    if not re.fullmatch(r"/?([0-9]{1,9})?", parts.path):
        return f"its database must be a number, {_EXAMPLE}"
    unknown = [name for name, _ in query if not name.startswith("ssl_")]
    if unknown:
        return (
            f"the parameter {unknown[0]!r} is none that it may have: user, password and database stand {_EXAMPLE}"
        )
    return None


def _invalid_socket(netloc: str, parts: SplitResult, query: list[tuple[str, str]]) -> str | None:
    if netloc or not parts.path.strip("/"):
        return "the path of a socket begins with a slash of its own, as in redis+socket:///run/redis.sock"
    for name, value in query:
        if name not in {"db", "virtual_host"} and not name.startswith("ssl_"):
            return f"the parameter {name!r} is none that it may have: a database is given as ?virtual_host=0"
        if not name.startswith("ssl_") and not re.fullmatch(r"[0-9]{1,9}", value):
            return f"{name} must be a number, as in ?virtual_host=0"
    return None


def _invalid_tls(scheme: str, query: dict[str, str]) -> str | None:
    """Return what is wrong with a URL's TLS parameters; None: nothing."""
    named = sorted(name for name in query if name.startswith("ssl_"))
    if named and scheme != "rediss":
        return f"{', '.join(named)} would encrypt nothing here: TLS takes the scheme rediss"
    if query.get("ssl_cert_reqs", "required") not in _CHECKS:
        return f"ssl_cert_reqs must be one of {', '.join(_CHECKS)}"
    for name in _TLS_FILES:
        if name in query and not os.access(query[name], os.R_OK):
            return f"{name} must name a file that this user may read"
    return None


def _verified(url: str) -> str:
    """Return a rediss URL that says how certificates are checked: unsaid, kombu would trust any server."""
    parts = urlsplit(url)
    if parts.scheme != "rediss":
        return url
    query = dict(parse_qsl(parts.query))
    query["ssl_cert_reqs"] = _CHECKS[query.get("ssl_cert_reqs", "required")]
    return _joined(parts.scheme, parts.netloc, parts.path, list(query.items()))


def _renamed(url: str, scheme: str, old: str, new: str) -> str:
    """Return a unix socket's URL in another spelling."""
    parts = urlsplit(url)
    query = [(new if name == old else name, value) for name, value in parse_qsl(parts.query)]
    return _joined(scheme, parts.netloc, parts.path, query)


def _joined(scheme: str, netloc: str, path: str, query: list[tuple[str, str]]) -> str:
    # urlunsplit drops the slashes of an empty netloc, without which neither library knows a socket's URL.
    text = f"{scheme}://{netloc}{path}"
    return f"{text}?{urlencode(query, quote_via=quote)}" if query else text
