"""What happened to a job, as its user reads it."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from jobs.follow.progress import utc
from worker.record.log import LogLine
from worker.record.values import Record


@dataclass(frozen=True)
class LogEntry:
    """One thing that happened. ``str`` makes a line of it, with the time in the reader's own zone."""

    #: UTC, by the clock of Redis.
    time: datetime.datetime
    #: submitted; claimed, finished, error, died, released or lapsed, of a shard; omitted; ended or cancelled.
    event: str
    #: Which shard, from 0; None where it concerns the whole job.
    shard: int | None = None
    #: The worker's name, of what concerns a shard.
    worker: str | None = None
    #: claimed, died, released, lapsed: which attempt at this shard, from 1.
    attempt: int | None = None
    #: finished, error: what the simulation took.
    seconds: float | None = None
    #: omitted: entries that are not kept, of a long log's middle.
    count: int | None = None
    #: Why, or how it ended.
    text: str = ""

    def __str__(self) -> str:
        words = [self.time.astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3], f"{self.event:<9}"]
        if self.shard is not None:
            words.append(f"shard {self.shard}")
        if self.worker:
            words.append(f"by {self.worker}")
        if self.attempt is not None and (self.attempt > 1 or self.event != "claimed"):
            words.append(f"(attempt {self.attempt})")
        if self.seconds is not None:
            words.append(f"after {self.seconds:.3g} s")
        if self.count is not None:
            words.append(f"{self.count} entries")
        if self.text and self.shard is not None:
            words[-1] += ":"
        return " ".join([*words, self.text]).rstrip()


def entries(record: Record, lines: list[LogLine]) -> list[LogEntry]:
    """Return a job's log, oldest first: how it began and ended is in its record, what was between in its lines."""
    found = [LogEntry(utc(record.created), "submitted", text=f"by {record.owner}, {_shards(record.total)}")]
    found += [_entry(line) for line in lines]
    if record.ended is not None:
        text = "" if record.error_type is None else f"{record.error_type}: {record.error_text}"
        event, how = ("cancelled", "") if record.state == "CANCELLED" else ("ended", record.state)
        found.append(LogEntry(utc(record.ended), event, text=": ".join(filter(None, (how, text)))))
    return found


def _entry(line: LogLine) -> LogEntry:
    time, worker = utc(line.time), line.worker or None
    if line.word == "omitted":
        return LogEntry(time, line.word, count=line.number)
    if line.word in {"finished", "error"}:
        return LogEntry(time, line.word, line.shard, worker, seconds=line.number / 1e6, text=line.text)
    return LogEntry(time, line.word, line.shard, worker, attempt=line.number, text=line.text)


def _shards(count: int) -> str:
    return "1 shard" if count == 1 else f"{count} shards"
