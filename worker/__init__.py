"""The Celery worker, and what clients and workers share: settings, the Celery app, the record in Redis.

``celery -A worker worker`` finds `app` here. It is made on first use, from the environment, so that a client
that imports this package needs no configuration of a worker's.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from celery import Celery

__all__ = ["app"]


@cache
def _worker_app() -> Celery:
    # Late, for a quick start: a client imports this package and may need neither.
    from worker.queue.app import make_app
    from worker.settings import Settings

    return make_app(Settings.from_env())


def __getattr__(name: str) -> Celery:
    if name == "app":
        return _worker_app()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*(name for name in globals() if name.startswith("__")), *__all__]
