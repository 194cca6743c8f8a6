"""Celery's events as Flower hears them, each with the caption of its task.

So Flower's lists, its search and its links know a task by its caption. Its metrics do not: a name for each job
would be a time series for each job.
"""

from __future__ import annotations

from typing import Any

from flower.events import Events, PrometheusMetrics

from jobs.flower.captions import Captions
from worker.settings import TASK


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
        """Take an event; on Flower's thread, which may wait for Redis."""
        if event["type"].startswith("task-") and (caption := self._captions.of_task(event["uuid"])):
            event["name"], event["kwargs"] = caption.name, caption.kwargs
        super().on_event(event)
