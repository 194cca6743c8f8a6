"""What an operator sets. The environment is read here and nowhere else."""

from __future__ import annotations

import difflib
import getpass
import math
import os
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from simulator.sizes import size
from worker.url import DEFAULT_URL, for_celery, for_redis_py, invalid_reason, masked, tls_parameters

T = TypeVar("T", int, float)

#: The Celery queue. The record keeps the shards of each queue apart. A later wire version takes another queue.
QUEUE = "basicaer"
#: The name of the one task.
TASK = "worker.run_shard"

#: The store counts milliseconds. No time may be longer, some 30 years: Redis and Celery cannot count with more.
_LEAST_SECONDS, MOST_SECONDS = 1e-3, 1_000_000_000

_SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
#: Below these a size is one whose unit was forgotten: a result's or a quota's, and that of what runs may take.
_LEAST_SIZE, _LEAST_MEMORY = 1 << 10, 16 << 20
#: The processes of one node.
MOST_SLOTS = 1024
_PORTS = 1 << 16
#: What each of these may be, for messages.
_SIZE_FORM = f"a size with its unit, as in 500M or 1.5GiB, or bytes; at least {size(_LEAST_SIZE)}"
MEMORY_FORM = f"a size with its unit, as in 500M or 1.5GiB, or bytes; at least {size(_LEAST_MEMORY)}"
_SECONDS_FORM = f"seconds, from {_LEAST_SECONDS} to {MOST_SECONDS}"


class SettingsError(ValueError):
    """An environment variable or URL that cannot be used; names it, its value, and what it may be."""


def parse_size(text: str) -> int:
    """Return the bytes of a size such as 4096, 500M or 1.5GiB (K, M, G, T: powers of 1024); else ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?b)?", text.strip().lower())
    if not match or ("." in match[1] and not match[2]):
        raise ValueError
    return int(Fraction(match[1]) * _SIZES[match[2]])


def _between(least: float, most: float, parse: Callable[[str], T]) -> Callable[[str], T]:
    """Return a parser that raises ValueError for a number beyond these."""

    def parsed(text: str) -> T:
        value = parse(text)
        if not least <= value <= most:
            raise ValueError
        return value

    return parsed


_count = _between(1, math.inf, int)
_seconds = _between(_LEAST_SECONDS, MOST_SECONDS, float)
_result_size = _between(_LEAST_SIZE, math.inf, parse_size)
#: Returns the bytes that runs may take; else ValueError.
parse_memory = _between(_LEAST_MEMORY, math.inf, parse_size)


def _quota(text: str) -> int:
    return parse_size(text) and _result_size(text)


def _log(text: str) -> str:
    if text not in {"text", "json"}:
        raise ValueError
    return text


def _endpoint(text: str) -> tuple[str, int]:
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]:|([^:\s]+):)?(\d{1,5})", text)
    if not match or int(match[3]) >= _PORTS:
        raise ValueError
    return match[1] or match[2] or "127.0.0.1", int(match[3])


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
    lease: float = _variable("LEASE", _seconds, _SECONDS_FORM, 10.0)
    #: How long a finished job can be fetched.
    result_ttl: float = _variable("RESULT_TTL", _seconds, _SECONDS_FORM, 7 * 86400.0)
    #: What one job's result may weigh.
    max_result_bytes: int = _variable("MAX_RESULT_BYTES", _result_size, _SIZE_FORM, 1 << 30)
    #: A worker's: what one owner's jobs may weigh in the store, programs and results; 0: no quota; None: what
    #: another worker has said, or else 4 GiB.
    store_quota: int | None = _variable("STORE_QUOTA", _quota, f"{_SIZE_FORM}, or 0: no quota", None)
    #: The widest circuit that is accepted while no worker is up to ask.
    max_qubits: int = _variable("MAX_QUBITS", _count, "a whole number above 0", 30)
    #: What the runs of one worker node may take together; None: what the machine or container has.
    memory: int | None = _variable("MEMORY", parse_memory, MEMORY_FORM, None)
    #: The processes of one worker node, its slots; None: the CPUs.
    concurrency: int | None = _variable(
        "CONCURRENCY", _between(1, MOST_SLOTS, int), f"a whole number from 1 to {MOST_SLOTS}", None
    )
    #: The threads of one slot; None: the cores, shared between the slots.
    threads: int | None = _variable("THREADS", _count, "a whole number above 0", None)
    #: The most circuits that one job may have; None: any number.
    max_circuits: int | None = _variable("MAX_CIRCUITS", _count, "a whole number above 0", None)
    #: How long a job may run, from its first shard's start, unless `run` says otherwise.
    job_timeout: float = _variable("JOB_TIMEOUT", _seconds, _SECONDS_FORM, 86400.0)
    #: How long a job may wait for its first shard's start.
    expires: float = _variable("EXPIRES", _seconds, _SECONDS_FORM, 30 * 86400.0)
    #: What a worker's log is made of: lines for people, or a JSON object a line.
    log: str = _variable("LOG", _log, "text or json", "text")
    #: A worker's: where it answers Prometheus about itself; None: nowhere.
    metrics: tuple[str, int] | None = _variable(
        "METRICS", _endpoint, "a port of 127.0.0.1, as in 9809, or ADDRESS:PORT", None
    )
    #: How long a client tries to reach Redis before it says that it cannot.
    connect_timeout: float = _variable("CONNECT_TIMEOUT", _seconds, _SECONDS_FORM, 5.0)
    #: Whose jobs these are: owners take turns.
    owner: str = _variable("OWNER", _owner, "1 to 64 letters, digits, or . _ @ -", _user)
    #: Where the embedded cluster keeps its state.
    state_dir: Path = _variable("STATE_DIR", lambda text: Path(text).expanduser(), "a folder", _state_dir)
    #: How long the embedded cluster stays when nobody needs it.
    linger: float = _variable("LINGER", _seconds, _SECONDS_FORM, 30.0)
    #: The redis-server that the embedded cluster runs; None: the first that is found.
    redis_server: Path | None = _variable("REDIS_SERVER", Path, "a redis-server binary", None)

    def __post_init__(self) -> None:
        reason = invalid_reason(self.url) if self.url else None
        if reason:
            raise SettingsError(reason)

    @classmethod
    def from_env(cls, url: str | None = None, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the environment; ``url``, if given, goes before ``BASICAER_URL``."""
        environ = os.environ if environ is None else environ
        for text in unknown_variables(environ):
            # To whom makes a provider, or another that reads its settings.
            warnings.warn(text, UserWarning, stacklevel=3)
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
        if isinstance(values.get("url"), str):
            # As it comes from a file.
            values["url"] = values["url"].strip()
        return cls(**values)

    @property
    def broker_url(self) -> str:
        """The URL as Celery takes it."""
        return for_celery(self.url or DEFAULT_URL)

    @property
    def store_url(self) -> str:
        """The URL as redis-py takes it."""
        return for_redis_py(self.url or DEFAULT_URL)

    @property
    def tls(self) -> dict[str, str]:
        """The TLS parameters of the URL; empty without TLS. Flower reads them from the Celery app, not the URL."""
        return tls_parameters(self.url or DEFAULT_URL)

    @property
    def on_socket(self) -> bool:
        """Whether Redis is reached through a unix socket, which knows no keepalive."""
        return self.store_url.startswith("unix:")

    @property
    def address(self) -> str:
        """The URL without user and password: fit for messages, logs and pickles."""
        return masked(self.url or DEFAULT_URL)


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Return a line about each BASICAER_ variable that sets nothing, with the name that it is most like."""
    known = [each.metadata["variable"] for each in fields(Settings)]
    lines = []
    for name in sorted(environ):
        if name.startswith("BASICAER_") and name not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1)
            lines.append(
                f"{name} is no setting, and changes nothing" + (f": did you mean {near[0]}?" if near else "")
            )
    return lines
