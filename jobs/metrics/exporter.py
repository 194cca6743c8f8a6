"""The measures of a cluster in Prometheus's words, over HTTP."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from worker.errors import STORE_FAULTS, redis_reply
from worker.record.connection import connect
from worker.record.measures import Measures, measure
from worker.record.nodes import display_names
from worker.record.store import Store
from worker.settings import Settings

logger = logging.getLogger(__name__)

#: The upper bounds of the histogram of qubits.
_QUBITS = (1, 2, 5, 10, 15, 20, 25, 30, 35, 40, 50, 100)


class ClusterCollector(Collector):
    """Reads the record whenever Prometheus asks."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        """Yield the cluster's metrics; of one that cannot be read, only that it is down."""
        try:
            measures = measure(self._store)
        except STORE_FAULTS as fault:
            logger.warning("Redis does not answer: %s", redis_reply(fault)[1])
            yield GaugeMetricFamily("basicaer_up", "Whether the record can be read.", 0)
            return
        yield GaugeMetricFamily("basicaer_up", "Whether the record can be read.", 1)
        yield from _queues(measures)
        yield from _workers(measures)
        yield from _store(measures)
        yield from _counters(measures)


def _queues(measures: Measures) -> Iterator[Metric]:
    labels = ["queue", "owner"]
    waiting = GaugeMetricFamily("basicaer_waiting_jobs", "Jobs with shards that wait.", labels=labels)
    oldest = GaugeMetricFamily(
        "basicaer_waiting_oldest_seconds", "Since the oldest of these jobs was submitted.", labels=labels
    )
    for owner, each in measures.waiting.items():
        waiting.add_metric([measures.queue, owner], each.jobs)
        oldest.add_metric([measures.queue, owner], each.oldest)
    running = GaugeMetricFamily("basicaer_running_shards", "Shards that run.", labels=["owner"])
    for owner, number in measures.running.items():
        running.add_metric([owner], number)
    yield from (waiting, oldest, running)
    sent = GaugeMetricFamily("basicaer_sent_shards", "Shards that are sent, and not claimed.", labels=["queue"])
    sent.add_metric([measures.queue], measures.sent)
    yield sent
    yield GaugeMetricFamily("basicaer_unfinished_jobs", "Jobs that are not final.", measures.unfinished)


def _workers(measures: Measures) -> Iterator[Metric]:
    slots = GaugeMetricFamily("basicaer_worker_slots", "Shards that a worker runs at once.", labels=["worker"])
    busy = GaugeMetricFamily("basicaer_worker_busy_slots", "Slots that are taken.", labels=["worker"])
    memory = GaugeMetricFamily("basicaer_worker_memory_bytes", "What its runs may take.", labels=["worker"])
    names = display_names([each.node for each in measures.workers])
    for each in measures.workers:
        slots.add_metric([names[each.node]], each.slots)
        busy.add_metric([names[each.node]], each.busy)
        memory.add_metric([names[each.node]], each.memory)
    yield GaugeMetricFamily("basicaer_workers", "Workers that are up.", len(measures.workers))
    yield from (slots, busy, memory)


def _store(measures: Measures) -> Iterator[Metric]:
    if measures.memory.used is not None and measures.memory.limit is not None:
        yield GaugeMetricFamily("basicaer_store_bytes", "Memory of Redis.", measures.memory.used)
        yield GaugeMetricFamily("basicaer_store_limit_bytes", "Its maxmemory; 0: none.", measures.memory.limit)
    owned = GaugeMetricFamily("basicaer_owner_bytes", "What an owner's jobs weigh.", labels=["owner"])
    for owner, number in measures.used.items():
        owned.add_metric([owner], number)
    yield owned
    yield GaugeMetricFamily("basicaer_owner_quota_bytes", "What each owner may have; 0: any.", measures.quota)


def _counters(measures: Measures) -> Iterator[Metric]:
    lapses, resends = measures.counters.get("lapses", 0), measures.counters.get("resends", 0)
    yield CounterMetricFamily("basicaer_lapses", "Leases that ran out: runs that were lost.", lapses)
    yield CounterMetricFamily("basicaer_resends", "Shards sent again, as nobody claimed them.", resends)
    imported = measures.counters.get("imported", 0)
    yield CounterMetricFamily("basicaer_jobs_imported", "Ended jobs that came from files.", imported)
    ended = CounterMetricFamily("basicaer_jobs_ended", "Jobs by their final state.", labels=["state"])
    errors = CounterMetricFamily("basicaer_errors", "Jobs in ERROR, by the error's type.", labels=["type"])
    shards = CounterMetricFamily("basicaer_shards_done", "Shards that are done, bad ones too.", labels=["owner"])
    seconds = CounterMetricFamily("basicaer_simulated_seconds", "Seconds of simulation.", labels=["owner"])
    qubits: dict[int, int] = {}
    for name, number in measures.counters.items():
        kind, _, label = name.partition(":")
        if kind == "ended":
            ended.add_metric([label], number)
        elif kind == "error":
            errors.add_metric([label], number)
        elif kind == "shards":
            shards.add_metric([label], number)
        elif kind == "micros":
            seconds.add_metric([label], number / 1e6)
        elif kind == "qubits" and label.isdecimal():
            qubits[int(label)] = number
    yield from (ended, errors, shards, seconds)
    bounds = [(f"{bound}.0", sum(n for width, n in qubits.items() if width <= bound)) for bound in _QUBITS]
    total = sum(width * number for width, number in qubits.items())
    histogram = HistogramMetricFamily("basicaer_job_qubits", "The widest circuit of each job.")
    histogram.add_metric([], [*bounds, ("+Inf", sum(qubits.values()))], total)
    yield histogram


def serve(settings: Settings, address: str, port: int, say: Callable[..., None]) -> None:
    """Answer Prometheus until the process ends. Raises OSError where it cannot listen."""
    registry = CollectorRegistry()
    registry.register(ClusterCollector(Store.of(connect(settings), settings, operator=True)))
    server, _ = start_http_server(port, address, registry)
    host = f"[{address}]" if ":" in address else address
    say(f"Metrics of {settings.address} at http://{host}:{server.server_port}/metrics")
    threading.Event().wait()
