"""How long something takes or took, as people read it."""

from __future__ import annotations

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
#: What is longer than so many of a unit is told in the next.
_MANY = 100


def duration(seconds: float) -> str:
    """Return a time in the unit that fits it, in three figures at most: "0.012 s", "45 s", "2.5 min", "31 h"."""
    seconds = max(0.0, seconds)
    for unit, name in ((1.0, "s"), (_MINUTE, "min"), (_HOUR, "h")):
        if seconds < _MANY * unit:
            value = seconds / unit
            return f"{value:.{0 if value >= 10 else 1 if value >= 1 else 3}f} {name}"  # noqa: PLR2004 (figures)
    return f"{seconds / _DAY:.0f} days"
