"""What Prometheus sees of one worker node, from the node itself: what the record does not have.

Answered by a thread of the node's parent process, where ``BASICAER_METRICS`` says so. Counts begin with the node.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator

import psutil
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from worker.outage import Outage
from worker.runtime.admission import Admission
from worker.runtime.runs import RunTable

logger = logging.getLogger(__name__)


class NodeCollector(Collector):
    """Looks at this node whenever Prometheus asks.

    Args:
        runs: the node's runs, and how those before them ended.
        num_alive: returns how many of its runs have a process.
        num_slots: returns how many runs it takes at once.
        admission: what its memory was promised to.
        outage: whether it is without Redis.
    """

    def __init__(
        self,
        runs: RunTable,
        num_alive: Callable[[], int],
        num_slots: Callable[[], int],
        admission: Admission,
        outage: Outage,
    ) -> None:
        self._runs = runs
        self._num_alive = num_alive
        self._num_slots = num_slots
        self._admission = admission
        self._outage = outage
        self._died = 0

    def collect(self) -> Iterator[Metric]:
        """Yield the node's metrics."""
        # In this order: a run that begins or ends meanwhile is none that died.
        begun = self._runs.counts().begun
        alive = self._num_alive()
        now = self._runs.counts()
        self._died = max(self._died, begun - alive - now.done - now.failed - now.returned)
        yield GaugeMetricFamily("basicaer_node_slots", "Runs that it takes at once.", self._num_slots())
        yield GaugeMetricFamily("basicaer_node_busy_slots", "Runs that it has.", alive)
        runs = CounterMetricFamily("basicaer_node_runs", "Runs by how they ended.", labels=["end"])
        for end, number in (
            ("done", now.done), ("failed", now.failed), ("returned", now.returned), ("died", self._died),
        ):  # fmt: skip
            runs.add_metric([end], number)
        yield runs
        yield CounterMetricFamily("basicaer_node_simulated_seconds", "Seconds of simulation.", now.seconds)
        yield GaugeMetricFamily(
            "basicaer_node_memory_bytes", "What its runs may take together.", self._admission.capacity
        )
        yield GaugeMetricFamily(
            "basicaer_node_promised_bytes", "What its runs were promised of that.", self._admission.promised()
        )
        yield GaugeMetricFamily("basicaer_node_resident_bytes", "Memory of its processes.", _resident())
        outage = self._outage.seconds
        yield GaugeMetricFamily("basicaer_node_outage_seconds", "Since when it has no Redis; 0: it has.", outage)


def _resident() -> int:
    """Return the resident bytes of this process and its children; what they share counts for each."""
    total = 0
    parent = psutil.Process()
    for process in (parent, *parent.children(recursive=True)):
        try:
            total += process.memory_info().rss
        except psutil.Error:
            continue
    return total


def serve(collector: NodeCollector, address: str, port: int) -> None:
    """Answer at ``/metrics`` from a thread, and say where; a node that cannot listen says so, and goes on."""
    registry = CollectorRegistry()
    registry.register(collector)
    try:
        server, _ = start_http_server(port, address, registry)
    except OSError as error:
        logger.error("no metrics: cannot listen on %s port %d: %s", address, port, error)  # noqa: TRY400 (one line)
        return
    # A child that is forked from now on would keep the port after its parent.
    os.register_at_fork(after_in_child=server.socket.close)
    host = f"[{address}]" if ":" in address else address
    logger.info("metrics of this node: http://%s:%d/metrics", host, server.server_port)
