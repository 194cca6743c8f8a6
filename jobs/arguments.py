"""What callers pass to provider, backend and job, checked: each error names the argument and its value."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

import numpy as np

from jobs.errors import BasicAerError


def shown(value: Any) -> str:
    """Return a value as an error shows it: one line of 200 characters at most."""
    try:
        return " ".join([line.strip() for line in f"{value!r:.200}".splitlines()])
    except ValueError:
        return "a number of too many digits to show"  # Python writes no more than 4300


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about a name that is not known: what may have been meant, if anything."""
    names = list(known)
    name = _CALLED_HERE.get(name, name)
    found = [each for each in names if name in each.split("_")] or get_close_matches(name, names)
    return f"; did you mean {' or '.join(found)}?" if found else ""


def seconds(name: str, value: Any) -> float | None:
    """Check a time to wait, in seconds; None: without end. A negative time is one that is over."""
    if value is None:
        return None
    real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not real or value != value:  # noqa: PLR0124 (NaN; an int may be more than a float holds)
        raise BasicAerError(f"{name}={shown(value)} must be a number of seconds, or None")
    return math.inf if value > _FOREVER else float(max(value, -_FOREVER))


def count(name: str, value: Any) -> int:
    """Check a number of items; one that is too large for Redis means all."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise BasicAerError(f"{name}={shown(value)} must be a whole number of at least 0")
    return min(int(value), _ALL)


def moment(name: str, value: Any, default: float) -> float:
    """Check a point in time, and return it in Unix seconds; None: the default."""
    if value is None:
        return default
    if not isinstance(value, datetime.datetime):
        raise BasicAerError(f"{name}={shown(value)} must be a datetime.datetime, or None")
    try:
        return value.timestamp()
    except (OverflowError, ValueError, OSError) as error:
        raise BasicAerError(f"{name}={shown(value)} is too far away: {error}") from error


#: Some 30 million years.
_FOREVER = 1e15
#: What else options and methods are called, by Aer or for short -> what they are called here.
_CALLED_HERE = MappingProxyType(
    {
        "matrix_product_state_max_bond_dimension": "max_bond",
        "matrix_product_state_truncation_threshold": "cutoff",
        "mps": "matrix_product_state",
    }
)
#: More jobs than any Redis holds, and a number that Lua has.
_ALL = 1 << 40
