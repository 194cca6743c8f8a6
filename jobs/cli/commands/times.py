"""Times on the command line: "7d" and dates in, and what a person reads of a moment out."""

from __future__ import annotations

import re
import time
from datetime import datetime

import click

#: No "m", which may be minutes or months.
_UNITS = {"s": 1, "sec": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)")


def moment(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Return a moment in Unix seconds: how long ago, as in 7d or 90min, or a date and time, local by default.

    A callback of an option; what is no moment is refused with what may be one.
    """
    if value is None:
        return None
    found = _AGO.fullmatch(value.strip().lower())
    if found and found[2] in _UNITS:
        return time.time() - float(found[1]) * _UNITS[found[2]]
    try:
        return datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError, OSError):
        raise click.BadParameter(
            f"{value!r} is no time: give how long ago in s, min, h, d or w, as in 30min or 7d, or a date as in "
            "2026-01-31",
            context,
            parameter,
        ) from None


def moment_text(seconds: float | None, now: float) -> str:
    """Return a moment in Unix seconds as a person in this zone reads it: the time if it is of today."""
    if seconds is None:
        return "?"
    then, today = datetime.fromtimestamp(seconds).astimezone(), datetime.fromtimestamp(now).astimezone()
    if then.date() == today.date():
        return then.strftime("%H:%M:%S")
    return then.strftime("%m-%d %H:%M" if then.year == today.year else "%Y-%m-%d")
