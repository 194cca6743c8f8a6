"""Celery's events as Flower hears them, each with the caption of its task.

So Flower's lists, its search and its links know a task by its caption. Its metrics do not: a name for each job
would be a time series for each job.

Whoever may write to Redis may send an event. One that Celery's code cannot take is dropped: there its failure
would end the subscription, and what was sent until the next one would be lost.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from celery.events import EventReceiver
from flower.events import Events, PrometheusMetrics

from jobs.flower.captions import Captions
from worker.settings import TASK

logger = logging.getLogger(__name__)

#: What Celery and Flower go by in each event, and what it is.
_NEEDED: Mapping[str, type | tuple[type, ...]] = MappingProxyType(
    {"type": str, "hostname": str, "clock": int, "timestamp": (int, float), "local_received": (int, float)}
)


class SteadyReceiver(EventReceiver):
    """What hears events, and outlives each of them."""

    def _receive(self, body: Any, message: Any) -> None:
        del message
        for event in body if isinstance(body, list) else [body]:
            try:
                self.process(*self.event_from_message(event))
            except Exception as error:  # noqa: BLE001 (it may be anything, and so may what it raises)
                logger.warning("an event is dropped: %s: %s: %.200r", type(error).__name__, error, event)


def check_event(event: Mapping[str, Any]) -> None:
    """Raise TypeError where an event lacks what Celery's and Flower's code goes by, or has it of another type.

    Among the events that they keep, one with such a value would fail all that are compared with it.
    """
    needed = {**_NEEDED, "uuid": str} if str(event.get("type")).startswith("task-") else _NEEDED
    for name, kind in needed.items():
        if not isinstance(event.get(name), kind):
            raise TypeError(f"its {name} is {event.get(name)!r:.100}")


class _ByTaskType:
    """Flower's metrics, in which all our tasks have one name."""

    def __init__(self, metrics: PrometheusMetrics) -> None:
        self._metrics = metrics

    def __getattr__(self, name: str) -> Any:
        return getattr(self._metrics, name)

    def observe_task(self, worker: str, event: dict[str, Any], task: Any) -> None:
        """Count an event."""
        self._metrics.observe_task(worker, {**event, "name": TASK}, task)


class CaptionedEvents(Events):
    """Flower's thread that hears events."""

    def __init__(self, app: Any, captions: Captions, **options: Any) -> None:
        super().__init__(app, **options)
        self._captions = captions
        self.state.metrics = _ByTaskType(self.state.metrics)

    def on_event(self, event: dict[str, Any]) -> None:
        """Take an event; on Flower's thread, which may wait for Redis. Raises what `check_event` does."""
        check_event(event)
        if event["type"].startswith("task-") and (caption := self._captions.of_task(event["uuid"])):
            event["name"], event["kwargs"] = caption.name, caption.kwargs
        super().on_event(event)
