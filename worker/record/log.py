"""The lines of a job's log, as the scripts write them (`worker.record.keys`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from worker.record.nodes import display_names

__all__ = ["LogLine", "parse_log"]

#: A line has so many fields, with tabs between; the last may hold tabs of its own.
_FIELDS = 6


class LogLine(NamedTuple):
    """What happened to a shard once; or, of a long log, how many lines are gone."""

    #: Unix seconds, by the clock of Redis.
    time: float
    #: claimed, finished, error, died, released, lapsed; or omitted.
    word: str
    #: None: omitted.
    shard: int | None
    #: claimed, died, released, lapsed: which attempt, from 1; finished, error: microseconds; omitted: lines.
    number: int
    #: The worker's name; empty where its token did not say.
    worker: str
    #: Why; empty where there is nothing to say.
    text: str


def parse_log(lines: Iterable[bytes]) -> list[LogLine]:
    """Return the lines of a log, oldest first."""
    found = []
    for line in lines:
        try:
            time, word, shard, number, worker, text = line.decode(errors="replace").split("\t", _FIELDS - 1)
            entry = LogLine(int(time) / 1000, word, int(shard) if shard else None, int(number), worker, text)
        except ValueError:
            # Damaged: it says nothing.
            continue
        found.append(entry)
    names = display_names({entry.worker for entry in found})
    return [entry._replace(worker=names[entry.worker]) for entry in found]
