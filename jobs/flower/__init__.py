"""Flower, Celery's monitor, as `basicaer flower` starts it: tasks have readable names, and a cancel counts.

Flower knows tasks by Celery's events alone. What they lack is read from the record: `captions` names tasks,
`events` puts the names into Flower's view, `pages` shows jobs and cancels them, and `server` is the whole.
"""

from jobs.flower.server import serve

__all__ = ["serve"]
