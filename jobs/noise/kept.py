"""The channels of errors that were converted, kept for later runs with the same model."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from jobs.noise.model import Placed
from worker.forking import Lock

#: As many as a few devices of hundreds of qubits have.
_MOST = 4096
_KEPT: OrderedDict[str, tuple[Placed, ...]] = OrderedDict()
_LOCK = Lock()


def kept(key: str, make: Callable[[], tuple[Placed, ...]]) -> tuple[Placed, ...]:
    """Return what ``make`` returned for a key, of the 4096 that were asked for last; else make it now."""
    with _LOCK:
        if key in _KEPT:
            _KEPT.move_to_end(key)
            return _KEPT[key]
    found = make()
    with _LOCK:
        # One made by another thread meanwhile goes on, so that a channel is one object.
        found = _KEPT.setdefault(key, found)
        if len(_KEPT) > _MOST:
            _KEPT.popitem(last=False)
    return found
