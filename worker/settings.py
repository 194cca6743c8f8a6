"""What an operator sets. The environment is read here and nowhere else."""

from __future__ import annotations

import getpass
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

#: The Celery queue, which is also the store's lane. A later wire version takes another.
QUEUE = "basicaer"
#: The name of the one task.
TASK = "worker.run_shard"

_SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
#: What a size may be, for messages.
SIZE_FORM = "bytes, as in 500M or 1.5GiB"


class SettingsError(ValueError):
    """An environment variable or URL that cannot be used; names it, its value, and what it may be."""


def _seconds(text: str) -> float:
    value = float(text)
    if not (value > 0 and math.isfinite(value)):
        raise ValueError
    return value


def parse_size(text: str) -> int:
    """Return the bytes of a size such as 4096, 500M or 1.5GiB (K, M, G, T: powers of 1024); else ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?b)?", text.strip().lower())
    if not match or ("." in match[1] and not match[2]):
        raise ValueError
    return int(Fraction(match[1]) * _SIZES[match[2]])


def parse_memory(text: str) -> int:
    """Return the bytes of a size above 0; else ValueError."""
    if not (size := parse_size(text)):
        raise ValueError
    return size


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def _owner(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._@-]{1,64}", text):
        raise ValueError
    return text


def _variable(name: str, parse: Callable[[str], Any], accepts: str, default: Any, **options: Any) -> Any:
    """One field that ``BASICAER_<name>`` sets."""
    metadata = {"variable": f"BASICAER_{name}", "parse": parse, "accepts": accepts}
    make = {"default_factory": default} if callable(default) else {"default": default}
    return field(metadata=metadata, **make, **options)


def _user() -> str:
    return re.sub(r"[^A-Za-z0-9._@-]", "-", getpass.getuser())[:64] or "nobody"


def _state_dir() -> Path:
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "basicaer"


@dataclass(frozen=True)
class Settings:
    """Everything that ``BASICAER_*`` variables set, checked. Times are in seconds, sizes in bytes."""

    #: Where Redis is; "" means none was named (a client then uses the embedded cluster).
    url: str = _variable(
        "URL", str, "redis://, rediss:// or redis+socket:// with a server's address", "", repr=False
    )
    #: A worker that has been silent for this long has lost its shard.
    lease: float = _variable("LEASE", _seconds, "seconds above 0", 10.0)
    #: How long a finished job can be fetched.
    result_ttl: float = _variable("RESULT_TTL", _seconds, "seconds above 0", 7 * 86400.0)
    #: What one job's result may weigh.
    max_result_bytes: int = _variable("MAX_RESULT_BYTES", parse_size, SIZE_FORM, 1 << 30)
    #: A worker's: what one owner's jobs may weigh in the store, programs and results; 0: no quota; None: what
    #: another worker has said, or else 4 GiB.
    store_quota: int | None = _variable("STORE_QUOTA", parse_size, SIZE_FORM, None)
    #: The widest circuit that is accepted while no worker is up to ask.
    max_qubits: int = _variable("MAX_QUBITS", _count, "a whole number above 0", 30)
    #: What the runs of one worker node may take together; None: what the machine or container has.
    memory: int | None = _variable("MEMORY", parse_memory, f"{SIZE_FORM}, above 0", None)
    #: The processes of one worker node, its slots; None: the CPUs.
    concurrency: int | None = _variable("CONCURRENCY", _count, "a whole number above 0", None)
    #: The threads of one slot; None: the cores, shared between the slots.
    threads: int | None = _variable("THREADS", _count, "a whole number above 0", None)
    #: The most circuits that one job may have; None: any number.
    max_circuits: int | None = _variable("MAX_CIRCUITS", _count, "a whole number above 0", None)
    #: How long a job may run, from its first shard's start, unless `run` says otherwise.
    job_timeout: float = _variable("JOB_TIMEOUT", _seconds, "seconds above 0", 86400.0)
    #: How long a job may wait for its first shard's start.
    expires: float = _variable("EXPIRES", _seconds, "seconds above 0", 30 * 86400.0)
    #: How long a client tries to reach Redis before it says that it cannot.
    connect_timeout: float = _variable("CONNECT_TIMEOUT", _seconds, "seconds above 0", 5.0)
    #: Whose jobs these are: owners take turns.
    owner: str = _variable("OWNER", _owner, "1 to 64 letters, digits, or . _ @ -", _user)
    #: Where the embedded cluster keeps its state.
    state_dir: Path = _variable("STATE_DIR", lambda text: Path(text).expanduser(), "a folder", _state_dir)
    #: How long the embedded cluster stays when nobody needs it.
    linger: float = _variable("LINGER", _seconds, "seconds above 0", 30.0)
    #: The redis-server that the embedded cluster runs; None: the first that is found.
    redis_server: Path | None = _variable("REDIS_SERVER", Path, "a redis-server binary", None)

    def __post_init__(self) -> None:
        if not self.url:
            return
        parts = urlsplit(self.url)
        if parts.scheme not in _SCHEMES:
            raise SettingsError(
                f"cannot use the URL {masked(self.url)!r}: its scheme must be one of {', '.join(_SCHEMES)}"
            )
        if reason := _tls_defect(parts):
            raise SettingsError(f"cannot use the URL {masked(self.url)!r}: {reason}")

    @classmethod
    def from_env(cls, url: str | None = None, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the environment; ``url``, if given, goes before ``BASICAER_URL``."""
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for each in fields(cls):
            text = environ.get(each.metadata["variable"], "")
            if not text:
                continue
            try:
                values[each.name] = each.metadata["parse"](text)
            except ValueError:
                raise SettingsError(
                    f"{each.metadata['variable']}={text!r} cannot be used: it takes {each.metadata['accepts']}"
                ) from None
        if url is not None:
            values["url"] = url
        return cls(**values)

    @property
    def broker_url(self) -> str:
        """The URL as Celery takes it."""
        url = _verified(self.url or DEFAULT_URL)
        parts = urlsplit(url)
        if parts.scheme != "unix":
            return url
        return _renamed(parts, "redis+socket", "db", "virtual_host")

    @property
    def store_url(self) -> str:
        """The URL as redis-py takes it."""
        url = _verified(self.url or DEFAULT_URL)
        parts = urlsplit(url)
        if parts.scheme != "redis+socket":
            return url
        return _renamed(parts, "unix", "virtual_host", "db")

    @property
    def tls(self) -> dict[str, str]:
        """The TLS parameters of the URL; empty without TLS. Flower reads them from the Celery app, not the URL."""
        query = parse_qsl(urlsplit(self.broker_url).query)
        return {name: value for name, value in query if name.startswith("ssl_")}

    @property
    def on_socket(self) -> bool:
        """Whether Redis is reached through a unix socket, which knows no keepalive."""
        return self.store_url.startswith("unix:")

    @property
    def address(self) -> str:
        """The URL without user and password: fit for messages, logs and pickles."""
        return masked(self.url or DEFAULT_URL)


#: What a worker uses when no URL is named: Redis's own default.
DEFAULT_URL = "redis://localhost:6379/0"
_SCHEMES = ("redis", "rediss", "redis+socket", "unix")
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


def masked(url: str) -> str:
    """Return a URL without its user and passwords, also where these stand in the query."""
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name not in _SECRETS]
    return _url(parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query)


def _tls_defect(parts: SplitResult) -> str | None:
    """Return what is wrong with a URL's TLS parameters; None: nothing."""
    query = dict(parse_qsl(parts.query))
    tls = sorted(name for name in query if name.startswith("ssl_"))
    if tls and parts.scheme != "rediss":
        return f"{', '.join(tls)} would encrypt nothing here: TLS takes the scheme rediss"
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
    return _url(parts.scheme, parts.netloc, parts.path, list(query.items()))


def _renamed(parts: SplitResult, scheme: str, old: str, new: str) -> str:
    """Return a unix socket's URL in another spelling."""
    query = [(new if name == old else name, value) for name, value in parse_qsl(parts.query)]
    return _url(scheme, parts.netloc, parts.path, query)


def _url(scheme: str, netloc: str, path: str, query: list[tuple[str, str]]) -> str:
    # urlunsplit drops the slashes of an empty netloc, without which neither library knows a socket's URL.
    text = f"{scheme}://{netloc}{path}"
    return f"{text}?{urlencode(query, quote_via=quote)}" if query else text
