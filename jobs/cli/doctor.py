"""The checks of `basicaer doctor`: what is installed, what works, and what to do about the rest."""

from __future__ import annotations

import os
import platform
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import redis.exceptions

from jobs.cli.shadows import shadows
from simulator import cost
from simulator.options import Output
from simulator.shards.wire import WIRE_VERSION
from simulator.sizes import size
from worker.cluster.folder import ClusterFolder
from worker.cluster.locks import is_held
from worker.cluster.redis_server import RedisServerError, find_redis_server
from worker.record.connection import connect
from worker.record.nodes import display_names
from worker.record.store import Store
from worker.record.values import WorkerInfo
from worker.runtime.admission import available_memory, total_memory
from worker.settings import Settings, SettingsError, unknown_variables

_NEEDED = ("basicaer-celery", "celery", "redis", "numpy", "msgspec")
_CLIENT = ("qiskit", "qiskit-qasm3-import")
_OUTPUTS: tuple[Output, ...] = ("counts", "statevector", "unitary")


@dataclass(frozen=True)
class Check:
    """One line of the report."""

    name: str
    #: "ok"; "note": works, but look at it; "missing": jobs cannot run here.
    outcome: str
    found: str


def examine(url: str | None) -> list[Check]:
    """Look at everything that a job on this machine needs."""
    try:
        with warnings.catch_warnings():
            # They are lines of the report.
            warnings.simplefilter("ignore")
            settings = Settings.from_env(url)
    except SettingsError as error:
        return [_python(), *_packages(), *_variables(), Check("settings", "missing", str(error))]
    cluster, workers = _cluster(settings)
    return [
        _python(),
        *_packages(),
        *_variables(),
        _redis_binary(settings),
        *cluster,
        *_workers(settings, workers),
        _folder(),
    ]


def _python() -> Check:
    return Check("Python", "ok", f"{platform.python_version()} at {sys.executable}")


def _packages() -> Iterator[Check]:
    found = {name: _version(name) for name in (*_NEEDED, *_CLIENT, "flower")}
    there = [f"{name} {number}" for name, number in found.items() if number]
    yield Check("packages", "ok", ", ".join(there))
    for names, outcome, who in (
        (_NEEDED, "missing", "nothing runs without them"),
        (_CLIENT, "note", "only workers run without them"),
    ):
        absent = " ".join(name for name in names if not found[name])
        if absent:
            yield Check("packages", outcome, f"{who}: python -m pip install {absent}")
    if not found["flower"]:
        yield Check("packages", "note", 'no Flower: python -m pip install "basicaer-celery[flower]"')


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _variables() -> Iterator[Check]:
    """Tell which settings the environment changes, and which names in it mean nothing."""
    known = {each.metadata["variable"] for each in fields(Settings)}
    set_here = sorted(name for name in os.environ if name in known)
    if set_here:
        # Names only: a URL holds a password.
        yield Check("settings", "ok", f"set here: {', '.join(set_here)}")
    for line in unknown_variables(os.environ):
        yield Check("settings", "note", line if line.endswith("?") else f"{line}: unset it")


def _redis_binary(settings: Settings) -> Check:
    try:
        binary = find_redis_server(settings.redis_server)
    except RedisServerError as error:
        # A named Redis runs elsewhere.
        return Check("Redis server", "note" if settings.url else "missing", str(error))
    return Check("Redis server", "ok", f"{binary.version} at {binary.path}")


def _cluster(settings: Settings) -> tuple[list[Check], list[WorkerInfo] | None]:
    """Return what is found of the cluster, and its workers; None where it cannot be asked."""
    if settings.url:
        return _ask(settings, settings.address)
    folder = ClusterFolder(settings.state_dir.resolve() / version("basicaer-celery"))
    if not is_held(folder.supervisor_lock):
        return [Check("cluster", "ok", f"embedded, not running: the first job starts it ({folder.path})")], None
    named = replace(settings, url=folder.url())
    return _ask(named, f"embedded, running ({folder.path})", cure="look into cluster.log there")


def _ask(settings: Settings, name: str, *, cure: str | None = None) -> tuple[list[Check], list[WorkerInfo] | None]:
    """Ask a Redis; ``cure`` says what to do if it does not answer, None: by what it was."""
    client = connect(settings)
    try:
        start = time.perf_counter()
        client.ping()
        took = time.perf_counter() - start
        checks = [Check("cluster", "ok", f"{name}: answers in {1000 * took:.1f} ms{_server(client)}")]
        return checks + _cautions(client), Store.of(client, settings).workers()
    except redis.RedisError as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        return [Check("cluster", "missing", f"{name} does not answer: {reason}: {cure or _cure(error)}")], None
    finally:
        client.close()


def _cure(error: redis.RedisError) -> str:
    """Return what to do about a Redis that was named and does not answer."""
    # `jobs.connection.faults` says more, and imports Qiskit, which a worker's machine need not have.
    if isinstance(error, redis.exceptions.AuthenticationError):
        return "write user and password as in redis://USER:PASSWORD@HOST:6379/0, percent-encoded"
    if isinstance(error, redis.exceptions.NoPermissionError):
        return "give the user the rights of deploy/redis/users.acl"
    if isinstance(error, (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError)):
        return "start it, or correct --url or BASICAER_URL, its password and certificates among it"
    return "look into its log"


def _server(client: Any) -> str:
    try:
        found = client.info("server")
    except redis.exceptions.NoPermissionError:
        return ""
    # In Valkey's answer, redis_version is the last Redis that it is like.
    if "valkey_version" in found:
        return f", Valkey {found['valkey_version']}"
    return f", Redis {found['redis_version']}"


def _cautions(client: Any) -> list[Check]:
    """Name the settings of Redis that would lose jobs."""
    wanted = {"appendonly": "yes", "maxmemory-policy": "noeviction"}
    try:
        found = client.config_get(*wanted)
    except (redis.exceptions.NoPermissionError, redis.ResponseError):
        # A managed Redis hides its settings.
        return []
    return [
        Check(
            "cluster",
            "note",
            f"{name} is {found[name]}; with anything but {value}, jobs can be lost: redis-cli CONFIG SET {name} "
            f"{value}, and the same in its file of settings",
        )
        for name, value in wanted.items()
        if found.get(name, value) != value
    ]


def _workers(settings: Settings, workers: list[WorkerInfo] | None) -> Iterator[Check]:
    if workers:
        slots = sum(each.slots for each in workers)
        names = ", ".join(sorted(display_names([each.node for each in workers]).values()))
        yield Check("workers", "ok", f"{len(workers)} up, {slots} shards at once: {names}")
        others = ", ".join(sorted(each.name for each in workers if each.wire != WIRE_VERSION))
        if others:
            same = "install one version of basicaer-celery on clients and workers"
            yield Check("workers", "note", f"of another wire version than {WIRE_VERSION} here: {others}: {same}")
    elif settings.url:
        start = "start one with BASICAER_URL and `basicaer worker`"
        yield Check("workers", "note", f"none up: {start}" if workers == [] else "unknown until Redis answers")
    else:
        yield Check("workers", "ok", "none up: the first job starts them")
    total, free = total_memory(), available_memory()
    yield Check("memory", "ok", f"{size(free)} of {size(total)} free on this machine")
    most = max((each.memory for each in workers), default=0) if workers else total
    widths = ", ".join(f"{cost.max_qubits(most, output)} for {output}" for output in _OUTPUTS)
    yield Check("qubits", "ok", f"at most {widths}")


def _folder() -> Check:
    hiding = shadows(Path.cwd())
    if hiding:
        names = ", ".join(path.name for path in hiding)
        return Check(
            "this folder", "note", f"{names} would be imported in place of ours: rename it, or work elsewhere"
        )
    return Check("this folder", "ok", "nothing in it hides our packages")


def as_data(checks: list[Check]) -> list[dict[str, str]]:
    """Return the report as plain data."""
    return [asdict(check) for check in checks]
